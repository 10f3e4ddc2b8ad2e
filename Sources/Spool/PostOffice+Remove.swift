// Removes messages whose recipients are all done.
//
//   step                                                  queue/N  transport/N        a later run
//   1 its submission and its origin know that it is done     x       x, all done      removes it
//   2 body removed, queue/ durable                           -       x, all done      removes the control file
//   3 control file removed                                   -       -                nothing
//
// The body goes first: a control file with nothing left to do explains itself, while a body without a control file might
// be one whose control file is still to come, as ZMailer's router puts the body in place first; it could never be removed.
// Many messages are removed with one sync of each directory: all take step 2 before any takes step 3.

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

/// Messages being removed together.
///
/// Their locks are held until the batch is gone.
public struct RemovalBatch: ~Copyable {
    private let postOffice: PostOffice
    private var messages: [(name: MessageName, file: OpenFile)] = []

    init(postOffice: PostOffice) {
        self.postOffice = postOffice
    }

    /// Adds a message all of whose recipients are done or failed; reports about failures must be submitted before.
    ///
    /// - Returns: nil where it was added; else why it stays.
    public mutating func add(_ message: consuming OpenControlFile) -> RemovalOutcome? {
        let name = message.message
        guard message.contents.isFinished else { return .failed("\(name): recipients are still pending") }
        do throws(FileError) {
            if let origin = message.contents.origin, let outcome = try postOffice.settle(origin) { return outcome }
            try postOffice.removeSubmission(of: name.description)
            // The tags may still be in memory alone: without them the message would be without body, yet pending.
            try message.sync()
            try postOffice.queue.unlink(name.description)
        } catch {
            return .failed(error.description)
        }
        messages.append((name, message.file))
        return nil
    }

    /// Removes what was added, durably.
    ///
    /// - Returns: the outcomes, in the order added.
    public consuming func commit() -> [(message: MessageName, outcome: RemovalOutcome)] {
        var failures = [FileError?](repeating: nil, count: messages.count)
        do throws(FileError) {
            guard !messages.isEmpty else { return [] }
            try postOffice.queue.sync()
            for index in messages.indices {
                do throws(FileError) {
                    try postOffice.transport.unlink(messages[index].name.description)
                } catch {
                    failures[index] = error
                }
            }
            try postOffice.transport.sync()
        } catch {
            failures = failures.map { $0 ?? error }
        }
        return messages.indices.map { index in
            (messages[index].name, failures[index].map { .failed($0.description) } ?? .removed)
        }
    }
}

extension PostOffice {
    /// Begins to remove messages.
    public func removal() -> RemovalBatch { RemovalBatch(postOffice: self) }

    /// Removes one message all of whose recipients are done or failed.
    public func remove(_ message: consuming OpenControlFile) -> RemovalOutcome {
        var batch = removal()
        if let outcome = batch.add(message) { return outcome }
        return batch.commit().first?.outcome ?? .removed
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
    fileprivate func removeSubmission(of message: String) throws(FileError) {
        guard let body = try queue.status(message), body.links > 1 else { return }
        var isRemoved = false
        for entry in try router.list() where entry.inode == body.inode {
            guard let name = String(validating: entry.name, as: UTF8.self) else { continue }
            try router.unlink(name)
            isRemoved = true
        }
        if isRemoved { try router.sync() }
    }
}

extension ControlFile {
    /// Whether one of the recipients whose lines begin at these offsets is neither done nor failed.
    fileprivate func hasPending(_ offsets: [Int]) -> Bool {
        let wanted = Set(offsets)
        return recipients.contains { wanted.contains($0.offset) && $0.tag != .done && $0.tag != .failed }
    }
}
