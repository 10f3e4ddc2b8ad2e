// A connection that some workers share. Questions go out one behind another without waiting for answers (pipeline mode), and come
// back in the same order. Of those who wait one reads for all (the leader); the others sleep until their answer is put before them,
// or until they are to lead. Where a connection ends, or one has no answer in time, all of its questions are asked once more
// on a new one.

import Bytes
import Glibc
import Maps
import Synchronization
import System

/// What connects to a list of servers, and asks the one that answers.
final class PostgreSQLLine: Sendable {
    /// How a question ended, for the one who asked it.
    enum Outcome: Sendable {
        case answered([PostgreSQLAnswer])
        case failed(PostgreSQLFailure)
        /// It was not sent, as the connection is another one now, or about to be.
        case notSent
    }

    /// One who waits for an answer; a worker's own.
    final class Waiter: Sendable {
        enum Phase: Sendable {
            case waiting
            case leading
            case done(Outcome)
        }

        fileprivate let phase = Monitor(Phase.waiting)

        fileprivate func reset() { phase.change { $0 = .waiting } }
        fileprivate func end(_ outcome: Outcome) { phase.change { $0 = .done(outcome) } }
        fileprivate func lead() { phase.change { $0 = .leading } }
        fileprivate var outcome: Outcome? { phase.change { if case .done(let outcome) = $0 { outcome } else { nil } } }
        fileprivate var isLeading: Bool { phase.change { if case .leading = $0 { true } else { false } } }
    }

    /// A statement that a connection knows.
    struct Prepared: Sendable {
        /// The number of the connection.
        fileprivate let generation: UInt64
        /// What it is called there.
        let name: String
        /// Whether the database has no other texts than UTF-8.
        let isUTF8: Bool
        /// Whether the connection was made for this question.
        fileprivate var isFresh: Bool
    }

    private struct State {
        var connection: PostgreSQLConnection?
        /// Goes up with each connection.
        var generation: UInt64 = 0
        /// The number in the last statement's name.
        var lastName: UInt64 = 0
        /// What its statements are called.
        var names: [PostgreSQLStatement: String] = [:]
        /// The questions whose answers have not come, in their order.
        var questions: [(waiter: Waiter, answers: [PostgreSQLAnswer])] = []
        /// Whether one of those who wait reads for all.
        var isLed = false
        /// Whether one of them connects, or prepares a statement.
        var isSettingUp = false
        /// Somebody had no answer in time: the connection is given up as soon as its reader sees it.
        var isCondemned = false
        /// Until when nothing is asked, after no server answered in time.
        var pauseEnd: UInt64 = 0
        /// Until when each server is tried after the others, as it did not answer in time.
        var setbacks: [Int: UInt64] = [:]
        /// Which of the servers it is connected to.
        var place = 0
    }

    private let servers: [PostgreSQLServer]
    private let searchPath: String
    private let limit: Duration
    private let state = Monitor(State())

    /// How long nothing is asked after no server answered in time, and how long one that did not is tried last.
    private static let pause: UInt64 = 500_000_000, setback: UInt64 = 10_000_000_000

    /// Connects to nothing yet.
    ///
    /// - Parameter limit: how long one question may take in the server.
    init(_ servers: [PostgreSQLServer], searchPath: String, limit: Duration) {
        self.servers = servers
        self.searchPath = searchPath
        self.limit = limit
    }

    // MARK: Connecting

    /// Sees to it that a connection knows a statement.
    ///
    /// - Parameter end: when this has to end.
    func prepare(_ statement: PostgreSQLStatement, until end: UInt64) throws(PostgreSQLFailure) -> Prepared {
        enum Turn {
            case refused
            case known(Prepared)
            case mine
        }
        let turn: Turn? = state.wait(atMost: Self.time(until: end)) { state in
            if monotonicNanoseconds() < state.pauseEnd { return .refused }
            guard !state.isSettingUp else { return nil }
            if !state.isCondemned, let connection = state.connection, let name = state.names[statement] {
                return .known(
                    Prepared(generation: state.generation, name: name, isUTF8: connection.isUTF8, isFresh: false))
            }
            // From now on nothing else is asked.
            state.isSettingUp = true
            return .mine
        }
        switch turn {
        case nil: throw Self.late
        case .refused:
            throw PostgreSQLFailure("not asked, because no server answered a lookup before in time", code: ETIMEDOUT)
        case .known(let prepared): return prepared
        case .mine: return try setUp(statement, until: end)
        }
    }

    /// Connects where there is no connection, and prepares a statement.
    private func setUp(
        _ statement: PostgreSQLStatement, until end: UInt64
    ) throws(PostgreSQLFailure) -> Prepared {
        do throws(PostgreSQLFailure) {
            // What was asked before is answered first.
            guard let known = state.wait(atMost: Self.time(until: end), Self.takeConnection) else { throw Self.late }
            if let connection = known.connection { return try finishSetUp(statement, connection, nil, until: end) }
            let (connection, place) = try connect(until: end)
            return try finishSetUp(statement, connection, place, until: end)
        } catch {
            state.change { state in
                state.isSettingUp = false
                if error.isLate { state.pauseEnd = monotonicNanoseconds() &+ Self.pause }
            }
            throw error
        }
    }

    /// The connection, for the one who sets it up, when nobody waits for it any more.
    private static func takeConnection(_ state: inout State) -> (connection: PostgreSQLConnection?, Void)? {
        guard state.questions.isEmpty else { return nil }
        let connection = state.isCondemned ? nil : state.connection
        state.connection = nil
        state.isCondemned = false
        return (connection, ())
    }

    private func finishSetUp(
        _ statement: PostgreSQLStatement, _ connection: PostgreSQLConnection, _ place: Int?, until end: UInt64
    ) throws(PostgreSQLFailure) -> Prepared {
        // A name is given once, as a statement that cannot be used may be there all the same.
        let name = state.change { state in
            state.lastName &+= 1
            return "zroute_\(state.lastName)"
        }
        let failure: PostgreSQLFailure?
        do throws(PostgreSQLFailure) {
            try statement.prepare(as: name, on: connection, until: end)
            failure = nil
        } catch {
            failure = error
        }
        // What another question's connection has become is known.
        if let failure, failure.isLate || failure.sequel == .lost { throw failure }
        let prepared: Prepared? = state.change { state in
            state.connection = connection
            if let place {
                state.generation &+= 1
                state.names = [:]
                state.place = place
            }
            guard failure == nil else { return nil }
            state.isSettingUp = false
            state.names[statement] = name
            return Prepared(
                generation: state.generation, name: name, isUTF8: connection.isUTF8, isFresh: place != nil)
        }
        if let failure { throw failure }
        guard let prepared else { throw Self.late }
        return prepared
    }

    /// Connects to the first server that answers; each has its part of the time.
    private func connect(until end: UInt64) throws(PostgreSQLFailure) -> (PostgreSQLConnection, place: Int) {
        let now = monotonicNanoseconds()
        let setbacks = state.change { state in
            state.setbacks = state.setbacks.filter { $0.value > now }
            return state.setbacks
        }
        let order = servers.indices.filter { setbacks[$0] == nil } + servers.indices.filter { setbacks[$0] != nil }
        var failures: [String] = []
        var isLate = false
        var code: Int32 = 0
        for (index, place) in order.enumerated() {
            let start = monotonicNanoseconds()
            let rest = end > start ? end - start : 0
            do throws(PostgreSQLFailure) {
                let connection = try PostgreSQLConnection(
                    servers[place], searchPath: searchPath, limit: limit,
                    until: start &+ rest / UInt64(order.count - index))
                return (connection, place)
            } catch {
                if error.isLate { noteSetback(of: place) }
                isLate = isLate || error.isLate
                code = error.code
                failures.append("\(servers[place]): \(error.text)")
            }
        }
        throw PostgreSQLFailure(
            failures.joined(separator: "; "), code: code, isLate: isLate, sequel: .kept)
    }

    private func noteSetback(of place: Int) {
        state.change { $0.setbacks[place] = monotonicNanoseconds() &+ Self.setback }
    }

    // MARK: Asking

    /// Asks a question, and once more on a new connection where the first has ended or does not answer.
    ///
    /// - Parameters:
    ///   - statement: what is prepared for it.
    ///   - waiter: the caller's own; another one where it was given up.
    ///   - isAsked: whether it is asked at all, now that it is known which database it is.
    ///   - send: sends it; called while nobody else uses the connection.
    /// - Returns: the answers, none of them a failure; nil where it is not asked.
    func ask(
        _ statement: PostgreSQLStatement, as waiter: inout Waiter, until end: UInt64, if isAsked: (Prepared) -> Bool,
        _ send: (PostgreSQLConnection, Prepared) -> Bool
    ) throws(PostgreSQLFailure) -> [PostgreSQLAnswer]? {
        var isLast = false
        while true {
            let prepared: Prepared
            do throws(PostgreSQLFailure) {
                prepared = try prepare(statement, until: end)
            } catch {
                guard error.sequel != .kept, !isLast else { throw error }
                isLast = true
                continue
            }
            guard isAsked(prepared) else { return nil }
            let now = monotonicNanoseconds()
            // Where another connection may answer, it has to have the time for it.
            let isOnly = isLast || prepared.isFresh || end <= now
            let failure: PostgreSQLFailure
            switch exchange(prepared, as: &waiter, until: isOnly ? end : now &+ (end - now) / 8 * 5, send) {
            case .notSent: continue
            case .answered(let answers):
                guard let error = answers.failure else { return answers }
                failure = error
                if error.sequel == .lost { giveUp(prepared) }
            case .failed(let error): failure = error
            }
            guard failure.sequel != .kept, !isLast else {
                if failure.isLate { state.change { $0.pauseEnd = monotonicNanoseconds() &+ Self.pause } }
                throw failure
            }
            isLast = true
        }
    }

    private func exchange(
        _ prepared: Prepared, as waiter: inout Waiter, until end: UInt64,
        _ send: (PostgreSQLConnection, Prepared) -> Bool
    ) -> Outcome {
        waiter.reset()
        let own = waiter
        let isLeader: Bool? = state.change { state in
            guard state.generation == prepared.generation, !state.isCondemned, !state.isSettingUp,
                let connection = state.connection
            else { return nil }
            state.questions.append((own, []))
            guard send(connection, prepared), connection.endQuestion() else {
                Self.end(&state, PostgreSQLFailure(ended: connection.message))
                return false
            }
            defer { state.isLed = true }
            return !state.isLed
        }
        guard let isLeader else { return .notSent }
        if isLeader { return lead(own, until: end) }
        let phase: Waiter.Phase? = own.phase.wait(atMost: Self.time(until: end)) { phase in
            if case .waiting = phase { nil } else { phase }
        }
        switch phase {
        case .done(let outcome): return outcome
        case .leading: return lead(own, until: end)
        case .waiting, nil:
            // Its answer may still come, before its reader sees that the connection is given up.
            waiter = Waiter()
            return condemn(own)
        }
    }

    /// Gives the connection up, as there was no answer in time; its reader closes it.
    private func condemn(_ waiter: Waiter) -> Outcome {
        state.change { state in
            if let outcome = waiter.outcome { return outcome }
            state.setbacks[state.place] = monotonicNanoseconds() &+ Self.setback
            if waiter.isLeading {
                Self.end(&state, Self.late)
            } else {
                state.isCondemned = true
                state.connection?.shutDown()
            }
            return .failed(Self.late)
        }
    }

    private static let late = PostgreSQLFailure("no answer in time", isLate: true, sequel: .lost)

    /// Reads for all, until its own answer is there.
    private func lead(_ waiter: Waiter, until end: UInt64) -> Outcome {
        while true {
            let place: (descriptor: Int32, hasMore: Bool)? = state.change { state in
                state.connection.map { ($0.descriptor, $0.hasMore) }
            }
            if let place {
                _ = PostgreSQLConnection.wait(
                    place.descriptor, for: place.hasMore ? POLLIN | POLLOUT : POLLIN, until: end)
            }
            let isLate = monotonicNanoseconds() >= end
            let outcome: Outcome? = state.change { state in
                if let connection = state.connection {
                    if connection.consume(), connection.flush(), !state.isCondemned {
                        Self.deliver(&state, from: connection)
                    } else {
                        Self.end(&state, PostgreSQLFailure(ended: connection.message))
                    }
                }
                if let outcome = waiter.outcome {
                    if let next = state.questions.first { next.waiter.lead() } else { state.isLed = false }
                    return outcome
                }
                guard isLate else { return nil }
                state.setbacks[state.place] = monotonicNanoseconds() &+ Self.setback
                Self.end(&state, Self.late)
                return .failed(Self.late)
            }
            if let outcome { return outcome }
        }
    }

    /// Puts answers that have come before those who wait for them.
    private static func deliver(_ state: inout State, from connection: PostgreSQLConnection) {
        while !state.questions.isEmpty, let answer = connection.nextAnswer() {
            guard answer.status == PostgreSQLCode.pipelineSync else {
                state.questions[0].answers.append(answer)
                continue
            }
            let question = state.questions.removeFirst()
            question.waiter.end(.answered(question.answers))
        }
    }

    /// Forgets the connection; all who wait for its answers are told.
    private static func end(_ state: inout State, _ failure: PostgreSQLFailure) {
        for question in state.questions { question.waiter.end(.failed(failure)) }
        state.questions = []
        state.isLed = false
        state.isCondemned = false
        state.connection = nil
        state.generation &+= 1
    }

    /// Forgets a connection on which nothing can be asked any more.
    private func giveUp(_ prepared: Prepared) {
        state.change { state in
            guard state.generation == prepared.generation, state.connection != nil else { return }
            guard !state.questions.isEmpty else { return Self.end(&state, Self.late) }
            state.isCondemned = true
            state.connection?.shutDown()
        }
    }

    private static func time(until end: UInt64) -> Duration {
        let now = monotonicNanoseconds()
        return .nanoseconds(Int64(clamping: end > now ? end - now : 0))
    }
}
