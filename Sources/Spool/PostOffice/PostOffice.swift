// The directories of a spool (ZMailer: POSTOFFICE), opened once and worked in by name.

import Glibc
package import System

/// A spool: submissions in `router`, bodies in `queue`, control files in `transport`, files that are no messages in `postman`.
///
/// All four are on one file system: a message moves from one to the next as a further hard link to the same file, so
/// that its bytes are never copied and its name, the inode number, stays true. ZMailer needs the same.
package struct PostOffice: Sendable {
    /// The spool's path.
    package let path: String
    /// The gate before file operations.
    package let operations: FileOperations

    let router: SpoolDirectory
    let transport: SpoolDirectory
    let queue: SpoolDirectory
    let postman: SpoolDirectory

    /// Opens a spool that exists.
    ///
    /// - Throws: `FileError` where a directory is missing or cannot be opened, or they are not on one file system.
    package init(path: String, operations: FileOperations = FileOperations()) throws(FileError) {
        self.path = path
        self.operations = operations
        router = try SpoolDirectory(path: "\(path)/router", operations: operations)
        transport = try SpoolDirectory(path: "\(path)/transport", operations: operations)
        queue = try SpoolDirectory(path: "\(path)/queue", operations: operations)
        postman = try SpoolDirectory(path: "\(path)/postman", operations: operations)
        let device = try router.identity().device
        for directory in [transport, queue, postman] where try directory.identity().device != device {
            throw FileError(
                operation: "open", path: directory.path,
                reason: "on another file system than \(router.path); a message moves between them by hard links")
        }
    }

    /// Creates what is missing of a spool's directories; existing ones are left as they are.
    ///
    /// `router` and `public` are open to their group, as whoever may write there may submit mail: what is made in them is the
    /// group's, and only its owner may take it away (mode 3770). The others are open to their owner alone (0700). `public` and `deferred` serve ZMailer's programs.
    package static func create(path: String, operations: FileOperations = FileOperations()) throws(FileError) {
        let directories: [(path: String, mode: mode_t)] = [
            (path, 0o755), ("\(path)/router", 0o3770), ("\(path)/public", 0o3770), ("\(path)/transport", 0o700),
            ("\(path)/queue", 0o700), ("\(path)/postman", 0o700), ("\(path)/deferred", 0o700),
        ]
        for directory in directories {
            try operations.begin(.makeDirectory, directory.path)
            if unsafe mkdir(directory.path, directory.mode) == 0 {
                // mkdir is subject to the umask, which is about files a user makes, not about who may submit mail.
                guard unsafe chmod(directory.path, directory.mode) == 0 else {
                    throw FileError(operation: "chmod", path: directory.path, code: errno)
                }
            } else if errno != EEXIST {
                throw FileError(operation: "mkdir", path: directory.path, code: errno)
            }
        }
        try SpoolDirectory(path: path, operations: operations).sync()
    }

    /// The submissions that wait in `router`.
    package func submissions() throws(FileError) -> SpoolListing { try listing(of: router) }

    /// The messages that have a control file in `transport`.
    package func messages() throws(FileError) -> SpoolListing { try listing(of: transport) }

    /// The body of a message: its status, for size and age; nil where it is missing.
    package func body(of message: MessageName) throws(FileError) -> FileIdentity? {
        try queue.status(message.description)
    }

    /// The path of a message's body, for whoever reads it.
    package func bodyPath(of message: MessageName) -> String { queue.path(of: message.description) }

    /// The path of a message's control file, for messages to people.
    package func controlPath(of message: MessageName) -> String { transport.path(of: message.description) }

    func listing(of directory: SpoolDirectory) throws(FileError) -> SpoolListing {
        var listing = SpoolListing()
        for entry in try directory.list() {
            guard entry.name.first != UInt8(ascii: ".") else {
                if let name = TemporaryName.messageOnHold(entry.name) { listing.onHold.append(name) }
                if let name = TemporaryName.messageToRetry(entry.name) { listing.toRetry.insert(name) }
                continue
            }
            guard let name = MessageName(bytes: entry.name) else {
                listing.refused.append(.init(name: entry.name, reason: "the name has bytes that no message's name has"))
                continue
            }
            switch entry.type {
            // The file system does not tell: opening the file will.
            case Int32(DT_REG), Int32(DT_UNKNOWN): listing.names.append(name)
            case Int32(DT_LNK): listing.refused.append(.init(name: entry.name, reason: "a symbolic link"))
            case Int32(DT_DIR): listing.refused.append(.init(name: entry.name, reason: "a directory"))
            default: listing.refused.append(.init(name: entry.name, reason: "not a regular file"))
            }
        }
        listing.names.sort()
        listing.onHold.sort()
        return listing
    }
}

// A spool's directories may be moved away, or made anew, while a service works in them: it holds them open, and would go on
// where nobody looks any more.

extension PostOffice {
    private var directories: [SpoolDirectory] { [router, transport, queue, postman] }

    /// Whether the spool's path still leads to the directories that are open.
    ///
    /// - Throws: `FileError` where one of them is not there any more.
    func isInPlace() throws(FileError) -> Bool {
        var isInPlace = true
        for directory in directories where try !directory.isInPlace() { isInPlace = false }
        return isInPlace
    }

    /// Goes on in the directories to which the path leads now; only while nothing is being worked on.
    func takePlaceAgain() throws(FileError) {
        let now = try PostOffice(path: path, operations: operations)
        for (directory, other) in zip(directories, now.directories) { try directory.takePlace(of: other) }
    }
}

/// What a service knows of its spool's place, looked at between two rounds of work.
package struct SpoolPlace: Sendable {
    /// Something to tell people.
    package enum Change: Sendable {
        /// A directory is missing, or another one is in its place: nothing is done until the spool is there again.
        case away(reason: String)
        /// It is there again, or another spool is at its path: the service goes on there.
        case back
    }

    private let postOffice: PostOffice
    private var isAway = false

    /// The place of a spool that was just opened.
    package init(_ postOffice: PostOffice) { self.postOffice = postOffice }

    /// Looks whether the spool is where its path leads, and follows it where it is another one by now.
    ///
    /// - Parameters:
    ///   - isIdle: whether nothing is being worked on; only then the directories can change under the service.
    ///   - tell: is given each change once.
    /// - Returns: whether there may be work.
    package mutating func look(isIdle: Bool, tell: (Change) -> Void) -> Bool {
        do throws(FileError) {
            if try !postOffice.isInPlace() {
                leave("\(postOffice.path): other directories are there now", tell)
                guard isIdle else { return false }
                try postOffice.takePlaceAgain()
            }
        } catch {
            leave("\(error)", tell)
            return false
        }
        if isAway { tell(.back) }
        isAway = false
        return true
    }

    private mutating func leave(_ reason: String, _ tell: (Change) -> Void) {
        if !isAway { tell(.away(reason: reason)) }
        isAway = true
    }
}

extension SpoolPlace.Change {
    /// The change in words.
    package func description(of postOffice: PostOffice) -> String {
        switch self {
        case .away(let reason):
            "the spool is not in its place (\(reason)): nothing is done until \(postOffice.path) is there again, with router,"
                + " transport, queue and postman"
        case .back: "the spool is at \(postOffice.path) again: work goes on there"
        }
    }
}

extension PostOffice {
    /// The dates of a message; nil where its body or its control file is missing.
    ///
    /// - Parameter isOnHold: whether the message is one on hold.
    package func dates(
        of message: MessageName, _ contents: ControlFile, onHold isOnHold: Bool = false
    ) throws(FileError) -> MessageDates? {
        guard let body = try queue.status(message.description),
            let control = try transport.status(controlName(of: message, onHold: isOnHold))
        else { return nil }
        return MessageDates(
            arrival: body.modified / 1_000_000_000, changed: control.modified / 1_000_000_000,
            attempts: contents.diagnostics.map { Int64($0.diagnostic.time) })
    }
}
