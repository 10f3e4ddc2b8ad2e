// Delivery that does not end: it delivers what is routed as it comes, and what waits when it is due. Round by round: whoever
// serves decides what to wait for between two of them.

package import Spool
import System

/// Goes over the routed messages of a spool again and again.
package struct DeliveryService {
    private var environment: DeliveryEnvironment
    private let run: DeliveryRun
    private var nextLook = MonotonicTime(nanoseconds: 0)
    /// When messages that wait have something to be done, by a clock that nobody sets.
    private var due: [MessageName: MonotonicTime] = [:]
    private var lastListed: Int64?
    /// The messages that an attempt was asked for, and those of them that are being worked on for that.
    private var asked: Set<MessageName> = [], atWorkAsAsked: Set<MessageName> = []

    /// So long is no message left alone, in seconds: the dates of its files may have been a wrong clock's.
    private static let longestPause = 3600
    /// How long final replies are waited for at the end.
    private static let replyPatience = TimeSpan(seconds: 60)
    /// Between two looks at the spool, in nanoseconds.
    private static let pause: UInt64 = 1_000_000_000
    /// What a message is left alone for that a person must look at, in seconds.
    private static let troublePause = 60
    /// What nothing can be done about here is looked at again after so many seconds: another program may have changed it.
    private static let idlePause = 300

    /// A service.
    ///
    /// - Parameters:
    ///   - workers: how many messages are under way to one destination at a time.
    ///   - openLimit: the most messages that are open.
    package init(_ environment: DeliveryEnvironment, workers: Int, openLimit: Int = 256) {
        self.environment = environment
        run = DeliveryRun(workers: workers, openLimit: openLimit)
    }

    /// Whether nothing is under way.
    package var isIdle: Bool { run.count == 0 }

    /// Takes messages that were just routed; from any thread.
    package var deliver: @Sendable ([RoutedMessage]) -> Void {
        { [run, worker = MessageWorker(environment)] in _ = run.add($0, worker) }
    }

    /// Goes on by another plan, and looks at every message anew.
    package mutating func use(_ plan: DeliveryPlan) {
        environment = environment.with(plan: plan)
        beginAnew()
    }

    /// Looks at every message anew, in what may be another spool.
    package mutating func beginAnew() {
        due = [:]
        asked = []
        lastListed = nil
        nextLook = MonotonicTime(nanoseconds: 0)
    }

    /// Notes what came of messages, and looks at the spool where it is time.
    ///
    /// - Returns: whether it was.
    package mutating func round() -> Bool {
        let now = environment.clock()
        for (name, progress) in run.takeResults() {
            // Who was passed over, and who was asked for while an attempt was under way, is tried at the next look.
            if atWorkAsAsked.remove(name) != nil, progress != .passedOver {
                asked.remove(name)
                // It was not tried, and would not be the next time: a person must look at it.
                if progress == .trouble { try? environment.postOffice.endAsking(for: name) }
            }
            switch progress {
            case .removed: due[name] = nil
            case .waiting(let until): due[name] = Self.time(after: until.subtractingReportingOverflow(now).partialValue)
            case .notOurs: due[name] = Self.time(after: Self.idlePause)
            case .passedOver: due[name] = Self.time(after: 1)
            case .trouble: due[name] = Self.time(after: Self.troublePause)
            }
        }
        guard patience == .zero else { return false }
        nextLook = MonotonicTime.coarse().advanced(by: Self.pause)
        do throws(FileError) {
            try look(now)
        } catch {
            environment.log(.trouble(nil, error.description))
        }
        return true
    }

    /// How long it is until the next look at the spool.
    package var patience: Duration {
        let now = MonotonicTime.coarse()
        return now < nextLook ? .nanoseconds(Int64(clamping: nextLook.nanoseconds - now.nanoseconds)) : .zero
    }

    /// Begins nothing any more, and finishes what is under way: what is not sent to its last byte is given up.
    package func drain() {
        run.stop()
        environment.pool.stop(waitingForReplies: Self.replyPatience)
        run.drain()
    }

    private static func time(after seconds: Int) -> MonotonicTime {
        .coarse().advanced(by: UInt64(min(max(seconds, 0), longestPause)) * 1_000_000_000)
    }

    /// Gives the workers what is new and what is due.
    private mutating func look(_ now: Int) throws(FileError) {
        let present = MonotonicTime.coarse()
        var names = due.filter { $0.value <= present }.map(\.key)
        let modified = try FileIdentity(path: "\(environment.postOffice.path)/transport").modified
        // A name may be added within the same tick of the clock after the directory was read: look once more.
        if lastListed != modified || Int(modified / 1_000_000_000) >= now - 2 {
            lastListed = modified
            let listing = try environment.postOffice.messages()
            let known = Set(listing.names)
            due = due.filter { known.contains($0.key) }
            names = listing.names.filter { due[$0].map { $0 <= present } ?? true }
            asked = listing.toRetry.intersection(known)
        }
        let urgent = asked.filter { due[$0] != Self.atWork }
        for name in names + urgent { due[name] = Self.atWork }
        atWorkAsAsked.formUnion(
            run.add(urgent.sorted(), MessageWorker(environment, ignoresSchedule: true, isAskedFor: true)))
        run.add(names.filter { !urgent.contains($0) }.sorted(), MessageWorker(environment))
    }

    /// When a message is due that is being worked on.
    private static let atWork = MonotonicTime(nanoseconds: .max)
}
