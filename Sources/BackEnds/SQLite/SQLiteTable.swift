// Lookups in a SQLite database, which other programs may change meanwhile.

import Bytes
import Glibc
package import Maps
import System

/// A database, opened at the first lookup and again after every failure.
package final class SQLiteTable: Table {
    /// What messages call the map.
    package let name: TableName
    /// The file's owner, or nobody where others may write it; nobody before the file was opened.
    package private(set) var privilege: UInt32 = nobody

    /// A larger file is not looked at as a whole when it is opened, which would take more than a second.
    static let largestChecked: Int64 = 128 << 20

    private let question: SQLiteQuestion
    /// Whether it is only ever replaced as a whole.
    private let isConstant: Bool
    private let contents: SharedContents
    private var time: LookupTime
    private var database: SQLiteDatabase?
    private var hasFailed = false
    /// Whether the last failure was the file's own, so that it has to be looked at again.
    private var wasDamaged = false

    /// Names a database; nothing is opened yet.
    ///
    /// - Parameters:
    ///   - isConstant: whether it is only ever replaced as a whole.
    ///   - contents: what the workers of the process share: a file is checked for all of them.
    ///   - deadline: after so long a worker is given up.
    init(
        _ name: TableName, _ question: SQLiteQuestion, isConstant: Bool, contents: SharedContents, deadline: Duration?
    ) {
        self.name = name
        self.question = question
        self.isConstant = isConstant
        self.contents = contents
        time = LookupTime(deadline: deadline)
    }

    /// Looks a key up.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        do throws(SQLiteFailure) {
            let end: UInt64
            do throws(ResourceFailure) {
                end = try time.begin()
            } catch {
                throw SQLiteFailure("\(error.text): the database was locked or did not answer", code: ETIMEDOUT)
            }
            let database = if let database { database } else { try open(until: end) }
            if key.hasNUL {
                // Our tables refuse it (`SQLiteWriter.making`); what others make of such a text SQLite leaves open.
                if question.isOurs { return false }
                throw SQLiteFailure("a key with a NUL, which SQL cannot ask for")
            }
            return try database.find(key, into: &value, until: end)
        } catch {
            database = nil
            privilege = nobody
            hasFailed = true
            wasDamaged = error.isDamage
            if error.isLate { time.noteExhaustion() }
            throw MapError(table: name, key: Array(copying: key), code: error.code, text: error.text)
        }
    }

    /// Closes a database that was replaced.
    ///
    /// Changes within it are seen by the next lookup in any case, so that no answer from before holds.
    package func refresh() -> Bool {
        guard let database else { return hasFailed }
        let now = try? FileIdentity(path: question.path)
        let isSame = isConstant ? now == database.identity : now?.isSameFile(as: database.identity) ?? false
        if !isSame { self.database = nil }
        return !isSame || !isConstant
    }

    private func open(until end: UInt64) throws(SQLiteFailure) -> SQLiteDatabase {
        let opened = try SQLiteDatabase(question, time: time, end: end) { identity, check throws(SQLiteFailure) in
            guard identity.size <= Self.largestChecked else { return }
            let isKnownDamaged = wasDamaged
            let isConstant = isConstant
            _ = try contents.content(of: "the check of \(question.path)") { (known: CheckedFile) in
                !isKnownDamaged
                    && (isConstant ? known.identity == identity : known.identity.isSameFile(as: identity))
            } load: { () throws(SQLiteFailure) in
                try check()
                return CheckedFile(identity: identity)
            }
        }
        database = opened
        privilege = opened.identity.privilege
        hasFailed = false
        wasDamaged = false
        return opened
    }

    /// A file that was found to be whole, once for all workers of the process.
    private struct CheckedFile: Sendable {
        let identity: FileIdentity
    }
}

extension Span<UInt8> {
    fileprivate var hasNUL: Bool { firstIndex(of: 0, from: 0) != nil }
}
