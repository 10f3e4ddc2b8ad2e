// What a table does about the deadline at each lookup: a comparison before it, a mark before and after each call.

import Bytes
import Glibc
import Synchronization

/// Shows the calls that one table makes.
@safe
public final class WatchedCalls {
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

        /// Whether the lookups of the present request have had their time.
        @inline(__always)
        var isOverdue: Bool { unsafe words.pointee.isOverdue }

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
    public let resource: WatchedResource
    // A copy of a pointer in an object that the resource keeps, as the one in the marks is.
    private let changes: UnsafeMutablePointer<Atomic<Int>>
    /// The change of health that the table knows of.
    private let known = Atomic<Int>(0)
    /// The key that calls without one of their own are made for; it must not dangle.
    private var subject = unsafe UnsafeRawBufferPointer(start: nil, count: 0)

    /// The calls of a table.
    public init(_ table: TableName, _ resource: WatchedResource) {
        self.resource = resource
        marks = unsafe Marks(words: resource.watch.words, mark: resource.watch.register(table, resource))
        unsafe changes = resource.state.changes
    }

    /// Asks before a lookup whether the resource may be entered.
    ///
    /// - Returns: false if it may, but in another incarnation than the one in use, which has to be forgotten.
    /// - Throws: at once, where a call hung in the resource and it is not yet well, or where the request that the lookup is made
    ///   for has had its time.
    @inline(__always)
    public func ask() throws(ResourceFailure) -> Bool {
        if isUnchanged { return true }
        guard let change = try resource.ask() else { return false }
        known.store(change, ordering: .relaxed)
        return true
    }

    /// Whether `ask` would answer true without asking.
    @inline(__always)
    public var isUnchanged: Bool {
        unsafe changes.pointee.load(ordering: .relaxed) == known.load(ordering: .relaxed) && !marks.isOverdue
    }

    /// Does what has to be done before a key can be looked up.
    public func preparing<Answer, Failure>(
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
    public func call<Answer>(_ body: () -> Answer) throws(ResourceFailure) -> Answer {
        try unsafe call(key: subject, body)
    }

    /// A call came back after the worker had been given up.
    @inline(never)
    public func gaveUp() -> ResourceFailure {
        resource.watch.comeBack()
        return .abandoned
    }

    /// Makes a call that may never end.
    ///
    /// - Parameter key: what is looked up, for messages; in memory that does not change during the call.
    /// - Throws: where the worker was given up, before or during the call.
    @inline(__always)
    public func call<Answer>(
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

// One worker's use of something that may hang: asked before use, shown during use.

/// One worker's use of a resource; shared by the tables that depend on it.
public final class WatchedResource: Sendable {
    let watch: CallWatch
    /// What is known of the resource in this process.
    public let state: ResourceState
    private let used = Mutex<Incarnation?>(nil)
    /// The use that the watched worker makes of a resource.
    public init(_ resource: MapResource, watch: CallWatch) {
        self.watch = watch
        state = watch.health.state(of: resource)
    }

    /// The incarnation that the worker uses; the supervisor reads it when a call hangs.
    public var incarnation: Incarnation? {
        get { used.withLock { $0 } }
        set { used.withLock { $0 = newValue } }
    }

    /// Asks whether the resource may be entered.
    ///
    /// - Returns: the change of health up to which the answer holds; nil if the resource may be entered, but in another
    ///   incarnation than the one in use, which has to be forgotten.
    /// - Throws: at once, where a call hung in the resource and it is not yet well.
    public func ask() throws(ResourceFailure) -> Int? {
        guard !watch.isOverdue else { throw .overdue }
        let (standing, changes) = state.standing(of: incarnation)
        switch standing {
        case .broken:
            throw ResourceFailure(
                text: "not asked, because a lookup before had no answer within \(seconds(watch.health.deadline)): "
                    + state.resource.remedy)
        case .wellElsewhere:
            return nil
        case .well:
            return changes
        }
    }

    /// Whether nothing may be called any more, not even to close what is open: a call would hang.
    public var isLost: Bool {
        if watch.isAbandoned { return true }
        return state.standing(of: incarnation).standing != .well
    }
}

/// A resource that may not be used now.
public struct ResourceFailure: Error {
    /// Why, and what to do.
    public let text: String

    /// What becomes of a lookup whose request has had its time.
    static let overdue = ResourceFailure(
        text: "not asked, because the lookups before it took all the time that a request may take; make the maps"
            + " faster, or the list shorter")

    /// What becomes of a worker whose call came back after it had been given up; nobody reads it.
    static let abandoned = ResourceFailure(text: "given up")
}

// Puts a deadline on tables that know nothing of it, such as the accounts of the system behind a directory server.

/// A table whose lookups are shown to a supervisor.
public final class WatchedTable: Table {
    private let table: any Table
    private let calls: WatchedCalls

    /// Wraps a table.
    ///
    /// - Parameters:
    ///   - table: the table that answers; it belongs to the watched worker.
    ///   - resource: what its lookups depend on.
    public init(wrapping table: any Table, resource: WatchedResource) {
        self.table = table
        calls = WatchedCalls(table.name, resource)
    }

    /// What messages call the table: the name of the one inside.
    public var name: TableName { table.name }

    /// The privilege of the table inside.
    public var privilege: UInt32 { table.privilege }

    /// Looks the key up in the table inside, unless that hung before and is not yet well.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let result: Result<Bool, MapError>
        do throws(ResourceFailure) {
            _ = try calls.ask()
            // The key is the caller's, who waits.
            result = try unsafe key.withUnsafeBytes { bytes throws(ResourceFailure) in
                try unsafe calls.call(key: bytes) {
                    Result { () throws(MapError) in try table.lookUp(key, into: &value) }
                }
            }
        } catch {
            throw MapError(table: name, key: [UInt8](copying: key), code: ETIMEDOUT, text: error.text)
        }
        return try result.get()
    }

    /// Refreshes the table inside.
    public func refresh() -> Bool { table.refresh() }

    /// As the table inside.
    public var isLive: Bool { table.isLive }
}
