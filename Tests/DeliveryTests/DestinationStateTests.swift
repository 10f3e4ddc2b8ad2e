// The decisions about connections, without connections and with a clock of the test's own.

import Delivery
import LMTP
import NIOCore
import Testing

private func second(_ seconds: Int) -> NIODeadline { .uptimeNanoseconds(UInt64(seconds) * 1_000_000_000) }

private let terms = ConnectionTerms(
    messagesPerConnection: 100, maximumAge: TimeSpan(seconds: 600), idleLimit: TimeSpan(seconds: 10),
    limits: TimeLimits())

private struct Connection: DeliveryConnection, Sendable {
    var state: ConnectionState
}

/// A connection that was made at a time, in the state that a word names.
private func connection(_ word: String, at now: NIODeadline = second(1000)) -> Connection {
    var state = ConnectionState(terms, at: now)
    state.took()
    if word == "opening" { return Connection(state: state) }
    _ = state.endStep(.mail, isIdle: false, replyCount: 3, at: now)
    switch word {
    case "busy": break
    case "full": state.took()
    case "idle", "used": state.finished(wasAttempted: word == "used")
    case "quitting":
        state.finished(wasAttempted: true)
        _ = state.quit()
    case "old":
        state.finished(wasAttempted: true)
        state.sent(at: now + .seconds(600))
    case "worn":
        for _ in 1..<100 { state.took() }
        for _ in 0..<100 { state.finished(wasAttempted: true) }
    case "failed":
        state.finished(wasAttempted: true)
        state.beginStep(isFailing: true)
    case "closed":
        state.finished(wasAttempted: true)
        state.close()
    default: Issue.record("no state '\(word)'")
    }
    return Connection(state: state)
}

private func connections(_ words: String) -> [Connection] { words.split(separator: " ").map { connection(String($0)) } }

private let broken = ClientFailure.connectionFailed("nobody is there")

/// A destination whose server was found to be away at second 1000.
private func brokenState() -> DestinationState {
    var state = DestinationState()
    state.closed(connection("opening").state, broken, others: [Connection](), at: second(1000))
    return state
}

@Suite struct DestinationStateTests {
    // MARK: What goes next

    /// Idle connections first, then new ones, then as the second message of those at work; nothing to those that end.
    @Test(arguments: [
        ("", true, DestinationState.Step.connect), ("", false, .wait(forOthers: true)), ("idle", true, .give(0)),
        ("busy idle", true, .give(1)), ("idle idle", false, .give(0)), ("busy", true, .connect),
        ("busy", false, .give(0)),
        ("full busy", false, .give(1)), ("busy busy", false, .give(0)), ("full", false, .wait(forOthers: false)),
        ("full", true, .connect), ("opening", true, .connect), ("opening", false, .wait(forOthers: false)),
        ("quitting", false, .wait(forOthers: false)), ("old", false, .wait(forOthers: false)),
        ("worn", false, .wait(forOthers: false)), ("failed", false, .wait(forOthers: false)),
        ("closed", false, .wait(forOthers: false)), ("quitting old worn failed closed full busy used", true, .give(7)),
        ("quitting old worn failed closed full busy", false, .give(6)),
    ])
    func nextMessage(words: String, isAllowed: Bool, step: DestinationState.Step) {
        let next = DestinationState().nextStep(connections(words), allowed: isAllowed, at: second(1001))
        #expect(next == step)
    }

    /// A server that could not be reached is left alone for half a minute; what waits is deferred with its reason.
    @Test(arguments: [
        (1000, DestinationState.Step.deferWaiting(broken)), (1029, .deferWaiting(broken)), (1030, .connect),
    ])
    func serversAreLeftAlone(now: Int, step: DestinationState.Step) {
        let state = brokenState()
        #expect(state.nextStep([Connection](), allowed: true, at: second(now)) == step)
        #expect(state.isBroken(at: second(now)) == (step != .connect))
        // A connection that works is used all the same.
        #expect(state.nextStep(connections("idle"), allowed: true, at: second(now)) == .give(0))
    }

    /// An answer shows that the server is there; one that it gave while it ended the connection does not.
    @Test(arguments: [(true, false, false), (true, true, true), (false, false, true)])
    func anAnswerEndsThat(wasAttempted: Bool, isFailing: Bool, isBroken: Bool) {
        var state = brokenState()
        _ = state.finished(
            wasAttempted: wasAttempted, wasSent: true, attempts: 0, on: connection("busy"), isFailing: isFailing,
            isAnotherReady: false)
        #expect(state.isBroken(at: second(1001)) == isBroken)
    }

    @Test(arguments: [
        ("busy", true, false, false, DestinationState.Offer.give), ("busy", true, true, false, .dispatch),
        ("idle", true, true, false, .give), ("opening", true, true, true, .nothing),
        ("idle", false, true, false, .nothing),
        ("idle", false, true, true, .quit), ("busy", false, true, true, .nothing),
        ("opening", false, true, true, .nothing),
    ])
    func connectionsWithRoom(
        word: String, isWaiting: Bool, mayConnect: Bool, isAnyoneWaiting: Bool, offer: DestinationState.Offer
    ) {
        var state = DestinationState()
        func made() -> DestinationState.Offer {
            state.offer(
                to: connection(word), isWaiting: isWaiting, mayConnect: mayConnect, isAnyoneWaiting: isAnyoneWaiting)
        }
        #expect(made() == offer)
        // Once all is to end, so is a connection that has nothing to do.
        state.shutDown()
        #expect(made() == (word == "idle" && !isWaiting ? .quit : offer))
    }

    // MARK: Lost connections

    /// A message about which nothing was said goes to another connection, but not for ever, and not where none has worked.
    @Test(arguments: [
        ("used", false, true, 0, false, DestinationState.Disposal.retry(asFirst: true)),
        ("used", false, false, 0, false, .retry(asFirst: false)),
        ("used", false, true, 2, false, .retry(asFirst: true)),
        ("used", false, true, 3, false, .complete), ("used", true, true, 0, false, .complete),
        ("idle", false, true, 0, false, .complete), ("idle", false, true, 0, true, .retry(asFirst: true)),
        ("opening", false, false, 0, true, .retry(asFirst: false)), ("opening", false, false, 0, false, .complete),
    ])
    func lostMessages(
        word: String, wasAttempted: Bool, wasSent: Bool, attempts: Int, isAnotherReady: Bool,
        disposal: DestinationState.Disposal
    ) {
        for (isStopping, isFailing) in [(false, true), (true, true), (false, false)] {
            var state = DestinationState()
            if isStopping { state.stop() }
            let made = state.finished(
                wasAttempted: wasAttempted, wasSent: wasSent, attempts: attempts, on: connection(word),
                isFailing: isFailing, isAnotherReady: isAnotherReady)
            #expect(made == (isFailing && !isStopping ? disposal : .complete))
        }
    }

    /// What the end of a connection says about the server: nothing, that it is away, or that it takes no more connections.
    @Test(arguments: [
        ("opening", broken, "", true, 9), ("opening", broken, "opening", false, 9),
        ("opening", broken, "busy", false, 1),
        ("opening", broken, "busy busy opening", false, 3), ("busy", broken, "", false, 9),
        ("used", broken, "busy", false, 9),
        ("busy", .timedOut(.final), "", true, 9), ("busy", .timedOut(.final), "busy", true, 9),
        ("busy", .timedOut(.quit), "", false, 9), ("opening", .timedOut(.greeting), "", true, 9),
        ("opening", .timedOut(.greeting), "busy", false, 1), ("opening", .timedOut(.greeting), "opening", true, 9),
    ])
    func endsOfConnections(word: String, failure: ClientFailure, others: String, isBroken: Bool, most: Int) {
        var state = DestinationState()
        // Those that are left were opened later than the one that ends had last heard of its server.
        let left = others.split(separator: " ").map { connection(String($0), at: second(1500)) }
        state.closed(connection(word).state, failure, others: left, at: second(2000))
        #expect(state.isBroken(at: second(2029)) == isBroken && !state.isBroken(at: second(2030)))
        for count in 0..<9 { #expect(state.mayConnect(count, at: second(2029)) == (count < most)) }
        #expect(state.mayConnect(8, at: second(2030)))
    }

    /// Silence on one connection means nothing where the server has answered on another meanwhile.
    @Test(arguments: [(999, true), (1001, false)])
    func silenceOfOneConnection(answer: Int, isBroken: Bool) {
        var state = DestinationState()
        var other = connection("busy", at: second(900))
        other.state.received(at: second(answer))
        _ = state.finished(
            wasAttempted: true, wasSent: true, attempts: 0, on: other, isFailing: false, isAnotherReady: true)
        state.closed(connection("busy").state, .timedOut(.final), others: [other], at: second(2000))
        #expect(state.isBroken(at: second(2001)) == isBroken)
    }

    /// A connection that ends as it should, or never had a message, says nothing.
    @Test func politeEndsSayNothing() {
        var state = DestinationState()
        state.closed(connection("used").state, nil, others: [Connection](), at: second(2000))
        state.closed(ConnectionState(terms, at: second(1)), broken, others: [Connection](), at: second(2000))
        #expect(!state.isBroken(at: second(2000)) && state.mayConnect(100, at: second(2000)))
    }
}

@Suite struct ConnectionStateTests {
    /// A server that is busy is tried again as long as connecting may take (180 s), and nobody else is.
    @Test(arguments: [
        ("opening", true, false, 0, ConnectionState.Retry.again(.milliseconds(50))),
        ("opening", true, false, 179_949, .again(.milliseconds(50))), ("opening", true, false, 179_950, .giveUp),
        ("opening", true, true, 0, .giveUp), ("opening", false, false, 0, .giveUp), ("closed", true, false, 0, .giveUp),
    ])
    func busyServers(word: String, isBusy: Bool, isEnding: Bool, milliseconds: Int64, retry: ConnectionState.Retry) {
        let state = connection(word, at: second(1000)).state
        let now = second(1000) + .milliseconds(milliseconds)
        #expect(state.connectFailed(isBusy: isBusy, isEnding: isEnding, at: now) == retry)
    }

    @Test(arguments: [
        ("opening", ConnectionState.Need.work), ("busy", .work), ("full", .nothing), ("idle", .work),
        ("quitting", .quit),
        ("old", .quit), ("worn", .quit), ("failed", .nothing), ("closed", .quit),
    ])
    func needs(word: String, need: ConnectionState.Need) {
        #expect(connection(word).state.need == need)
    }

    /// Each reply has its time from when the one before it was whole; bytes of it gain nothing.
    @Test func repliesHaveTheirTime() {
        var state = ConnectionState(terms, at: second(0))
        let restarted = state.endStep(.connect, isIdle: false, replyCount: 0, at: second(1))
        #expect(restarted && state.deadline(bodySize: 0) == second(181))
        // The same phase: no new time without a reply that is whole.
        state.received(at: second(50))
        var again = state.endStep(.connect, isIdle: false, replyCount: 0, at: second(50))
        state.stoppedReading()
        #expect(!again && state.deadline(bodySize: 0) == second(181))
        state.received(at: second(60))
        again = state.endStep(.greeting, isIdle: false, replyCount: 0, at: second(60))
        #expect(again && state.deadline(bodySize: 0) == second(360) && !state.isReady)
        // One of several replies that are due in the same phase.
        _ = state.endStep(.recipient, isIdle: false, replyCount: 3, at: second(70))
        #expect(state.isReady && state.readySince == second(70))
        state.received(at: second(80))
        again = state.endStep(.recipient, isIdle: false, replyCount: 4, at: second(99))
        #expect(!again && state.waitingSince == second(80) && state.deadline(bodySize: 0) == second(380))
    }

    /// A message has its time for each block, and so much for each MiB in all.
    @Test(arguments: [(0, 0, 300), (0, 250, 300), (1 << 20, 250, 550), (3 << 20, 250, 550), (3 << 20, 1190, 1200)])
    func messagesHaveTheirTime(size: Int, block: Int, deadline: Int) {
        var state = ConnectionState(terms, at: second(0))
        _ = state.endStep(.body, isIdle: false, replyCount: 4, at: second(0))
        state.sentBlock(at: second(block))
        #expect(state.deadline(bodySize: size) == second(deadline))
    }

    /// A timer that fires looks at the clock: it waits on, ends a connection without work, or one whose server is silent.
    @Test(
        arguments: [
            (nil, 9, ConnectionState.TimerOutcome.wait), (nil, 10, .quit), (.final, 1199, .wait),
            (.final, 1200, .timeOut),
            (.data, 120, .timeOut), (.mail, 299, .wait), (.quit, 30, .timeOut),
        ] as [(ClientPhase?, Int, ConnectionState.TimerOutcome)])
    func timers(phase: ClientPhase?, now: Int, outcome: ConnectionState.TimerOutcome) {
        var state = ConnectionState(terms, at: second(0))
        _ = state.endStep(phase, isIdle: phase == nil, replyCount: 9, at: second(0))
        #expect(state.timerFired(bodySize: 0, at: second(now)) == outcome)
        state.close()
        #expect(state.timerFired(bodySize: 0, at: second(now)) == .nothing)
    }

    /// A session that ends without having been asked to takes no message; one that was asked needs nothing more.
    @Test func endingSessions() {
        var failing = connection("used").state
        _ = failing.endStep(.quit, isIdle: false, replyCount: 9, at: second(1001))
        #expect(!failing.isOpen && failing.need == .nothing)
        var asked = connection("used").state
        #expect(asked.quit() && !asked.quit())
        _ = asked.endStep(.quit, isIdle: false, replyCount: 9, at: second(1001))
        #expect(!asked.isOpen && asked.need == .quit)
    }
}
