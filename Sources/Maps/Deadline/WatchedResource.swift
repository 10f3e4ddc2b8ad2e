// One worker's use of something that may hang: asked before use, shown during use.

import Glibc
import Synchronization

/// One worker's use of a resource; shared by the tables that depend on it.
public final class WatchedResource: Sendable {
    let watch: CallWatch
    let state: ResourceState
    private let used = Mutex<Incarnation?>(nil)
    /// The change of health that the worker knows of.
    private let known = Atomic<Int>(0)

    /// The use that the watched worker makes of a resource.
    public init(_ resource: MapResource, watch: CallWatch) {
        self.watch = watch
        state = watch.health.state(of: resource)
    }

    /// The incarnation that the worker uses; the supervisor reads it when a call hangs.
    var incarnation: Incarnation? {
        get { used.withLock { $0 } }
        set { used.withLock { $0 = newValue } }
    }

    /// Asks before a lookup whether the resource may be entered.
    ///
    /// - Returns: false if it may, but in another incarnation than the one in use, which has to be forgotten.
    /// - Throws: at once, where a call hung in the resource and it is not yet well.
    @inline(__always)
    func ask() throws(ResourceFailure) -> Bool {
        if state.changes.load(ordering: .relaxed) == known.load(ordering: .relaxed) { return true }
        return try askAnew()
    }

    @inline(never)
    private func askAnew() throws(ResourceFailure) -> Bool {
        let (standing, changes) = state.standing(of: incarnation)
        switch standing {
        case .broken:
            throw ResourceFailure(
                text: "not asked, because a lookup before had no answer within \(seconds(watch.health.deadline)): "
                    + state.resource.remedy)
        case .wellElsewhere:
            return false
        case .well:
            known.store(changes, ordering: .relaxed)
            return true
        }
    }

    /// Whether nothing may be called any more, not even to close what is open: a call would hang.
    var isLost: Bool {
        if watch.isAbandoned { return true }
        return state.standing(of: incarnation).standing != .well
    }
}

/// A resource that may not be used now.
struct ResourceFailure: Error {
    /// Why, and what to do.
    let text: String

    /// What becomes of a worker whose call came back after it had been given up; nobody reads it.
    static let abandoned = ResourceFailure(text: "given up")
}

/// Shows the calls that one table makes.
@safe
final class WatchedCalls {
    /// What the calls depend on.
    let resource: WatchedResource
    private let mark: UInt64
    /// The key that calls without one of their own are made for; it must not dangle.
    private var subject = unsafe UnsafeRawBufferPointer(start: nil, count: 0)

    /// The calls of a table.
    init(_ table: TableName, _ resource: WatchedResource) {
        self.resource = resource
        mark = resource.watch.register(table, resource)
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
        guard unsafe resource.watch.enter(mark, key: key) else {
            // Inside a call that is watched already, such as that of a wrapper, this one is a part of that.
            if !resource.watch.isAbandoned { return body() }
            throw .abandoned
        }
        let answer = body()
        guard resource.watch.exit() else { throw .abandoned }
        return answer
    }
}
