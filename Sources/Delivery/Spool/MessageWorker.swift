// Works on one message: decides about each recipient, delivers, writes down what came of it, reports, removes.
//
//   step                                                        a process that dies after it
//   1 recipients locked (`~` and process number)                another run finds the process dead and takes them over
//   2 transactions sent                                         they are sent again: no final reply was read
//   3 final replies read                                        sent again, a second copy: the one gap there is
//   4 diagnostics appended, tags written                        nothing of it is lost but by a power failure
//   5 file synced                                               nothing is lost
//   6 report submitted (Spool says how)                         the next run completes it or begins anew
//   7 message removed                                           the next run completes it
//
// Outcomes are written down as they come, transaction by transaction, so that step 3 is as short as it can be. Where one
// leaves nothing to do but to remove the message, removing it takes the place of step 5: one sync for many messages makes
// durable that they are done (PostOffice.remove).

import Files
import LMTP
public import Spool

/// What came of working on a message.
public enum MessageProgress: Sendable, Hashable {
    /// It is done and gone.
    case removed
    /// Something is left to do, at this time at the earliest, in seconds since 1970.
    case waiting(until: Int)
    /// Nothing here can be done about what is left of it.
    case notOurs
    /// Another run has it, or it is gone.
    case passedOver
    /// The system failed, or a person must look at it.
    case trouble
}

/// Works on messages, one at a time.
public struct MessageWorker: Sendable {
    let environment: DeliveryEnvironment
    /// Whether recipients are tried even where their next attempt is not due yet.
    let ignoresSchedule: Bool

    /// A worker.
    public init(_ environment: DeliveryEnvironment, ignoresSchedule: Bool = false) {
        self.environment = environment
        self.ignoresSchedule = ignoresSchedule
    }

    /// Does what is to be done for a message now.
    public func process(_ name: MessageName) -> MessageProgress {
        switch work(name) {
        case .ended(let progress): progress
        case .finished(let message):
            progress(name, after: environment.postOffice.remove([message]).first ?? .removed)
        }
    }

    /// Does what is to be done for a message now, but for its removal, which is left to a queue.
    ///
    /// - Parameter done: is told once what came of it.
    func process(
        _ name: MessageName, removals: RemovalQueue, done: @escaping @Sendable (MessageProgress) -> Void
    ) {
        finish(work(name), removals: removals, done: done)
    }

    /// The same for a message that was just routed.
    func process(
        _ routed: RoutedMessage, removals: RemovalQueue, done: @escaping @Sendable (MessageProgress) -> Void
    ) {
        finish(work(routed), removals: removals, done: done)
    }

    private func finish(
        _ result: WorkResult, removals: RemovalQueue, done: @escaping @Sendable (MessageProgress) -> Void
    ) {
        switch result {
        case .ended(let progress): done(progress)
        case .finished(let message): removals.add(message, self, done: done)
        }
    }

    private enum WorkResult {
        case ended(MessageProgress)
        /// All that is left is to remove it.
        case finished(FinishedMessage)
    }

    private func work(_ name: MessageName) -> WorkResult {
        work(name) { () throws(ControlAccessError) in try environment.postOffice.open(name) }
    }

    private func work(_ routed: RoutedMessage) -> WorkResult {
        work(routed.name) { () throws(ControlAccessError) in try environment.postOffice.open(routed) }
    }

    private func work(
        _ name: MessageName, open: () throws(ControlAccessError) -> ControlAccess
    ) -> WorkResult {
        do {
            switch try open() {
            case .busy: return .ended(.passedOver)
            case .gone: return .ended(.passedOver)
            case .opened(let message):
                var work = MessageWork(message, worker: self)
                let result = try work.run()
                guard case .removed = result else { return .ended(result) }
                switch environment.postOffice.prepareRemoval(work.finish()) {
                case .ready(let finished): return .finished(finished)
                case .stays(let outcome): return .ended(progress(name, after: outcome))
                }
            }
        } catch let error as FileError where error.isMissing {
            return .ended(.passedOver)
        } catch {
            environment.log(.trouble(name, "\(error)"))
            return .ended(.trouble)
        }
    }

    /// Says what came of a message's removal.
    func progress(_ name: MessageName, after outcome: RemovalOutcome) -> MessageProgress {
        switch outcome {
        case .removed:
            environment.log(.removed(name))
            return .removed
        case .busy: return .waiting(until: environment.clock() + 1)
        case .failed(let reason):
            environment.log(.trouble(name, reason))
            return .trouble
        }
    }
}
