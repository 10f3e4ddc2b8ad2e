// One worker's use of something that may hang: asked before use, shown during use.

import Glibc
import Synchronization

/// One worker's use of a resource; shared by the tables that depend on it.
public final class WatchedResource: Sendable {
    let watch: CallWatch
    let state: ResourceState
    private let used = Mutex<Incarnation?>(nil)
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

    /// Asks whether the resource may be entered.
    ///
    /// - Returns: the change of health up to which the answer holds; nil if the resource may be entered, but in another
    ///   incarnation than the one in use, which has to be forgotten.
    /// - Throws: at once, where a call hung in the resource and it is not yet well.
    func ask() throws(ResourceFailure) -> Int? {
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
