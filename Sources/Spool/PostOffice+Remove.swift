// Removes messages whose recipients are all done.
//
//   step                                                  queue/N  transport/N        a later run
//   1 its submission and its origin know that it is done     x       x, all done      removes it
//   2 tags durable                                           x       x, all done      removes it
//   3 body removed, queue/ durable                           -       x, all done      removes the control file
//   4 control file removed, transport/ durable               -       -                nothing
//
// The body goes first: a control file with nothing left to do explains itself, while a body without a control file might
// be one whose control file is still to come, as ZMailer's router puts the body in place first; it could never be removed.
// Many messages are removed with one sync of each directory: all of them take a step before any takes the next.

import Files

/// What became of a message to be removed.
public enum RemovalOutcome: Sendable, Hashable {
    /// It is gone.
    case removed
    /// It stays: the message its recipients were taken over from is being worked on; remove it in a later run.
    case busy(origin: MessageName)
    /// It stays for this reason.
    case failed(String)
}

/// A message with nothing left to do, locked until the last copy of this value is gone.
public struct FinishedMessage: Sendable {
    /// The message.
    public let name: MessageName
    let file: OpenFile
    /// Whether its tags are known to be on the disk.
    let isDurable: Bool
}

/// Whether a message can be removed.
public enum RemovalReadiness: Sendable {
    /// It can, by `PostOffice.remove`.
    case ready(FinishedMessage)
    /// It stays.
    case stays(RemovalOutcome)
}

extension PostOffice {
    /// Takes step 1 with a message all of whose recipients are done or failed; reports about failures must be submitted
    /// before.
    public func prepareRemoval(_ message: consuming OpenControlFile) -> RemovalReadiness {
        let name = message.message
        guard message.contents.isFinished else { return .stays(.failed("\(name): recipients are still pending")) }
        do throws(FileError) {
            if let origin = message.contents.origin, let outcome = try settle(origin) {
                // It stays, and nobody else will make its tags durable.
                try message.sync()
                return .stays(outcome)
            }
            let body = if let open = message.body { try open.identity() } else { try queue.status(name.description) }
            try removeSubmission(of: body)
        } catch {
            return .stays(.failed(error.description))
        }
        return .ready(FinishedMessage(name: name, file: message.file, isDurable: message.isDurable))
    }

    /// Removes messages, durably.
    ///
    /// - Returns: the outcomes, in the order given.
    public func remove(_ messages: [FinishedMessage]) -> [RemovalOutcome] {
        var batch = RemovalBatch(postOffice: self, messages: messages)
        batch.run()
        return batch.outcomes
    }

    /// Removes one message all of whose recipients are done or failed.
    public func remove(_ message: consuming OpenControlFile) -> RemovalOutcome {
        switch prepareRemoval(message) {
        case .ready(let finished): remove([finished]).first ?? .removed
        case .stays(let outcome): outcome
        }
    }

    /// Makes sure that the message which recipients were taken over from has them marked done; nil where it has.
    fileprivate func settle(_ origin: ControlOrigin) throws(FileError) -> RemovalOutcome? {
        do throws(ControlAccessError) {
            guard let contents = try controlFile(of: origin.message) else { return nil }
            guard contents.hasPending(origin.offsets) else { return nil }
            switch try open(origin.message) {
            case .busy: return .busy(origin: origin.message)
            case .gone: return nil
            // Opening it was what marks them.
            case .opened(let opened):
                let isPending = opened.contents.hasPending(origin.offsets)
                return isPending ? .failed("\(origin.message): recipients taken over are still pending") : nil
            }
        } catch {
            return .failed(error.description)
        }
    }

    /// Removes the submission that a message came from, where a run died before it could.
    ///
    /// More than one link to the body may also be another control file's, or the postmaster's: the names in `router` tell.
    fileprivate func removeSubmission(of body: FileIdentity?) throws(FileError) {
        guard let body, body.links > 1 else { return }
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
    private var failures: [FileError?]

    init(postOffice: PostOffice, messages: [FinishedMessage]) {
        self.postOffice = postOffice
        self.messages = messages
        failures = messages.map { _ in nil }
    }

    var outcomes: [RemovalOutcome] {
        failures.map { failure in failure.map { .failed($0.description) } ?? .removed }
    }

    mutating func run() {
        syncTags()
        unlink(from: postOffice.queue)
        unlink(from: postOffice.transport)
    }

    /// Step 2: without its tags a message would be without body, yet pending.
    private mutating func syncTags() {
        let unsynced = messages.indices.filter { !messages[$0].isDurable }
        for (index, failure) in zip(unsynced, OpenFile.sync(unsynced.map { messages[$0].file })) {
            failures[index] = failure
        }
    }

    /// Steps 3 and 4.
    private mutating func unlink(from directory: SpoolDirectory) {
        for index in messages.indices where failures[index] == nil {
            do throws(FileError) {
                try directory.unlink(messages[index].name.description)
            } catch {
                failures[index] = error
            }
        }
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
