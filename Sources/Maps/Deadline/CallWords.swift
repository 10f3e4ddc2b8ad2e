// What a worker writes at each library call, and its supervisor reads. It has memory of its own, so that the hot path
// reaches it by a pointer: counting references to objects would cost more than the marks themselves.

import Synchronization

/// The marks of one worker.
struct CallWords: ~Copyable {
    /// From the low end: two bits of state, 16 bits of the caller's place in the watch's list, the number of the call.
    let word = Atomic<UInt64>(CallWords.idle)
    /// The key of the present call, in the caller's memory, which does not change before the call is left.
    let keyStart = Atomic<UInt>(0)
    let keyCount = Atomic<Int>(0)

    static let idle: UInt64 = 0
    static let inside: UInt64 = 1
    static let abandoned: UInt64 = 2
    static let state: UInt64 = 3
    static let callerShift: UInt64 = 2
    static let callerLimit = 1 << 16
    static let oneCall: UInt64 = 1 << 18
    static let call: UInt64 = ~(oneCall - 1)

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
