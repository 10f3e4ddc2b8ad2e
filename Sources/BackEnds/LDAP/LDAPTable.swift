// Lookups in a directory, each asked for when it is needed.

import Bytes
import Configuration
import Glibc
package import Maps
import System

/// A map that a directory server has.
package final class LDAPTable: Table {
    /// What messages call the map.
    package let name: TableName
    /// Nobody's: who wrote the entry is not known.
    package let privilege: UInt32 = nobody

    /// What has been read of the description.
    private final class Opened {
        let question: LDAPQuestion
        let directory: LDAPDirectory
        var search: LDAPSearch
        /// The connection over which everything was shown that an absence needs, and until when that holds.
        weak var proven: LDAPConnection?
        var provenUntil: UInt64 = 0
        /// Which generation of the description this is.
        let identity: FileIdentity?

        init(_ question: LDAPQuestion, _ directory: LDAPDirectory, _ identity: FileIdentity?) {
            self.question = question
            self.directory = directory
            self.identity = identity
            search = question.search
        }
    }

    private let path: String
    private let directory: (LDAPAccess) -> LDAPDirectory
    private var time: LookupTime
    private var opened: Opened?
    private var filter: [UInt8] = []

    /// So long what was shown over a connection holds: rules of access can change while it is open.
    private static let proofLasts: UInt64 = 1_000_000_000

    /// Names a description; nothing is read yet.
    ///
    /// - Parameters:
    ///   - deadline: after so long a worker is given up.
    ///   - directory: gives the directory of the servers and user that are described.
    init(
        _ name: TableName, describedIn path: String, deadline: Duration?,
        directory: @escaping (LDAPAccess) -> LDAPDirectory
    ) {
        self.name = name
        self.path = path
        self.directory = directory
        time = LookupTime(deadline: deadline)
    }

    /// Asks the directory for a key.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let opened = try open(for: key)
        do throws(LDAPFailure) {
            let end: UInt64
            do throws(ResourceFailure) { end = try time.begin() } catch {
                throw LDAPFailure(.final, error.text)
            }
            do throws(LDAPFailure) {
                return try find(key, opened, into: &value, until: end)
            } catch {
                // Servers that stand still are left alone by the directory, for all workers.
                if error.kind == .late, monotonicNanoseconds() >= end { time.noteExhaustion() }
                throw error
            }
        } catch {
            throw MapError(table: name, key: Array(copying: key), code: error.number, text: error.text)
        }
    }

    /// Notices that the description was changed.
    package func refresh() -> Bool {
        guard let opened else { return true }
        if let identity = try? FileIdentity(path: path), identity == opened.identity { return true }
        self.opened = nil
        return true
    }

    private func open(for key: Span<UInt8>) throws(MapError) -> Opened {
        if let opened { return opened }
        do throws(ConfigurationError) {
            let identity = try? FileIdentity(path: path)
            let question = try LDAPQuestion(describedIn: path)
            let made = Opened(question, directory(question.access), identity)
            opened = made
            return made
        } catch {
            throw MapError(table: name, key: Array(copying: key), text: error.description)
        }
    }

    private func find(
        _ key: Span<UInt8>, _ opened: Opened, into value: inout [UInt8], until end: UInt64
    ) throws(LDAPFailure) -> Bool {
        filter.removeAll(keepingCapacity: true)
        let question = opened.question
        // As in Postfix: a filter that asks for a part which the key has not is not asked.
        guard question.filter.append(for: key, to: &filter) else { return false }
        var found: [UInt8] = []
        swap(&found, &value)
        defer { swap(&found, &value) }
        let (filter, time) = (filter, time)
        return try opened.directory.ask(until: end, time) {
            connection, patience throws(LDAPFailure) -> Bool in
            func isFound() throws(LDAPFailure) -> Bool {
                opened.search.filter.set(filter)
                let answer = try connection.search(
                    opened.search, question.attributes, until: end, orAtMost: patience)
                guard answer.code == LDAPCode.success else { throw connection.failure(answer) }
                return try question.read(answer, of: key, into: &found)
            }
            let isProven = opened.proven === connection && monotonicNanoseconds() < opened.provenUntil
            if try isFound() { return true }
            if isProven { return false }
            try opened.question.prove(over: connection, until: patience)
            (opened.proven, opened.provenUntil) = (connection, monotonicNanoseconds() &+ Self.proofLasts)
            // What the server did not have before it was seen to be whole, it may have now.
            return try isFound()
        }
    }
}

extension LDAPQuestion {
    /// The search for a key, with no filter yet.
    var search: LDAPSearch {
        LDAPSearch(base: base, scope: scope, filter: [], attributes: attributes, sizeLimit: sizeLimit)
    }

    /// Makes sure that "no entry" would mean "absent".
    ///
    /// - Throws: where it would not, with what is missing.
    func prove(over connection: LDAPConnection, until end: UInt64) throws(LDAPFailure) {
        guard let canary = proof.canary else {
            throw LDAPFailure(
                .final,
                "the server has no entry for it, and nothing shows that it is certainly absent: the description names no"
                    + " canary; add one, a key that must be found (docs/ldap.md)")
        }
        try proof.showWhole(connection, base: base, until: end)
        try proof.showYoung(connection, base: base, until: end)
        try proof.showKnown(everyAttribute, connection, until: end)
        var canaryFilter: [UInt8] = []
        var value: [UInt8] = []
        let name = String(decoding: canary, as: UTF8.self)
        guard filter.append(for: canary.span, to: &canaryFilter) else {
            throw LDAPFailure(.final, "the canary '\(name)' has no part that the filter asks for; name another key")
        }
        var search = search
        search.filter.set(canaryFilter)
        let answer = try connection.search(search, attributes, until: end, orAtMost: end)
        guard answer.code == LDAPCode.success else { throw connection.failure(answer) }
        guard try read(answer, of: canary.span, into: &value) else {
            throw LDAPFailure(
                .unfit,
                "the canary '\(name)' is not found, so nothing is certainly absent; see that the server has its entries and"
                    + " this user may read them, or correct the canary")
        }
    }
}
