// The life of a service as a value: what happens goes in, what is to be done comes out. It knows no signal, no process and
// no clock, so that a test plays any life through.

/// The states of a service, and what leads from one to the next.
///
/// | state | start is over | reload is asked for | reload is over | end is asked for | draining is over | limit has passed |
/// |---|---|---|---|---|---|---|
/// | starting | ready | (after the start) | - | draining | - | - |
/// | ready | - | reloading | - | draining | - | - |
/// | reloading | - | (once more) | ready | draining | - | - |
/// | draining | - | - | - | ended, at once | ended | ended, at once |
/// | ended | - | - | - | - | - | - |
package struct LifeCycle: Sendable, Hashable {
    /// Where a service is in its life.
    package enum State: Sendable, Hashable, CaseIterable {
        /// It does not serve yet.
        case starting
        /// It serves.
        case ready
        /// It serves, and reads its configuration anew.
        case reloading
        /// It begins nothing any more, and finishes what is under way.
        case draining
        /// It is over.
        case ended
    }

    /// Something that happens to a service.
    package enum Event: Sendable, Hashable {
        /// It can serve from now on.
        case started
        /// It is asked to read its configuration anew.
        case reloadAsked
        /// It has done so, or found that it cannot use the new one.
        case reloaded
        /// A signal asks it to end.
        case endAsked(signal: Int32)
        /// Nothing is under way any more.
        case drained
        /// It has been draining for as long as it may.
        case drainLimitPassed
    }

    /// Something that is to be done because of it, in this order.
    package enum Action: Sendable, Hashable {
        /// Tell the service manager: it is ready (again), it reads its configuration, it is ending.
        case tellReady(isFirst: Bool), tellReloading, tellStopping
        /// Read the configuration anew, then say that it is done.
        case reload
        /// Finish what is under way, then say that it is done.
        case drain
        /// End by this signal without waiting for anything, as if killed: what is under way is left as a crash leaves it.
        case endAtOnce(signal: Int32, reason: Haste)
    }

    /// Why a service does not finish what is under way.
    package enum Haste: Sendable, Hashable {
        /// It was asked to end a second time.
        case askedAgain
        /// It took too long.
        case limitPassed
    }

    /// The present state.
    package private(set) var state = State.starting
    /// Whether the configuration is to be read once more when that is possible.
    private var isReloadAsked = false
    /// The signal that asked for the end.
    private var signal: Int32 = 0

    /// A service that starts.
    package init() {}

    /// Goes on to the next state.
    ///
    /// - Returns: what is to be done, in this order; nothing where the event changes nothing.
    package mutating func take(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.starting, .started): serve([.tellReady(isFirst: true)])
        case (.reloading, .reloaded): serve([.tellReady(isFirst: false)])
        case (.ready, .reloadAsked): reload([])
        case (.starting, .reloadAsked), (.reloading, .reloadAsked): askLater()
        case (.starting, .endAsked(let signal)), (.ready, .endAsked(let signal)),
            (.reloading, .endAsked(let signal)):
            drain(signal)
        case (.draining, .endAsked(let signal)): end([.endAtOnce(signal: signal, reason: .askedAgain)])
        case (.draining, .drainLimitPassed): end([.endAtOnce(signal: signal, reason: .limitPassed)])
        case (.draining, .drained): end([])
        case (.starting, _), (.ready, _), (.reloading, _), (.draining, _), (.ended, _): []
        }
    }

    private mutating func serve(_ actions: [Action]) -> [Action] {
        state = .ready
        return isReloadAsked ? reload(actions) : actions
    }

    private mutating func askLater() -> [Action] {
        isReloadAsked = true
        return []
    }

    private mutating func reload(_ actions: [Action]) -> [Action] {
        isReloadAsked = false
        state = .reloading
        return actions + [.tellReloading, .reload]
    }

    private mutating func drain(_ signal: Int32) -> [Action] {
        self.signal = signal
        state = .draining
        return [.tellStopping, .drain]
    }

    private mutating func end(_ actions: [Action]) -> [Action] {
        state = .ended
        return actions
    }
}
