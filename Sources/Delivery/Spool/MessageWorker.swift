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

import LMTP
import NIOConcurrencyHelpers
package import Spool
import Synchronization
import System

/// What came of working on a message.
package enum MessageProgress: Sendable, Hashable {
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
package struct MessageWorker: Sendable {
    let environment: DeliveryEnvironment
    /// Whether recipients are tried even where their next attempt is not due yet.
    let ignoresSchedule: Bool
    /// Whether somebody has asked for an attempt at its messages (`PostOffice.askForAttempt`).
    let isAskedFor: Bool

    /// A worker.
    package init(_ environment: DeliveryEnvironment, ignoresSchedule: Bool = false, isAskedFor: Bool = false) {
        self.environment = environment
        self.ignoresSchedule = ignoresSchedule
        self.isAskedFor = isAskedFor
    }

    /// Does what is to be done for a message now, and waits until it is done.
    package func process(_ name: MessageName) -> MessageProgress {
        let run = DeliveryRun(workers: 1)
        run.add([name], self)
        run.wait()
        run.drain()
        return run.takeResults().first?.progress ?? .passedOver
    }

    /// What came of opening a message.
    enum Opening: ~Copyable {
        case opened(OpenControlFile)
        case ended(MessageProgress)
    }

    /// Opens a message, as routing handed it over or by its name.
    func open(_ name: MessageName, _ routed: RoutedMessage?) -> Opening {
        do throws(ControlAccessError) {
            let access =
                if let routed { try environment.postOffice.open(routed) } else { try environment.postOffice.open(name) }
            switch consume access {
            case .busy: return .ended(.passedOver)
            case .gone: return .ended(.passedOver)
            case .opened(let message): return .opened(message)
            }
        } catch {
            if case .file(let failure) = error, failure.isMissing { return .ended(.passedOver) }
            environment.log(.trouble(name, error.description))
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

// Hands outcomes from the connections' thread to the worker that waits for them, in the order they come.

/// Outcomes of the transactions of one message.
final class OutcomeQueue: Sendable {
    private let lock = ConditionLock(value: false)
    private let outcomes = Mutex<[(draft: Int, outcome: DeliveryOutcome)]>([])

    /// Adds the outcome of a transaction.
    func put(_ outcome: DeliveryOutcome, draft: Int) {
        lock.lock()
        outcomes.withLock { $0.append((draft, outcome)) }
        lock.unlock(withValue: true)
    }

    /// Waits for the next outcomes, one at least.
    func take() -> [(draft: Int, outcome: DeliveryOutcome)] {
        lock.lock(whenValue: true)
        let taken = outcomes.withLock { outcomes in
            defer { outcomes = [] }
            return outcomes
        }
        lock.unlock(withValue: false)
        return taken
    }
}

// Removes finished messages together: while some are being removed, and the disk is waited for, the workers go on, and
// what they finish meanwhile is removed next, with one set of syncs.

/// Messages that wait to be removed, and the removing of them by whichever worker finds nobody at it.
final class RemovalQueue: Sendable {
    private struct Entry: Sendable {
        let message: FinishedMessage
        let worker: MessageWorker
        let done: @Sendable (MessageProgress) -> Void
    }

    private struct State {
        var waiting: [Entry] = []
        var removing = 0
    }

    /// Each waiting message keeps a file open: where so many wait, another worker helps.
    private static let limit = 128

    private let state = Mutex(State())

    /// Removes a message, now or soon.
    ///
    /// - Parameter done: is told what came of it once that is durable, in this thread or another worker's.
    func add(_ message: FinishedMessage, _ worker: MessageWorker, done: @escaping @Sendable (MessageProgress) -> Void) {
        var batch = state.withLock { state in
            state.waiting.append(Entry(message: message, worker: worker, done: done))
            guard state.removing == 0 || state.waiting.count >= Self.limit else { return [Entry]() }
            state.removing += 1
            return Self.take(from: &state)
        }
        while !batch.isEmpty {
            Self.remove(batch)
            batch = state.withLock { state in
                if state.waiting.isEmpty { state.removing -= 1 }
                return Self.take(from: &state)
            }
        }
    }

    private static func take(from state: inout State) -> [Entry] {
        defer { state.waiting = [] }
        return state.waiting
    }

    private static func remove(_ entries: [Entry]) {
        guard let worker = entries.first?.worker else { return }
        // All workers of a run deliver the same spool.
        let outcomes = worker.environment.postOffice.remove(entries.map(\.message))
        for (entry, outcome) in zip(entries, outcomes) {
            entry.done(entry.worker.progress(entry.message.name, after: outcome))
        }
    }
}
