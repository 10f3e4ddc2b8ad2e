// Removes messages whose recipients are all done.
//
//   step                                                  queue/N  transport/N        a later run
//   1 its submission and its origin know that it is done     x       x, all done      removes it
//   2 body removed, queue/ durable                           -       x, all done      removes the control file
//   3 control file removed                                   -       -                nothing
//
// The body goes first: a control file with nothing left to do explains itself, while a body without a control file might
// be one whose control file is still to come, as ZMailer's router puts the body in place first; it could never be removed.

import Files
import Glibc

/// What became of a message to be removed.
public enum RemovalOutcome: Sendable, Hashable {
    /// It is gone.
    case removed
    /// It stays: the message its recipients were taken over from is being worked on; remove it in a later run.
    case busy(origin: MessageName)
    /// It stays for this reason.
    case failed(String)
}

extension PostOffice {
    /// Removes a message all of whose recipients are done or failed.
    ///
    /// Reports about failures must be submitted before.
    public func remove(_ message: consuming OpenControlFile) -> RemovalOutcome {
        guard message.contents.isFinished else { return .failed("\(message.message): recipients are still pending") }
        do throws(FileError) {
            if let origin = message.contents.origin {
                switch try settle(origin) {
                case .settled: break
                case .busy: return .busy(origin: origin.message)
                case .failed(let reason): return .failed(reason)
                }
            }
            let name = message.message.description
            try removeSubmission(of: name)
            if try queue.status(name) != nil {
                // The tags may still be in memory alone: without them the message would be without body, yet pending.
                try message.sync()
                try queue.unlink(name)
                try queue.sync()
            }
            try transport.unlink(name)
            try transport.sync()
            return .removed
        } catch {
            return .failed(error.description)
        }
    }

    private enum Settlement {
        case settled, busy
        case failed(String)
    }

    /// Makes sure that the message which recipients were taken over from has them marked done.
    private func settle(_ origin: ControlOrigin) throws(FileError) -> Settlement {
        do throws(ControlAccessError) {
            guard let contents = try controlFile(of: origin.message) else { return .settled }
            let done = Set(contents.recipients.filter { $0.tag == .done || $0.tag == .failed }.map(\.offset))
            guard !done.isSuperset(of: origin.offsets) else { return .settled }
            switch try open(origin.message) {
            case .busy: return .busy
            case .gone: return .settled
            // Opening it was what marks them.
            case .opened(let opened):
                let pending = Set(opened.contents.recipients.filter { $0.tag == .pending }.map(\.offset))
                return pending.isDisjoint(with: origin.offsets) ? .settled : .failed("\(origin.message): still pending")
            }
        } catch {
            return .failed(error.description)
        }
    }

    /// Removes the submission that a message came from, where a run died before it could.
    ///
    /// More than one link to the body may also be another control file's, or the postmaster's: the names in `router` tell.
    private func removeSubmission(of message: String) throws(FileError) {
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
