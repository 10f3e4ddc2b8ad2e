// Searches of many threads over one connection. One of those who wait reads for all of them: libldap has one queue of results, and a
// thread of ours that read it would cost each lookup two more switches. Who has got what it waits for hands the reading on.

import Glibc
import Maps
import Synchronization
import System

/// An open connection, shared by the workers of the process.
final class LDAPConnection: Sendable {
    /// One who waits for an answer.
    private final class Waiter: Sendable {
        enum Word: Sendable {
            /// The answer.
            case answer(LDAPAnswer)
            /// There will be none.
            case failure(LDAPFailure)
            /// Whoever read for all has gone; read in its place.
            case read
        }

        private let word = Monitor<Word?>(nil)
        let attributes: [String]

        init(_ attributes: [String]) { self.attributes = attributes }

        func tell(_ word: Word) { self.word.change { $0 = word } }

        /// Takes what it was told, if anything: to read is told once.
        func take() -> Word? { word.change(Self.take) }

        func wait(until end: UInt64) -> Word? {
            let now = monotonicNanoseconds()
            return word.wait(atMost: .nanoseconds(Int64(clamping: end > now ? end - now : 0)), Self.take)
        }

        private static func take(_ word: inout Word?) -> Word? {
            defer { if case .read = word { word = nil } }
            return word
        }
    }

    private struct State {
        var waiting: [Int32: Waiter] = [:]
        /// Whether one of those who wait reads.
        var isRead = false
        /// Why nothing is asked over it any more.
        var failure: LDAPFailure?
        /// When the last answer came to anybody.
        var lastAnswer: UInt64 = 0
    }

    /// What messages call the server.
    let server: String
    fileprivate let handle: LDAPHandle
    private let state = Mutex(State())
    private let time: String
    /// The names that the server's schema has, once somebody has read it.
    private let schema = Mutex<LDAPSchema?>(nil)

    /// Opens a connection.
    init(
        _ server: String, _ access: LDAPAccess, _ library: LDAPLibrary, until end: UInt64, limit: LookupTime
    ) throws(LDAPFailure) {
        self.server = server
        time = limit.description
        handle = try LDAPHandle(server, access, library, until: end, time: time)
        // An anonymous user has sent nothing yet: that the server answers at all is seen by this.
        _ = try search("", LDAPSearch.entryAlone, "(objectClass=*)", [LDAPSchema.noAttributes], until: end)
        handle.limitSocket(limit.limit)
    }

    /// Whether nothing is asked over it any more.
    var isBroken: Bool { state.withLock { $0.failure != nil } }

    /// The server's schema, read once.
    func knownSchema(until end: UInt64) throws(LDAPFailure) -> LDAPSchema {
        if let known = schema.withLock({ $0 }) { return known }
        let read = try LDAPSchema(readFrom: self, until: end)
        schema.withLock { $0 = read }
        return read
    }

    /// Searches once, for what is not asked at each lookup.
    ///
    /// - Returns: the answer, whatever it is.
    func search(
        _ base: String, _ scope: Int32, _ filter: String, _ attributes: [String], until end: UInt64
    ) throws(LDAPFailure) -> LDAPAnswer {
        try search(
            LDAPSearch(base: base, scope: scope, filter: Array(filter.utf8), attributes: attributes, sizeLimit: 0),
            attributes, until: end, orAtMost: end)
    }

    /// Searches.
    ///
    /// - Parameters:
    ///   - end: when the answer has to be there, if others still get theirs.
    ///   - patience: when it has to be there, if nobody gets one any more: the server stands still.
    /// - Returns: the whole answer, whatever it is.
    func search(
        _ search: borrowing LDAPSearch, _ attributes: [String], until end: UInt64, orAtMost patience: UInt64
    ) throws(LDAPFailure) -> LDAPAnswer {
        let waiter = Waiter(attributes)
        let sent = monotonicNanoseconds()
        var reads = false
        // Sent under the lock, so that no answer comes before it is known whose it is.
        let number = try state.withLock { state throws(LDAPFailure) in
            if let failure = state.failure { throw failure }
            let number: Int32
            do throws(LDAPFailure) {
                number = try handle.send(search, until: end)
            } catch {
                if error.kind == .disconnected { Self.fail(&state, error) }
                throw error
            }
            state.waiting[number] = waiter
            if !state.isRead {
                state.isRead = true
                reads = true
            }
            return number
        }
        var limit = patience
        while true {
            if reads {
                if let answer = try read(for: number, until: limit) { return answer }
            } else {
                switch waiter.wait(until: limit) {
                case .answer(let answer): return answer
                case .failure(let failure): throw failure
                case .read:
                    reads = true
                    continue
                case nil: break
                }
            }
            // Time is up: for good, or for a server that stands still.
            let isStill = state.withLock { $0.lastAnswer < sent }
            if !isStill, limit < end {
                limit = end
                // Somebody else may have begun to read meanwhile, and this one may be told to.
                reads = resume(waiter)
                continue
            }
            if let word = leave(number, waiter) {
                switch word {
                case .answer(let answer): return answer
                case .failure(let failure): throw failure
                case .read: break
                }
            }
            guard isStill else {
                throw LDAPFailure(
                    .late, "no answer within \(time), though others got theirs; index the attributes of the filter")
            }
            let failure = LDAPFailure(.stalled, "no answer within \(time); restart or repair the server")
            close(failure)
            throw failure
        }
    }

    /// Ends the use of the connection.
    func close(_ failure: LDAPFailure) { state.withLock { Self.fail(&$0, failure) } }

    /// Reads for all until the own answer is there.
    ///
    /// - Returns: nil when time is up; somebody else reads then, if anybody waits.
    private func read(for number: Int32, until end: UInt64) throws(LDAPFailure) -> LDAPAnswer? {
        while true {
            do throws(LDAPFailure) {
                guard let message = try handle.receive(until: end) else { break }
                if let answer = deliver(message, readerOf: number) { return answer }
            } catch {
                state.withLock { Self.fail(&$0, error) }
                throw error
            }
        }
        state.withLock { state in
            state.isRead = false
            Self.handOn(&state, except: number)
        }
        return nil
    }

    /// Hands a message to the one who waits for it.
    ///
    /// - Returns: the answer, where the reader itself waits for it: then somebody else reads.
    private func deliver(_ message: consuming LDAPMessage, readerOf own: Int32) -> LDAPAnswer? {
        let number = message.number
        // Nobody waits any more for one that came too late.
        guard let waiter = state.withLock({ $0.waiting[number] }) else { return nil }
        let answer = message.answer(attributes: waiter.attributes)
        return state.withLock { state in
            state.lastAnswer = monotonicNanoseconds()
            guard state.waiting.removeValue(forKey: number) != nil else { return nil }
            guard number == own else {
                waiter.tell(.answer(answer))
                return nil
            }
            state.isRead = false
            Self.handOn(&state, except: own)
            return answer
        }
    }

    /// Goes on waiting, after time was up for a server that stands still.
    ///
    /// - Returns: whether to read.
    private func resume(_ waiter: Waiter) -> Bool {
        state.withLock { state in
            guard !state.isRead, state.failure == nil else { return false }
            state.isRead = true
            return true
        }
    }

    /// Waits no longer.
    ///
    /// - Returns: what the waiter was told in the last moment.
    private func leave(_ number: Int32, _ waiter: Waiter) -> Waiter.Word? {
        state.withLock { state in
            let word = waiter.take()
            guard state.waiting.removeValue(forKey: number) != nil else { return word }
            if case .read = word {
                state.isRead = false
                Self.handOn(&state, except: number)
            }
            return nil
        }
    }

    private static func handOn(_ state: inout State, except number: Int32) {
        guard let next = state.waiting.first(where: { $0.key != number }) else { return }
        state.isRead = true
        next.value.tell(.read)
    }

    private static func fail(_ state: inout State, _ failure: LDAPFailure) {
        if state.failure == nil { state.failure = failure }
        for waiter in state.waiting.values { waiter.tell(.failure(failure)) }
        state.waiting = [:]
        state.isRead = false
    }
}

extension LDAPConnection {
    /// What an answer that is no success means.
    func failure(_ answer: LDAPAnswer) -> LDAPFailure {
        handle.failure(answer.code, .searching, answer.diagnostic)
    }
}
