// Which environments (and files, and servers) hang, known to all workers of a process: nobody enters one again before
// it is well, so that a hang costs one deadline and one thread and not one for each address.

import Synchronization
public import System

/// What all workers of a process know of the resources that their maps depend on.
public final class ResourceHealth: Sendable {
    /// How long a call may take before it counts as one that will never end (setting lookuptimeout).
    public let deadline: Duration

    /// One for each environment and file, of which sites have a few.
    private let resources = Mutex<[ResourceState]>([])
    /// How many calls were given up and have not come back: each holds a thread.
    let abandonedCalls = Atomic<Int>(0)

    /// Past so many threads that hang, a broken resource stays broken even after somebody mended it.
    static let abandonedLimit = 64

    /// All is well to begin with.
    public init(deadline: Duration) {
        self.deadline = deadline
    }

    /// Whether lookups that need a resource fail at once, because a call hung in it.
    public func isBroken(_ resource: MapResource) -> Bool {
        state(of: resource).isBroken
    }

    func state(of resource: MapResource) -> ResourceState {
        resources.withLock { resources in
            if let known = resources.first(where: { $0.resource == resource }) { return known }
            let state = ResourceState(resource, health: self)
            resources.append(state)
            return state
        }
    }
}

/// The health of one resource.
@safe
public final class ResourceState: Sendable {
    private struct State {
        var isBroken = false
        /// Incarnations in which a call hangs, and whose locks nobody may touch again.
        var lost: Set<Incarnation> = []
        var nextCheck = MonotonicTime(nanoseconds: 0)
    }

    /// How things stand for one worker.
    enum Standing {
        case well
        /// The resource is well, but in another incarnation than the worker's.
        case wellElsewhere
        case broken
    }

    /// What it is the state of.
    public let resource: MapResource
    /// Goes up whenever the health changes: as long as a worker has seen the last change, it need not ask.
    ///
    /// It lives as long as this object; whoever uses it holds this object too.
    nonisolated(unsafe) let changes: UnsafeMutablePointer<Atomic<Int>>
    private let state = Mutex(State())
    // The health object owns this one and lives as long as any worker.
    private unowned let health: ResourceHealth

    /// How often a broken environment is looked at for having been recovered.
    private static let checkInterval: UInt64 = 500_000_000

    init(_ resource: MapResource, health: ResourceHealth) {
        self.resource = resource
        self.health = health
        unsafe changes = .allocate(capacity: 1)
        unsafe changes.initialize(to: Atomic(0))
    }

    deinit {
        unsafe changes.deinitialize(count: 1)
        unsafe changes.deallocate()
    }

    var isBroken: Bool { state.withLock(\.isBroken) }

    /// A call hangs and was given up.
    func hang(in incarnation: Incarnation?) {
        health.abandonedCalls.add(1, ordering: .relaxed)
        // Who hangs before it knows which incarnation it uses, hangs in the present one.
        let incarnation = incarnation ?? resource.incarnation
        state.withLock { state in
            state.isBroken = true
            if let incarnation { state.lost.insert(incarnation) }
            state.nextCheck = MonotonicTime.coarse().advanced(by: Self.checkInterval)
            unsafe changes.pointee.add(1, ordering: .releasing)
        }
    }

    /// A call that had been given up came back after all (its lock's holder had only been stopped, its file server is
    /// back), so the resource is well.
    func comeBack(in incarnation: Incarnation?) {
        health.abandonedCalls.subtract(1, ordering: .relaxed)
        state.withLock { state in
            state.isBroken = false
            if let incarnation { state.lost.remove(incarnation) }
            unsafe changes.pointee.add(1, ordering: .releasing)
        }
    }

    /// How things stand now; a broken environment is looked at again every half second.
    func standing(of incarnation: Incarnation?) -> (standing: Standing, changes: Int) {
        state.withLock { state in
            if state.isBroken, resource.isReincarnated { recheck(&state) }
            let isLost = incarnation.map(state.lost.contains) ?? false
            let standing: Standing = state.isBroken ? .broken : isLost ? .wellElsewhere : .well
            return unsafe (standing, changes.pointee.load(ordering: .relaxed))
        }
    }

    private func recheck(_ state: inout State) {
        let now = MonotonicTime.coarse()
        guard now >= state.nextCheck else { return }
        state.nextCheck = now.advanced(by: Self.checkInterval)
        guard health.abandonedCalls.load(ordering: .relaxed) < ResourceHealth.abandonedLimit else { return }
        // Gone altogether is well too: nobody can hang in it.
        if let present = resource.incarnation, state.lost.contains(present) { return }
        state.isBroken = false
        unsafe changes.pointee.add(1, ordering: .releasing)
    }
}

// What a lookup may wait for without end. Maps that share such a thing hang together, so it, and not a map, is what is
// found broken.

/// Something behind maps that may never answer.
public enum MapResource: Sendable, Hashable {
    /// A Berkeley DB environment, by its directory: a process killed inside it may leave it locked for good.
    case environment(home: String)
    /// A file outside of any environment: the disk or the file server under it may hang.
    case file(String)
    /// A server that answers lookups, by its address.
    case server(String)
    /// The system's name service (nsswitch.conf), behind which there may be a server.
    case nameService

    /// The cause of a hang, and what to do, as a clause of a message.
    var remedy: String {
        switch self {
        case .environment(let home):
            "the environment \(home) was probably left locked by a killed process; run `zroute db recover`"
        case .file(let path):
            "the disk or file server under \(path) does not answer; restart or repair it"
        case .server(let address):
            "the server at \(address) does not answer; restart or repair it"
        case .nameService:
            "a server of the name service does not answer; restart or repair it, or set LOCALUSERS"
        }
    }

    /// The incarnation that is there now; nil where there is none, or where resources of this kind have none.
    public var incarnation: Incarnation? {
        guard case .environment(let home) = self else { return nil }
        return (try? FileIdentity(path: Self.regionPath(home: home))).map(Incarnation.init)
    }

    /// Whether recovery gives it a new incarnation, so that one can see that somebody mended it.
    var isReincarnated: Bool {
        if case .environment = self { true } else { false }
    }

    /// The file of an environment that every recovery replaces: the first of its region files.
    public static func regionPath(home: String) -> String { home + "/__db.001" }
}

/// One life of an environment, from creation to removal: device and inode of its first region file.
///
/// Every user of the environment changes that file's contents and times. The inode cannot be given to the next
/// incarnation as long as somebody has this one mapped, which whoever hangs in it has.
public struct Incarnation: Sendable, Hashable {
    let device: UInt64, inode: UInt64

    /// Names an incarnation by its file.
    public init(_ file: FileIdentity) {
        device = file.device
        inode = file.inode
    }
}
