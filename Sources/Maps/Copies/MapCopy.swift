// A map that others have, copied whole and kept current: lookups are answered from what is here and never wait for a server, and a key
// that a whole copy does not have certainly did not exist when the copy was made.

import Bytes
import Glibc
import Synchronization
import System

/// What a copy is made of, and how it is kept.
package struct CopyPlan: Sendable {
    /// Says what is copied: a server, a question.
    ///
    /// A copy on disk of anything else is of no use. No secrets belong here.
    package let subject: [UInt8]
    /// The file that keeps the copy for the next process; nil where nothing is kept.
    package let file: String?
    /// After so long without a word of the source lookups fail; nil for never.
    package let ageLimit: Duration?
    /// What becomes of a key that several items have.
    package let rule: SharedKeyRule

    /// Plans a copy.
    package init(subject: [UInt8], file: String?, ageLimit: Duration?, rule: SharedKeyRule) {
        self.subject = subject
        self.file = file
        self.ageLimit = ageLimit
        self.rule = rule
    }
}

/// The copy of one map, which all workers of a process share; it is kept current for as long as somebody has it.
package final class MapCopy: Sendable {
    /// The entries of one generation.
    struct Generation: Sendable {
        let number: Int
        let entries: LoadedEntries
        /// The keys whose value is not known, because so many items have them.
        let doubtful: [[UInt8]: Int]
    }

    /// How a copy stands.
    package struct Status: Sendable {
        /// How many keys it has; nil where it is not whole yet.
        package let count: Int?
        /// How often it has changed in this process.
        package let generation: Int
        /// How long ago its source was last in touch; nil where that was never.
        package let age: Duration?
        /// Why it is not followed now; nil where it is.
        package let failure: String?
        /// Whether this process keeps it on disk; others only read what one keeps.
        package let isKept: Bool
        /// Why it is not kept on disk; nil where it is, or is not meant to be.
        package let fileFailure: String?
    }

    fileprivate let state: CopyState
    package let plan: CopyPlan

    /// Begins to follow a source, with what the file has.
    ///
    /// - Parameters:
    ///   - hash: the hash function of whoever looks keys up.
    ///   - source: is followed in a thread of its own.
    package init(_ plan: CopyPlan, hash: ByteHash, source: any CopySource) {
        self.plan = plan
        let state = CopyState()
        self.state = state
        var thread = pthread_t()
        let code = startThread(&thread) { CopyFollower.run(plan, hash, source, state) }
        if code == 0 {
            pthread_detach(thread)
        } else {
            state.monitor.change {
                $0.failure = "no thread can be made to follow it in: \(unsafe String(cString: strerror(code)))"
            }
        }
    }

    deinit { state.stop() }

    /// How it stands.
    package var status: Status {
        let now = monotonicNanoseconds()
        return state.monitor.change { state in
            Status(
                count: state.generation?.entries.count, generation: state.generation?.number ?? 0,
                age: state.contact.map { .nanoseconds(Int64(clamping: now &- $0)) }, failure: state.failure,
                isKept: state.isKept, fileFailure: state.fileFailure)
        }
    }

    /// How many generations there were.
    var version: Int { state.publications }

    /// The entries, for a lookup.
    ///
    /// - Parameter patience: how long it may take until there are some at all.
    /// - Throws: where they are not whole yet, or older than they may be.
    func current(within patience: Duration) throws(CopyFailure) -> Generation {
        let found = state.monitor.wait(atMost: patience) { state in
            state.generation.map { (generation: $0, contact: state.contact, failure: state.failure) }
        }
        guard let found else {
            let failure = state.monitor.change { $0.failure }
            throw CopyFailure("its copy is not whole yet" + (failure.map { ": \($0)" } ?? "; wait for it"))
        }
        if let limit = plan.ageLimit, isOlder(than: limit, contact: found.contact) {
            throw CopyFailure(
                "its copy is older than \(seconds(limit)), as old as it may get"
                    + (found.failure.map { ": \($0)" } ?? ""))
        }
        return found.generation
    }

    /// Whether lookups fail because of its age.
    var isTooOld: Bool {
        guard let limit = plan.ageLimit else { return false }
        return isOlder(than: limit, contact: state.monitor.change { $0.contact })
    }

    private func isOlder(than limit: Duration, contact: UInt64?) -> Bool {
        guard let contact else { return true }
        return .nanoseconds(Int64(clamping: monotonicNanoseconds() &- contact)) > limit
    }

    /// Waits until the source has been in touch in this process, or could not be reached.
    ///
    /// - Returns: whether it was in touch.
    package func waitForContact(atMost patience: Duration) -> Bool {
        state.monitor.wait(atMost: patience) { $0.isInTouch ? true : $0.failure == nil ? nil : false } ?? false
    }

    /// Gives each entry of the present generation.
    ///
    /// - Throws: as a lookup does.
    package func forEach(
        within patience: Duration, _ body: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void
    ) throws(CopyFailure) {
        let generation = try current(within: patience)
        if let (key, count) = generation.doubtful.min(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            throw .doubtful(count, key)
        }
        generation.entries.forEach(body)
    }
}

/// What the thread that follows a source and those that look keys up share.
final class CopyState: Sendable {
    struct State {
        var generation: MapCopy.Generation?
        /// When the source was last in touch, on the clock of `monotonicNanoseconds`; that may be before the process began.
        var contact: UInt64?
        /// Whether it was in touch in this process since it last failed.
        var isInTouch = false
        var failure: String?
        var isKept = false
        var fileFailure: String?
        var isStopRequested = false
    }

    let monitor = Monitor(State())
    private let version = Atomic<Int>(0)

    /// How many generations there were.
    var publications: Int { version.load(ordering: .acquiring) }

    /// Nobody wants the copy any more.
    func stop() { monitor.change { $0.isStopRequested = true } }

    var isStopRequested: Bool { monitor.change { $0.isStopRequested } }

    func publish(_ entries: LoadedEntries, _ doubtful: [[UInt8]: Int]) {
        monitor.change { state in
            state.generation = MapCopy.Generation(
                number: (state.generation?.number ?? 0) + 1, entries: entries, doubtful: doubtful)
        }
        version.wrappingAdd(1, ordering: .releasing)
    }
}

/// Why a copy cannot answer, or cannot be made.
package struct CopyFailure: Error, Sendable {
    /// The cause and the remedy.
    package let text: String

    /// Says why.
    package init(_ text: String) { self.text = text }

    static func doubtful(_ count: Int, _ key: [UInt8]) -> CopyFailure {
        CopyFailure(
            "the source has \(count) values for the key '\(String(decoding: key, as: UTF8.self))', or an entry without one, so which"
                + " is meant is not known: leave one, or let several be a list")
    }
}
