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
public final class CallWatch: Sendable {
    /// What all workers know.
    public let health: ResourceHealth

    /// From the low end: two bits of state, 16 bits of the caller's place in `callers`, the number of the call.
    private let word = Atomic<UInt64>(Mark.idle)
    /// The key of the present call, in the caller's memory, which does not change before the call is left.
    private let keyStart = Atomic<UInt>(0)
    private let keyCount = Atomic<Int>(0)
    private let callers = Mutex<[Caller]>([])
    /// Held by the supervisor while it takes over; a call that comes back waits here until that is done.
    private let takeover = Mutex<Void>(())

    private struct Caller {
        let table: TableName
        let resource: WatchedResource
    }

    private enum Mark {
        static let idle: UInt64 = 0
        static let inside: UInt64 = 1
        static let abandoned: UInt64 = 2
        static let state: UInt64 = 3
        static let callerShift: UInt64 = 2
        static let callerLimit = 1 << 16
        static let oneCall: UInt64 = 1 << 18
        static let call: UInt64 = ~(oneCall - 1)
    }

    /// A watch over one worker.
    public init(health: ResourceHealth) {
        self.health = health
    }

    /// Whether the worker was given up: it must touch nothing that others can see.
    public var isAbandoned: Bool { word.load(ordering: .relaxed) & Mark.state == Mark.abandoned }

    // MARK: The worker's side

    /// Gives a caller its place.
    ///
    /// - Returns: the mark of its calls.
    func register(_ table: TableName, _ resource: WatchedResource) -> UInt64 {
        callers.withLock { callers in
            // More tables than places share the last one: a message would name the wrong map, no more.
            if callers.count < Mark.callerLimit { callers.append(Caller(table: table, resource: resource)) }
            return UInt64(callers.count - 1) << Mark.callerShift | Mark.inside
        }
    }

    /// Shows that the worker enters a call.
    ///
    /// - Returns: false if it did not: it is inside a call already, or was given up.
    @inline(__always)
    func enter(_ mark: UInt64, key: UnsafeRawBufferPointer) -> Bool {
        let previous = word.load(ordering: .relaxed)
        guard previous & Mark.state == Mark.idle else { return false }
        keyStart.store(UInt(bitPattern: key.baseAddress), ordering: .relaxed)
        keyCount.store(key.count, ordering: .relaxed)
        word.store((previous & Mark.call) &+ Mark.oneCall | mark, ordering: .releasing)
        return true
    }

    /// Shows that the worker left the call.
    ///
    /// - Returns: false if it was given up meanwhile.
    @inline(__always)
    func exit() -> Bool {
        let present = word.load(ordering: .relaxed)
        guard present & Mark.state == Mark.inside else {
            comeBack()
            return false
        }
        let isLeft = word.compareExchange(
            expected: present, desired: present & Mark.call, ordering: .acquiringAndReleasing
        ).exchanged
        if !isLeft { comeBack() }
        return isLeft
    }

    @inline(never)
    private func comeBack() {
        takeover.withLock { _ in }
        let resource = caller(of: word.load(ordering: .relaxed))?.resource
        resource?.state.comeBack(in: resource?.incarnation)
    }

    private func caller(of word: UInt64) -> Caller? {
        let place = Int(truncatingIfNeeded: word >> Mark.callerShift) & (Mark.callerLimit - 1)
        return callers.withLock { $0.indices.contains(place) ? $0[place] : nil }
    }

    // MARK: The supervisor's side

    /// The call that the worker is inside of; nil outside of calls.
    ///
    /// Equal values at two times mean one call.
    public var presentCall: UInt64? {
        let word = word.load(ordering: .relaxed)
        return word & Mark.state == Mark.inside ? word : nil
    }

    /// Gives the worker up, if it is still inside a call, and marks what the call hangs in as broken.
    ///
    /// - Parameters:
    ///   - call: the call, as ``presentCall`` gave it.
    ///   - takeOver: takes what the worker owned; the worker stands still as long as this runs.
    /// - Returns: what `takeOver` made of the error that the lookup ends with; nil if the call was left meanwhile.
    public func abandon<Taken>(_ call: UInt64, _ takeOver: (MapError) -> Taken) -> Taken? {
        takeover.withLock { _ in
            let abandoned = call & ~Mark.state | Mark.abandoned
            guard word.compareExchange(expected: call, desired: abandoned, ordering: .acquiringAndReleasing).exchanged,
                let caller = caller(of: call)
            else { return nil }
            caller.resource.state.hang(in: caller.resource.incarnation)
            // The caller's memory: it stands still until the takeover is done.
            let key = unsafe UnsafeRawBufferPointer(
                start: UnsafeRawPointer(bitPattern: keyStart.load(ordering: .relaxed)),
                count: keyCount.load(ordering: .relaxed))
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
