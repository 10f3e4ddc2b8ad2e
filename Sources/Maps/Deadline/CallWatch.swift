// A lookup can hang for ever inside Berkeley DB, and nothing frees its thread. So each worker shows whether it is inside
// such a call, and a supervisor that sees one call for too long takes the worker's work away from it.

import Glibc
import Synchronization

/// Shows which library call a worker is inside of.
///
/// One word says it all: idle, inside (with a number that no other call of this worker has), or abandoned. The worker
/// reads no clock and takes no lock. Leaving a call and abandoning it are both one compare-and-exchange of that word,
/// so exactly one of them happens: whatever the worker owned belongs to the supervisor from a successful
/// ``abandon(_:_:)`` on, and the worker touches none of it should its call ever come back.
@safe
public final class CallWatch: Sendable {
    /// What all workers know.
    public let health: ResourceHealth

    /// Lives as long as this object.
    nonisolated(unsafe) let words: UnsafeMutablePointer<CallWords>
    private let callers = Mutex<[Caller]>([])
    /// Held by the supervisor while it takes over; a call that comes back waits here until that is done.
    private let takeover = Mutex<Void>(())

    private struct Caller {
        let table: TableName
        let resource: WatchedResource
    }

    /// A watch over one worker.
    public init(health: ResourceHealth) {
        self.health = health
        unsafe words = .allocate(capacity: 1)
        unsafe words.initialize(to: CallWords())
    }

    // Whoever uses the words holds this object too.
    deinit {
        unsafe words.deinitialize(count: 1)
        unsafe words.deallocate()
    }

    /// Whether the worker was given up: it must touch nothing that others can see.
    public var isAbandoned: Bool {
        unsafe words.pointee.word.load(ordering: .relaxed) & CallWords.state == CallWords.abandoned
    }

    // MARK: The worker's side

    /// The worker begins something whose lookups have a time together; each has one of its own as ever.
    public func beginRequest() { unsafe words.pointee.beginRequest() }

    /// The worker has ended what it began by `beginRequest`.
    public func endRequest() { unsafe words.pointee.endRequest() }

    /// Whether the lookups of the present request have had their time: none is begun any more.
    var isOverdue: Bool { unsafe words.pointee.isOverdue }

    /// Gives a caller its index.
    ///
    /// - Returns: the mark of its calls.
    func register(_ table: TableName, _ resource: WatchedResource) -> UInt64 {
        callers.withLock { callers in
            // More tables than indices share the last one: a message would name the wrong map, no more.
            if callers.count < CallWords.callerLimit { callers.append(Caller(table: table, resource: resource)) }
            return UInt64(callers.count - 1) << CallWords.callerShift | CallWords.inside
        }
    }

    /// Waits until whoever gave the worker up is done, and tells that the call came back.
    @inline(never)
    func comeBack() {
        takeover.withLock { _ in }
        let resource = unsafe caller(of: words.pointee.word.load(ordering: .relaxed))?.resource
        resource?.state.comeBack(in: resource?.incarnation)
    }

    private func caller(of word: UInt64) -> Caller? {
        let index = Int(truncatingIfNeeded: word >> CallWords.callerShift) & (CallWords.callerLimit - 1)
        return callers.withLock { $0.indices.contains(index) ? $0[index] : nil }
    }

    // MARK: The supervisor's side

    /// The call that the worker is inside of; nil outside of calls.
    ///
    /// Equal values at two times mean one call.
    public var presentCall: UInt64? {
        let word = unsafe words.pointee.word.load(ordering: .relaxed)
        return word & CallWords.state == CallWords.inside ? word : nil
    }

    /// The request that the worker is at; nil between requests.
    ///
    /// Equal values at two times mean one request.
    public var presentRequest: UInt64? {
        let number = unsafe words.pointee.request.load(ordering: .acquiring)
        return number & 1 == 1 ? number : nil
    }

    /// Ends the lookups of a request, if the worker is still at it: the next one fails, and so does the request.
    public func expire(_ request: UInt64) { unsafe words.pointee.overdue.store(request, ordering: .relaxed) }

    /// Gives the worker up, if it is still inside a call, and marks what the call hangs in as broken.
    ///
    /// - Parameters:
    ///   - call: the call, as ``presentCall`` gave it.
    ///   - takeOver: takes what the worker owned; the worker stands still as long as this runs.
    /// - Returns: what `takeOver` made of the error that the lookup ends with; nil if the call was left meanwhile.
    public func abandon<Taken>(_ call: UInt64, _ takeOver: (MapError) -> Taken) -> Taken? {
        takeover.withLock { _ in
            let abandoned = call & ~CallWords.state | CallWords.abandoned
            guard
                unsafe words.pointee.word.compareExchange(
                    expected: call, desired: abandoned, ordering: .acquiringAndReleasing
                ).exchanged,
                let caller = caller(of: call)
            else { return nil }
            caller.resource.state.hang(in: caller.resource.incarnation)
            // The caller's memory: it stands still until the takeover is done.
            let key = unsafe UnsafeRawBufferPointer(
                start: UnsafeRawPointer(bitPattern: words.pointee.keyStart.load(ordering: .relaxed)),
                count: words.pointee.keyCount.load(ordering: .relaxed))
            return takeOver(
                MapError(
                    table: caller.table, key: unsafe key.isEmpty ? nil : Array(key), code: ETIMEDOUT,
                    text: "no answer within \(seconds(health.deadline)): \(caller.resource.state.resource.remedy)"))
        }
    }
}

/// A duration as messages show it: `5 s`, `0.25 s`.
func seconds(_ duration: Duration) -> String {
    let (whole, fraction) = duration.components
    let milliseconds = Int(fraction / 1_000_000_000_000_000)
    guard milliseconds > 0 else { return "\(whole) s" }
    var digits = String(1000 + milliseconds).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits) s"
}

// What a worker writes at each library call, and its supervisor reads. It has memory of its own, so that the hot path
// reaches it by a pointer: counting references to objects would cost more than the marks themselves.

/// The marks of one worker.
struct CallWords: ~Copyable {
    /// From the low end: two bits of state, 16 bits of the caller's index in the watch's list, the number of the call.
    let word = Atomic<UInt64>(CallWords.idle)
    /// The key of the present call, in the caller's memory, which does not change before the call is left.
    let keyStart = Atomic<UInt>(0)
    let keyCount = Atomic<Int>(0)

    /// The number of the present request where it is odd, and the request whose lookups have had their time.
    let request = Atomic<UInt64>(0)
    let overdue = Atomic<UInt64>(0)

    static let idle: UInt64 = 0
    static let inside: UInt64 = 1
    static let abandoned: UInt64 = 2
    static let state: UInt64 = 3
    static let callerShift: UInt64 = 2
    static let callerLimit = 1 << 16
    static let oneCall: UInt64 = 1 << 18
    static let call: UInt64 = ~(oneCall - 1)

    func beginRequest() { request.add(1, ordering: .releasing) }

    func endRequest() { request.add(1, ordering: .releasing) }

    @inline(__always)
    var isOverdue: Bool {
        let overdue = overdue.load(ordering: .relaxed)
        return overdue != 0 && overdue == request.load(ordering: .relaxed)
    }

    /// Shows that the worker enters a call.
    ///
    /// - Returns: false if it did not: it is inside a call already, or was given up.
    @inline(__always)
    func enter(_ mark: UInt64, key: UnsafeRawBufferPointer) -> Bool {
        let previous = word.load(ordering: .relaxed)
        guard previous & Self.state == Self.idle else { return false }
        keyStart.store(UInt(bitPattern: key.baseAddress), ordering: .relaxed)
        keyCount.store(key.count, ordering: .relaxed)
        word.store((previous & Self.call) &+ Self.oneCall | mark, ordering: .releasing)
        return true
    }

    /// Shows that the worker left the call.
    ///
    /// - Returns: false if it was given up meanwhile.
    @inline(__always)
    func exit() -> Bool {
        let present = word.load(ordering: .relaxed)
        return present & Self.state == Self.inside
            && word.compareExchange(
                expected: present, desired: present & Self.call, ordering: .acquiringAndReleasing
            ).exchanged
    }
}

// Tells a call that hangs from one that is only slow, by looking now and then.

/// Watches one worker for a call that lasts longer than the deadline.
///
/// Only time during which somebody looked counts, at most two intervals for each look: when the whole process was
/// stopped and continued, a call that had no time to end is not taken for one that hangs.
public struct CallSupervisor: Sendable {
    /// What is watched.
    public let watch: CallWatch
    private var call: UInt64?
    private var age = Duration.zero

    /// Nothing has been seen yet.
    public init(_ watch: CallWatch) {
        self.watch = watch
    }

    /// How often ``look(after:)`` should be called.
    public var interval: Duration { Self.interval(deadline: watch.health.deadline) }

    /// How often to look, so that a hang is found soon after the deadline.
    public static func interval(deadline: Duration) -> Duration {
        min(max(deadline / 20, .milliseconds(5)), .milliseconds(250))
    }

    /// Looks at the worker.
    ///
    /// - Parameter elapsed: the time since the last look.
    /// - Returns: the call that hangs, for `CallWatch.abandon`; nil where all is well.
    public mutating func look(after elapsed: Duration) -> UInt64? {
        let present = watch.presentCall
        guard let present, present == call else {
            call = present
            age = .zero
            return nil
        }
        age += min(elapsed, interval * 2)
        return age >= watch.health.deadline ? present : nil
    }
}
