// Moves routed submissions into place, many with few syncs, so that a crash at any point loses and doubles nothing.
//
// For a submission S whose message is N (names are links; all directories are on one file system):
//
//   step                                    router/S  queue/N  transport/.N.new  transport/N   a later run
//   0 claimed                                  x         -            -               -         routes S
//   1 control file written                     x         -         partial            -         routes S, rewrites .N.new
//   2 its content durable                      x         -          whole             -         routes S, rewrites .N.new
//   3 body linked                              x         x          whole             -         routes S, finds the link
//   4 queue/ durable                           x         x          whole             -         the same
//   5 control file renamed                     x         x            -               x         removes router/S
//   6 transport/ durable                       x         x            -               x         removes router/S
//   7 submission removed                       -         x            -               x         nothing
//   8 router/ durable                          -         x            -               x         nothing
//
// Step 5 decides: before it the message is a submission, after it a routed message, and `claim` tells which by whether
// queue/N is the same file as router/S and transport/N exists. A power failure can undo undurable steps from the end
// only: each sync stands before the step that relies on it. An agent may finish and remove the message between 5 and 7;
// `remove` therefore removes router/S first, or a later run would route it again.
//
// Where messages are handed over to whoever delivers them, the control file is locked from step 1 on: nobody else can
// come to it before the one who has it in memory.

import Glibc
package import System

/// A submission with the control file it gets.
package struct RoutedSubmission: Sendable {
    /// The submission.
    package let claim: ClaimedSubmission
    /// The control file.
    package let control: ControlFile

    /// A submission with the control file it gets, which names the message `claim.message`.
    package init(claim: ClaimedSubmission, control: ControlFile) {
        self.claim = claim
        self.control = control
    }
}

/// What became of a routed submission.
package enum CommitOutcome: Sendable, Hashable {
    /// The message is in place and the submission is gone.
    case committed
    /// The message is in place; the submission could not be removed for this reason, and the next run removes it.
    case committedButNotRemoved(FileError)
    /// The submission is still there for this reason; a later run routes it, or finds it routed and removes it.
    case failed(FileError)
}

extension PostOffice {
    /// Puts routed submissions in place: all of them durable when this returns, for one sync of a file each and one of
    /// each directory.
    ///
    /// A failure with one file concerns that one alone; a directory that cannot be synced concerns all that are not
    /// durable by then.
    ///
    /// - Parameter handOver: is given each message that is in place, in the order given, open and locked by this run;
    ///   where nobody wants them they are closed.
    /// - Returns: the outcomes, in the order given.
    package func commit(
        _ submissions: [RoutedSubmission], handOver: ((RoutedMessage) -> Void)? = nil
    ) -> [CommitOutcome] {
        var batch = CommitBatch(postOffice: self, submissions: submissions, isHandedOver: handOver != nil)
        batch.run()
        if let handOver { batch.messages.forEach(handOver) }
        return batch.outcomes
    }
}

extension SpoolDirectory {
    /// Removes a claimed submission's name, unless it has become another file's.
    func unlink(_ claim: ClaimedSubmission) throws(FileError) {
        if try status(claim.submission.description)?.inode == claim.identity.inode {
            try unlink(claim.submission.description)
        }
    }
}

private struct CommitBatch {
    let postOffice: PostOffice
    let submissions: [RoutedSubmission]
    /// Whether control files are locked before anybody can see them, and what they look like is noted.
    let isHandedOver: Bool
    /// nil while it goes well.
    private var failures: [FileError?]
    private var leftovers: [FileError?]
    private var files: [OpenFile?]
    private var identities: [FileIdentity?]

    init(postOffice: PostOffice, submissions: [RoutedSubmission], isHandedOver: Bool) {
        self.postOffice = postOffice
        self.submissions = submissions
        self.isHandedOver = isHandedOver
        failures = submissions.map { _ in nil }
        leftovers = failures
        files = submissions.map { _ in nil }
        identities = submissions.map { _ in nil }
    }

    /// What is in place.
    var messages: [RoutedMessage] {
        submissions.indices.compactMap { index in
            guard failures[index] == nil, let file = files[index], let identity = identities[index] else { return nil }
            let submission = submissions[index]
            return RoutedMessage(
                name: submission.claim.message, contents: submission.control, file: file, identity: identity,
                body: submission.claim.file)
        }
    }

    var outcomes: [CommitOutcome] {
        submissions.indices.map { index in
            if let failure = failures[index] { return .failed(failure) }
            if let leftover = leftovers[index] { return .committedButNotRemoved(leftover) }
            return .committed
        }
    }

    mutating func run() {
        let queue = postOffice.queue
        let transport = postOffice.transport
        let router = postOffice.router
        each { (batch, index) throws(FileError) in try batch.writeControlFile(index) }
        syncControlFiles()
        discardUnfinished()
        each { (batch, index) throws(FileError) in try batch.linkBody(index) }
        once { () throws(FileError) in try queue.sync() }
        each { (batch, index) throws(FileError) in
            let name = batch.submissions[index].claim.message.description
            try transport.rename(TemporaryName.control(name), to: name)
        }
        discardUnfinished()
        once { () throws(FileError) in try transport.sync() }
        // From here on the messages are in place: a failure leaves a name too many, which the next claim removes.
        for index in submissions.indices where failures[index] == nil {
            do throws(FileError) {
                try router.unlink(submissions[index].claim)
            } catch {
                leftovers[index] = error
            }
        }
        guard failures.contains(where: { $0 == nil }) else { return }
        do throws(FileError) {
            try router.sync()
        } catch {
            for index in submissions.indices where failures[index] == nil { leftovers[index] = error }
        }
    }

    private mutating func each(_ step: (inout CommitBatch, Int) throws(FileError) -> Void) {
        for index in submissions.indices where failures[index] == nil {
            do throws(FileError) {
                try step(&self, index)
            } catch {
                failures[index] = error
            }
        }
    }

    private mutating func once(_ step: () throws(FileError) -> Void) {
        guard failures.contains(where: { $0 == nil }) else { return }
        do throws(FileError) {
            try step()
        } catch {
            for index in submissions.indices where failures[index] == nil { failures[index] = error }
        }
    }

    private mutating func writeControlFile(_ index: Int) throws(FileError) {
        let claim = submissions[index].claim
        try claim.verify(in: postOffice.router)
        let name = TemporaryName.control(claim.message.description)
        let file = try postOffice.transport.createAnew(name)
        files[index] = file
        try file.write(submissions[index].control.bytes(), at: 0)
        // A file that somebody else has locked, if that can be, is not handed over.
        if isHandedOver, try file.tryLock() { identities[index] = try file.identity() }
    }

    private mutating func syncControlFiles() {
        let written = submissions.indices.filter { failures[$0] == nil }
        for (index, failure) in zip(written, OpenFile.sync(written.compactMap { files[$0] })) {
            failures[index] = failure
        }
    }

    /// Removes the control files that did not come into place: on a full disk they are in the way.
    private mutating func discardUnfinished() {
        for index in submissions.indices where failures[index] != nil && files[index] != nil {
            // A failure here leaves a temporary file, which the next run of this submission replaces.
            try? postOffice.transport.unlink(TemporaryName.control(submissions[index].claim.message.description))
            files[index] = nil
        }
    }

    private mutating func linkBody(_ index: Int) throws(FileError) {
        let claim = submissions[index].claim
        let message = claim.message.description
        do throws(FileError) {
            try postOffice.router.link(claim.submission.description, to: postOffice.queue, as: message)
        } catch {
            // A run that died may have linked it.
            guard error.code == EEXIST, try isLinked(claim) else { throw error }
            return
        }
        // The name was looked up anew: it must still have been the claimed file's.
        guard try isLinked(claim) else {
            try postOffice.queue.unlink(message)
            throw FileError(
                operation: "link", path: claim.file.path, reason: "another file took its name; left for later")
        }
    }

    private func isLinked(_ claim: ClaimedSubmission) throws(FileError) -> Bool {
        try postOffice.queue.status(claim.message.description)?.inode == claim.identity.inode
    }
}

// A message handed from the routing of a process to its delivery: what is in memory need not be opened and read again.

/// A message that a commit has just put in place, its control file open and locked until the last copy of this value is
/// gone.
package struct RoutedMessage: Sendable {
    /// The message.
    package let name: MessageName
    /// The size of its control file in bytes, which is held in memory.
    package var size: Int { contents.size }
    let contents: ControlFile
    let file: OpenFile
    /// The control file's status when it had been written: with any other it is read again.
    let identity: FileIdentity
    let body: OpenFile
}
