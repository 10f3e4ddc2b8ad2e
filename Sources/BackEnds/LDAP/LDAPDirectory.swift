// The servers of a directory, for a worker or several: one connection, which is asked by all of them, and another server where one
// stands still, is gone, or has not all entries. Passing over is done here: the library stays with a server that accepts
// connections and never answers.

import Glibc
import Maps
import Synchronization
import System

/// The servers of a directory.
final class LDAPDirectory: Sendable {
    private struct Server {
        /// What is asked now.
        var connection: LDAPConnection?
        /// Whether somebody is connecting to it.
        var isOpening = false
        /// Until then it is not asked: it did not answer in time.
        var pause: UInt64 = 0
        /// Why not.
        var failure: LDAPFailure?
    }

    private struct State {
        var library: LDAPLibrary?
        var servers: [Server]
        /// The server that answered last, which is asked first.
        var present = 0
    }

    let access: LDAPAccess
    private let state: Monitor<State>

    /// How long a server that did not answer in time is left alone.
    private static let pause: UInt64 = 500_000_000

    /// Connects to nothing yet.
    init(_ access: LDAPAccess) {
        self.access = access
        state = Monitor(State(servers: access.servers.map { _ in Server() }))
    }

    /// Asks a server, and another one where it fails for reasons of its own.
    ///
    /// - Parameters:
    ///   - end: when the answer has to be there.
    ///   - body: asks over a connection. It is given the time until which a server that stands still is waited for, too: where there
    ///     are others, they are asked within the same lookup.
    func ask<Answer>(
        until end: UInt64, _ limit: LookupTime,
        _ body: (LDAPConnection, _ patience: UInt64) throws(LDAPFailure) -> Answer
    ) throws(LDAPFailure) -> Answer {
        let order = order()
        var failures: [LDAPFailure] = []
        for (position, index) in order.enumerated() {
            let now = monotonicNanoseconds()
            guard now < end else { break }
            let patience = now + (end - now) / UInt64(order.count - position)
            // A connection that the server has ended meanwhile says nothing about the server: it is asked again over a new one.
            for attempt in 0..<2 {
                do throws(LDAPFailure) {
                    let (connection, isFresh) = try connection(to: index, until: patience, limit)
                    do throws(LDAPFailure) {
                        let answer = try body(connection, patience)
                        note(index)
                        return answer
                    } catch {
                        if error.kind == .disconnected || error.kind == .stalled {
                            forget(connection, of: index, after: error)
                        }
                        if error.kind == .disconnected, !isFresh, attempt == 0 { continue }
                        throw error
                    }
                } catch {
                    failures.append(error.naming(access.servers[index]))
                    if error.kind == .final || error.kind == .late { throw failures[failures.count - 1] }
                }
                break
            }
        }
        // What a server says is worth more than that another does not answer.
        throw failures.first { $0.kind == .unfit } ?? failures.last
            ?? LDAPFailure(.late, "no answer within \(limit.description)")
    }

    /// The servers in the order in which they are asked.
    private func order() -> [Int] {
        state.change { state in
            let (servers, present) = (state.servers.indices, state.present)
            return [present] + servers.filter { $0 != present }
        }
    }

    private func note(_ index: Int) { state.change { $0.present = index } }

    /// The connection to a server, opened where there is none.
    private func connection(
        to index: Int, until end: UInt64, _ limit: LookupTime
    ) throws(LDAPFailure) -> (connection: LDAPConnection, isFresh: Bool) {
        enum Turn {
            case use(LDAPConnection), refuse(LDAPFailure), open
        }
        let now = monotonicNanoseconds()
        let patience = Duration.nanoseconds(Int64(clamping: end > now ? end - now : 0))
        let turn: Turn? = state.wait(atMost: patience) { state in
            if let connection = state.servers[index].connection, !connection.isBroken { return .use(connection) }
            if let failure = state.servers[index].failure, monotonicNanoseconds() < state.servers[index].pause {
                return .refuse(LDAPFailure(failure.kind, "not asked, because a moment ago: \(failure.text)"))
            }
            guard !state.servers[index].isOpening else { return nil }
            state.servers[index].isOpening = true
            return .open
        }
        switch turn {
        case .use(let connection): return (connection, false)
        case .refuse(let failure): throw failure
        case .open: break
        case nil: throw LDAPFailure(.stalled, "no connection within \(limit.description)")
        }
        do throws(LDAPFailure) {
            let connection = try LDAPConnection(
                access.servers[index], access, try library(), until: end, limit: limit)
            state.change { state in
                state.servers[index].isOpening = false
                state.servers[index].connection = connection
                state.servers[index].failure = nil
            }
            return (connection, true)
        } catch {
            state.change { state in
                state.servers[index].isOpening = false
                state.servers[index].connection = nil
                Self.leaveAlone(&state.servers[index], after: error)
            }
            throw error
        }
    }

    private func forget(_ connection: LDAPConnection, of index: Int, after failure: LDAPFailure) {
        connection.close(failure)
        state.change { state in
            guard state.servers[index].connection === connection else { return }
            state.servers[index].connection = nil
            Self.leaveAlone(&state.servers[index], after: failure)
        }
    }

    /// A server that stands still, or refuses the user, is asked again after a moment; one that is gone says so at once.
    private static func leaveAlone(_ server: inout Server, after failure: LDAPFailure) {
        guard failure.kind != .disconnected else { return }
        server.failure = failure
        server.pause = monotonicNanoseconds() &+ pause
    }

    private func library() throws(LDAPFailure) -> LDAPLibrary {
        if let known = state.change({ $0.library }) { return known }
        do throws(SharedLibraryError) {
            let library = try LDAPLibrary()
            state.change { $0.library = library }
            return library
        } catch {
            throw LDAPFailure(error)
        }
    }
}

/// The directories of a process.
///
/// Each worker has its own for the same servers and user, and with it a connection of its own, as long as they are few; many share.
final class LDAPDirectories: Sendable {
    private struct Known {
        var directories: [Key: LDAPDirectory] = [:]
        var workers = 0
    }

    private struct Key: Hashable {
        let access: LDAPAccess
        let place: Int
    }

    private let known = Mutex(Known())

    /// So many connections a process has to a server, however many workers there are.
    private static let limit = 8

    /// None has been asked for yet.
    init() {}

    /// Gives a worker its number.
    func addWorker() -> Int {
        known.withLock { known in
            defer { known.workers += 1 }
            return known.workers
        }
    }

    /// The directory of a description, for a worker.
    func directory(_ access: LDAPAccess, for worker: Int) -> LDAPDirectory {
        let key = Key(access: access, place: worker % Self.limit)
        return known.withLock { known in
            let directory = known.directories[key] ?? LDAPDirectory(access)
            known.directories[key] = directory
            return directory
        }
    }
}
