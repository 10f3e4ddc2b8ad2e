// Removes messages whose recipients are all done.
//
//   step                                                  queue/N  queue/.finished-N  transport/N    a later run
//   1 its submission and its origin know that it is done,    x            -           x, all done    removes it
//     durably
//   2 body renamed, queue/ durable                           -            x           x, all done    goes on at 3
//   3 control file removed, transport/ durable               -            x           -              goes on at 4
//   4 body removed                                           -            -           -              nothing
//
// Step 2 makes durable that all recipients are done, for any number of messages with one sync: a power failure may take
// their tags back, and the body's name says so all the same (`completeRemovals`). It has the further use that a body is
// never without a control file under its own name: it might be one whose control file is still to come, as ZMailer's
// router puts the body in place first, and could never be removed. The inode number that a message is named by cannot be
// used anew as long as either name of the body stands.
// A message that is discarded takes the same steps while recipients are pending: the body's name says that nothing is left to do,
// and so step 2 decides. The control file of a message on hold is `transport/.hold-N` in this table. Whoever opens a message and
// finds it between 2 and 3 has its lock, so that nobody is at it any more, and takes the steps that are left.
// Many messages are removed with one sync of each directory: all of them take a step before any takes the next.

package import System

/// What became of a message to be removed.
package enum RemovalOutcome: Sendable, Hashable {
    /// It is gone.
    case removed
    /// It stays: the message its recipients were taken over from is being worked on; remove it in a later run.
    case busy(origin: MessageName)
    /// It stays for this reason.
    case failed(String)
}

/// A message with nothing left to do, locked until the last copy of this value is gone.
package struct FinishedMessage: Sendable {
    /// The message.
    package let name: MessageName
    let file: OpenFile
    /// The control file's name in `transport`.
    let controlName: String
}

/// Whether a message can be removed.
package enum RemovalReadiness: Sendable {
    /// It can, by `PostOffice.remove`.
    case ready(FinishedMessage)
    /// It stays.
    case stays(RemovalOutcome)
}

extension PostOffice {
    /// Takes step 1 with a message all of whose recipients are done or failed; reports about failures must be submitted
    /// before.
    package func prepareRemoval(_ message: consuming OpenControlFile) -> RemovalReadiness {
        guard message.contents.isFinished else {
            return .stays(.failed("\(message.message): recipients are still pending"))
        }
        return prepareDiscarding(message)
    }

    private func prepareDiscarding(_ message: consuming OpenControlFile) -> RemovalReadiness {
        let name = message.message
        do throws(FileError) {
            if let origin = message.contents.origin, let outcome = try settle(origin) {
                // It stays, and nobody else will make its tags durable.
                try message.sync()
                return .stays(outcome)
            }
            let body = if let open = message.body { try open.identity() } else { try queue.status(name.description) }
            // The body has another name. Renaming it to one that it has already would do nothing.
            if let body, body.links > 1 {
                try removeSubmission(of: body)
                try queue.unlink(TemporaryName.finished(name))
            }
        } catch {
            return .stays(.failed(error.description))
        }
        let controlName = controlName(of: name, onHold: message.isOnHold)
        return .ready(FinishedMessage(name: name, file: message.file, controlName: controlName))
    }

    /// Removes messages, durably.
    ///
    /// - Returns: the outcomes, in the order given.
    package func remove(_ messages: [FinishedMessage]) -> [RemovalOutcome] {
        var batch = RemovalBatch(postOffice: self, messages: messages)
        batch.run()
        return batch.outcomes
    }

    /// Removes one message all of whose recipients are done or failed.
    package func remove(_ message: consuming OpenControlFile) -> RemovalOutcome { remove(prepareRemoval(message)) }

    /// Removes a message whatever is left to do for it: nobody gets it any more, and nobody is told.
    ///
    /// What was split off it stays: those are messages of their own.
    package func discard(_ message: consuming OpenControlFile) -> RemovalOutcome { remove(prepareDiscarding(message)) }

    private func remove(_ readiness: RemovalReadiness) -> RemovalOutcome {
        switch readiness {
        case .ready(let finished): remove([finished]).first ?? .removed
        case .stays(let outcome): outcome
        }
    }

    /// Completes what runs that died, or a power failure, left of removing messages.
    ///
    /// Call it at the start of a run; `recover` does it too.
    package func completeRemovals() throws(FileError) {
        let names = try queue.list().compactMap { TemporaryName.finishedMessage($0.name) }
        guard !names.isEmpty else { return }
        var gone: [MessageName] = []
        for name in names where try isRemoved(name) { gone.append(name) }
        // Another run may have removed the control file just now.
        try transport.sync()
        for name in gone { try queue.unlink(TemporaryName.finished(name)) }
    }

    /// Whether there is nothing more of a finished message than its body under that other name.
    private func isRemoved(_ name: MessageName) throws(FileError) -> Bool {
        for isOnHold in [false, true] {
            do throws(ControlAccessError) {
                switch try open(name, onHold: isOnHold) {
                case .busy: return false
                // There is none, or opening it was what removed it.
                case .gone: continue
                // Of the new name of the body and the end of the old one a power failure may leave the one without the other: the
                // message is then as it was.
                case .opened: return true
                }
            } catch {
                switch error {
                case .file(let failure): throw failure
                case .content: return false
                }
            }
        }
        return true
    }

    /// Whether nothing of a message is left to do, as its body says, although its control file may still be there.
    ///
    /// It is being removed, or its removal has ended half-way, which whoever opens it completes.
    func isBeingRemoved(_ name: MessageName) throws(FileError) -> Bool {
        guard try queue.status(name.description) == nil else { return false }
        return try queue.status(TemporaryName.finished(name)) != nil
    }

    /// Whether a message that was there just now is gone, or has nothing more than a control file that soon will be.
    package func isGone(_ name: MessageName, onHold isOnHold: Bool) throws(FileError) -> Bool {
        if try isBeingRemoved(name) { return true }
        return try transport.status(controlName(of: name, onHold: isOnHold)) == nil
    }

    /// Takes the steps that are left of removing a message, which is locked by this process.
    func completeRemoval(of message: consuming OpenControlFile) throws(FileError) {
        let controlName = controlName(of: message.message, onHold: message.isOnHold)
        let finished = FinishedMessage(name: message.message, file: message.file, controlName: controlName)
        var batch = RemovalBatch(postOffice: self, messages: [finished])
        batch.run()
        if let failure = batch.failures.compactMap(\.self).first { throw failure }
    }

    /// Makes sure that the message which recipients were taken over from has them marked done, durably; nil where it has.
    func settle(_ origin: ControlOrigin) throws(FileError) -> RemovalOutcome? {
        do throws(ControlAccessError) {
            let name = origin.message
            let opened = try ControlAccessError.about { () throws(FileError) in try transport.open(name.description) }
            guard let file = opened else { return nil }
            if try !parse(file).hasPending(origin.offsets) {
                // Whoever made the marks may have died before they were durable: without this file they would be forgotten.
                try ControlAccessError.about { () throws(FileError) in try file.sync() }
                return nil
            }
            switch try open(name) {
            case .busy: return .busy(origin: name)
            case .gone: return nil
            // Opening it was what marks them.
            case .opened(var opened):
                let isPending = opened.contents.hasPending(origin.offsets)
                guard !isPending else { return .failed("\(name): recipients taken over are still pending") }
                try ControlAccessError.about { () throws(FileError) in try opened.sync() }
                return nil
            }
        } catch {
            return .failed(error.description)
        }
    }

    /// Removes the submission that a message came from, where a run died before it could.
    ///
    /// More than one link to the body may also be another control file's, or the postmaster's: the names in `router` tell.
    func removeSubmission(of body: FileIdentity) throws(FileError) {
        var isRemoved = false
        for entry in try router.list() where entry.inode == body.inode {
            guard let name = String(validating: entry.name, as: UTF8.self) else { continue }
            try router.unlink(name)
            isRemoved = true
        }
        if isRemoved { try router.sync() }
    }
}

/// Messages being removed together.
private struct RemovalBatch {
    let postOffice: PostOffice
    let messages: [FinishedMessage]
    /// nil while it goes well.
    private(set) var failures: [FileError?]

    init(postOffice: PostOffice, messages: [FinishedMessage]) {
        self.postOffice = postOffice
        self.messages = messages
        failures = messages.map { _ in nil }
    }

    var outcomes: [RemovalOutcome] {
        failures.map { failure in failure.map { .failed($0.description) } ?? .removed }
    }

    mutating func run() {
        let queue = postOffice.queue
        let transport = postOffice.transport
        each { (message) throws(FileError) in
            let name = message.name
            do throws(FileError) {
                try queue.rename(name.description, to: TemporaryName.finished(name))
            } catch {
                // A run that died came as far as this.
                guard error.isMissing else { throw error }
            }
        }
        sync(queue)
        each { (message) throws(FileError) in try transport.unlink(message.controlName) }
        sync(transport)
        each { (message) throws(FileError) in try queue.unlink(TemporaryName.finished(message.name)) }
    }

    private mutating func each(_ step: (FinishedMessage) throws(FileError) -> Void) {
        for index in messages.indices where failures[index] == nil {
            do throws(FileError) {
                try step(messages[index])
            } catch {
                failures[index] = error
            }
        }
    }

    private mutating func sync(_ directory: SpoolDirectory) {
        guard failures.contains(where: { $0 == nil }) else { return }
        do throws(FileError) {
            try directory.sync()
        } catch {
            failures = failures.map { $0 ?? error }
        }
    }
}

extension ControlFile {
    /// Whether one of the recipients whose lines begin at these offsets is neither done nor failed.
    fileprivate func hasPending(_ offsets: [Int]) -> Bool {
        let wanted = Set(offsets)
        return recipients.contains { wanted.contains($0.offset) && $0.tag != .done && $0.tag != .failed }
    }
}
