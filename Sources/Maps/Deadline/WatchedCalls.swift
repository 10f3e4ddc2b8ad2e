// What a table does about the deadline at each lookup: a comparison before it, a mark before and after each call.

import Synchronization

/// Shows the calls that one table makes.
@safe
final class WatchedCalls {
    /// What the calls depend on.
    let resource: WatchedResource
    private let mark: UInt64
    // Copies of pointers in objects that the resource keeps.
    private let words: UnsafeMutablePointer<CallWords>
    private let changes: UnsafeMutablePointer<Atomic<Int>>
    /// The change of health that the table knows of.
    private let known = Atomic<Int>(0)
    /// The key that calls without one of their own are made for; it must not dangle.
    private var subject = unsafe UnsafeRawBufferPointer(start: nil, count: 0)

    /// The calls of a table.
    init(_ table: TableName, _ resource: WatchedResource) {
        self.resource = resource
        mark = resource.watch.register(table, resource)
        unsafe words = resource.watch.words
        unsafe changes = resource.state.changes
    }

    /// Asks before a lookup whether the resource may be entered.
    ///
    /// - Returns: false if it may, but in another incarnation than the one in use, which has to be forgotten.
    /// - Throws: at once, where a call hung in the resource and it is not yet well.
    @inline(__always)
    func ask() throws(ResourceFailure) -> Bool {
        if unsafe changes.pointee.load(ordering: .relaxed) == known.load(ordering: .relaxed) { return true }
        guard let change = try resource.ask() else { return false }
        known.store(change, ordering: .relaxed)
        return true
    }

    /// Does what has to be done before a key can be looked up.
    func preparing<Answer, Failure>(
        for key: Span<UInt8>, _ body: () throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        // The subject is taken away before the closure ends.
        try unsafe key.withUnsafeBytes { bytes throws(Failure) in
            unsafe subject = bytes
            defer { unsafe subject = UnsafeRawBufferPointer(start: nil, count: 0) }
            return try body()
        }
    }

    /// Makes a call that may never end, for the key that is being prepared for, if any.
    ///
    /// - Throws: where the worker was given up, before or during the call.
    func call<Answer>(_ body: () -> Answer) throws(ResourceFailure) -> Answer {
        try unsafe call(key: subject, body)
    }

    /// Makes a call that may never end.
    ///
    /// - Parameter key: what is looked up, for messages; in memory that does not change during the call.
    /// - Throws: where the worker was given up, before or during the call.
    @inline(__always)
    func call<Answer>(
        key: UnsafeRawBufferPointer, _ body: () -> Answer
    ) throws(ResourceFailure) -> Answer {
        guard unsafe words.pointee.enter(mark, key: key) else {
            // Inside a call that is watched already, such as that of a wrapper, this one is a part of that.
            if !resource.watch.isAbandoned { return body() }
            throw .abandoned
        }
        let answer = body()
        guard unsafe words.pointee.exit() else {
            resource.watch.comeBack()
            throw .abandoned
        }
        return answer
    }
}
