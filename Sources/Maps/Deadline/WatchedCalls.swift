// What a table does about the deadline at each lookup: a comparison before it, a mark before and after each call.

import Synchronization

/// Shows the calls that one table makes.
@safe
final class WatchedCalls {
    /// What a call is marked with.
    ///
    /// It is no reference, so that a hot path may keep it and counts nothing; it is good as long as the object that it
    /// comes from.
    @safe
    struct Marks {
        fileprivate let words: UnsafeMutablePointer<CallWords>
        fileprivate let mark: UInt64

        /// Shows that the worker enters a call.
        ///
        /// - Returns: false if `call` has to be used, which knows why.
        @inline(__always)
        func enter(key: UnsafeRawBufferPointer) -> Bool {
            unsafe words.pointee.enter(mark, key: key)
        }

        /// Shows that the worker left the call that it entered.
        ///
        /// - Returns: false if it was given up meanwhile, which `gaveUp` has to be told.
        @inline(__always)
        func exit() -> Bool {
            unsafe words.pointee.exit()
        }
    }

    /// What its calls are marked with.
    let marks: Marks

    /// What the calls depend on.
    let resource: WatchedResource
    // A copy of a pointer in an object that the resource keeps, as the one in the marks is.
    private let changes: UnsafeMutablePointer<Atomic<Int>>
    /// The change of health that the table knows of.
    private let known = Atomic<Int>(0)
    /// The key that calls without one of their own are made for; it must not dangle.
    private var subject = unsafe UnsafeRawBufferPointer(start: nil, count: 0)

    /// The calls of a table.
    init(_ table: TableName, _ resource: WatchedResource) {
        self.resource = resource
        marks = unsafe Marks(words: resource.watch.words, mark: resource.watch.register(table, resource))
        unsafe changes = resource.state.changes
    }

    /// Asks before a lookup whether the resource may be entered.
    ///
    /// - Returns: false if it may, but in another incarnation than the one in use, which has to be forgotten.
    /// - Throws: at once, where a call hung in the resource and it is not yet well.
    @inline(__always)
    func ask() throws(ResourceFailure) -> Bool {
        if isUnchanged { return true }
        guard let change = try resource.ask() else { return false }
        known.store(change, ordering: .relaxed)
        return true
    }

    /// Whether `ask` would answer true without asking.
    @inline(__always)
    var isUnchanged: Bool {
        unsafe changes.pointee.load(ordering: .relaxed) == known.load(ordering: .relaxed)
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

    /// A call came back after the worker had been given up.
    @inline(never)
    func gaveUp() -> ResourceFailure {
        resource.watch.comeBack()
        return .abandoned
    }

    /// Makes a call that may never end.
    ///
    /// - Parameter key: what is looked up, for messages; in memory that does not change during the call.
    /// - Throws: where the worker was given up, before or during the call.
    @inline(__always)
    func call<Answer>(
        key: UnsafeRawBufferPointer, _ body: () -> Answer
    ) throws(ResourceFailure) -> Answer {
        guard unsafe marks.enter(key: key) else {
            // Inside a call that is watched already, such as that of a wrapper, this one is a part of that.
            if !resource.watch.isAbandoned { return body() }
            throw .abandoned
        }
        let answer = body()
        guard marks.exit() else { throw gaveUp() }
        return answer
    }
}
