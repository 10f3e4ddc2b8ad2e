// Claims a submission: lock, name, and completion of what a dead run began.

package import System

extension PostOffice {
    /// Takes a submission for this run, unless another run has it.
    ///
    /// A submission whose message is in place already (same file in `queue`, and a control file) was left by a run that
    /// died in its last step, or is a second hard link to one message; its name is removed, and nothing is routed twice.
    ///
    /// - Throws: `FileError` where the file cannot be opened or is none: a symbolic link, a fifo, a directory.
    package func claim(_ submission: MessageName) throws(FileError) -> SubmissionClaim {
        let file: OpenFile
        let identity: FileIdentity
        switch try router.openLocked(submission.description) {
        case .busy: return .busy
        case .gone: return .gone
        case .locked(let opened, let status): (file, identity) = (opened, status)
        }
        let (message, isCommitted) = try messageName(of: submission, identity)
        guard isCommitted else {
            return .claimed(
                ClaimedSubmission(submission: submission, message: message, identity: identity, file: file))
        }
        // The names in place may not have been durable yet when the run died.
        try queue.sync()
        try transport.sync()
        try router.unlink(submission.description)
        try router.sync()
        return .finished(message)
    }
}

// Opens a message's control file, to look at it or to work on it.

extension PostOffice {
    /// The largest control file read, in bytes: several times what a header of 16 MiB and 10,000 recipients take.
    private static let controlFileLimit = 256 << 20

    /// Reads a message's control file without locking it; nil where there is no such message.
    ///
    /// - Parameter isOnHold: whether the message is one on hold.
    package func controlFile(
        of message: MessageName, onHold isOnHold: Bool = false
    ) throws(ControlAccessError) -> ControlFile? {
        let file = try ControlAccessError.about { () throws(FileError) in
            try transport.open(controlName(of: message, onHold: isOnHold))
        }
        return if let file { try parse(file) } else { nil }
    }

    /// Opens a message to work on it, unless another run does.
    ///
    /// What runs that died had begun is completed first: recipients they had locked are pending again, recipients that
    /// another control file has taken over are marked done, and a report they had decided on is submitted. What is
    /// pending then is what there is to do. A message whose removal they had decided on is removed, and gone.
    ///
    /// - Parameter isOnHold: whether the message is one on hold: others are found only where this is false.
    package func open(
        _ message: MessageName, onHold isOnHold: Bool = false
    ) throws(ControlAccessError) -> ControlAccess {
        let locked = try ControlAccessError.about { () throws(FileError) in
            try transport.openLocked(controlName(of: message, onHold: isOnHold), forWriting: true)
        }
        switch locked {
        case .busy: return .busy
        case .gone: return .gone
        case .locked(let file, let identity):
            let opened = try completed(message, file, identity, body: nil, isOnHold: isOnHold)
            if try ControlAccessError.about({ () throws(FileError) in try isBeingRemoved(message) }) {
                do throws(FileError) {
                    try completeRemoval(of: opened)
                } catch {
                    throw .file(error)
                }
                return .gone
            }
            return .opened(opened)
        }
    }

    /// The name of a message's control file in `transport`.
    func controlName(of message: MessageName, onHold isOnHold: Bool) -> String {
        isOnHold ? TemporaryName.onHold(message) : message.description
    }

    /// Opens a message that `commit` handed over, which is locked already; it is read only where another program has
    /// changed it since.
    package func open(_ routed: RoutedMessage) throws(ControlAccessError) -> ControlAccess {
        let status = try ControlAccessError.about { () throws(FileError) in
            try transport.status(routed.name.description)
        }
        guard let status, status.inode == routed.identity.inode else { return .gone }
        guard status == routed.identity else {
            return .opened(try completed(routed.name, routed.file, status, body: routed.body))
        }
        return .opened(
            OpenControlFile(
                message: routed.name, contents: routed.contents, identity: status, postOffice: self, file: routed.file,
                body: routed.body))
    }

    /// Reads a locked control file, and completes what runs that died had begun with it.
    private func completed(
        _ message: MessageName, _ file: OpenFile, _ identity: FileIdentity, body: OpenFile?, isOnHold: Bool = false
    ) throws(ControlAccessError) -> OpenControlFile {
        var opened = OpenControlFile(
            message: message, contents: try parse(file, size: Int(clamping: identity.size)), identity: identity,
            postOffice: self, file: file, body: body, isOnHold: isOnHold)
        do throws(FileError) {
            try opened.releaseDeadLocks()
            try opened.markTakenOver()
            try opened.completeReport()
        } catch {
            throw .file(error)
        }
        return opened
    }

    /// Reads an open control file.
    func parse(_ file: OpenFile) throws(ControlAccessError) -> ControlFile {
        let size = try ControlAccessError.about { () throws(FileError) in try file.identity().size }
        return try parse(file, size: Int(clamping: size))
    }

    private func parse(_ file: OpenFile, size: Int) throws(ControlAccessError) -> ControlFile {
        let bytes = try ControlAccessError.about { () throws(FileError) in
            try file.readAll(size: size, limit: Self.controlFileLimit)
        }
        do throws(ControlFileError) {
            return try ControlFile(parsing: bytes)
        } catch {
            throw .content(path: file.path, error)
        }
    }
}

// A submission that one run has to itself: its lock is the kernel's, so a run that dies gives it up at once.

/// A locked submission and the name its message will have.
///
/// The lock goes with the last copy of this value, and with the process however that ends.
package struct ClaimedSubmission: Sendable {
    /// The submission's name in `router`.
    package let submission: MessageName
    /// The name of its message in `queue`, `transport` and `postman`.
    package let message: MessageName
    /// The file's status when it was claimed: size in bytes, time of arrival, owner.
    package let identity: FileIdentity
    let file: OpenFile

    /// Reads envelope and header; the body is not touched, however large.
    ///
    /// - Parameter headLimit: the largest number of bytes of envelope and header together.
    /// - Throws: `SubmissionReadError`: `content` where the file is no message, `file` where it could not be read.
    package func read(headLimit: Int = Submission.headLimit) throws(SubmissionReadError) -> Submission {
        try file.readSubmission(size: Int(clamping: identity.size), headLimit: headLimit)
    }

    /// Whether the file is still what was claimed: nobody wrote to it, and its name is still its own.
    func verify(in router: SpoolDirectory) throws(FileError) {
        let now = try file.identity()
        guard now.size == identity.size, now.modified == identity.modified else {
            throw FileError(operation: "route", path: file.path, reason: "it changed while it was read; left for later")
        }
        guard try router.status(submission.description)?.inode == identity.inode else {
            throw FileError(operation: "route", path: file.path, reason: "it vanished while it was read")
        }
    }
}

extension Submission {
    /// The largest number of bytes that envelope and header together may have.
    package static let headLimit = 16 << 20
}

extension OpenFile {
    /// Reads envelope and header of a submission.
    ///
    /// - Parameter size: the size of the whole file in bytes.
    func readSubmission(size: Int, headLimit: Int) throws(SubmissionReadError) -> Submission {
        var head: [UInt8] = []
        // Blocks grow fourfold, as each parse begins anew: all parses together cost a third more than the last.
        var block = 16 << 10
        while true {
            let wanted = min(block, headLimit)
            let more: [UInt8]
            do {
                more = try read(at: head.count, count: wanted - head.count)
            } catch {
                throw .file(error)
            }
            head += more
            let isWhole = head.count < wanted || head.count >= size
            do {
                if let submission = try SubmissionParser.parse(head, isWhole: isWhole) { return submission }
            } catch {
                throw .content(error)
            }
            guard wanted < headLimit else { throw .content(.headTooLarge(limit: headLimit)) }
            block = wanted * 4
        }
    }
}

extension PostOffice {
    /// Reads envelope and header of what is submitted, or was put aside, without locking it.
    ///
    /// - Returns: them, and the file's status; nil where there is no such file.
    package func submission(
        _ name: MessageName, in place: MessagePlace
    ) throws(SubmissionReadError) -> (submission: Submission, identity: FileIdentity)? {
        let file: OpenFile
        let identity: FileIdentity
        do throws(FileError) {
            guard let open = try textDirectory(of: place).open(name.description) else { return nil }
            (file, identity) = (open, try open.identity())
        } catch {
            throw .file(error)
        }
        let size = Int(clamping: identity.size)
        return (try file.readSubmission(size: size, headLimit: Submission.headLimit), identity)
    }
}

/// What came of claiming a submission.
package enum SubmissionClaim: Sendable {
    /// It is ours to route.
    case claimed(ClaimedSubmission)
    /// Another run has it.
    case busy
    /// There is no such file any more.
    case gone
    /// A run that died had routed it already; what it had left to do is done.
    case finished(MessageName)
}
