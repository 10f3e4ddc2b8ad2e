// PostgreSQL as a back end: the type `pgsql`, databases that are asked for each key.

import Bytes
package import Configuration
package import Maps
import Synchronization
import System

extension MapType {
    /// A database, by a file that describes how it is asked.
    package static let pgsql = MapType("pgsql", .described(suffixes: [".cf", ".conf"]))
}

/// PostgreSQL databases.
package struct PostgreSQLBackEnd: MapBackEnd {
    package let types: [MapType] = [.pgsql]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory { Factory(worker) }

    package func findings(about definition: MapDefinition) -> [Finding] {
        definition.path.map { PostgreSQLDescription(reading: $0).findings } ?? []
    }

    /// Asks for the canary, or for a key that nobody has.
    package func conditionFindings(of definition: MapDefinition) -> [Finding] {
        // What is wrong with the description is a finding of its own.
        guard let question = try? PostgreSQLQuestion(describedIn: definition.path ?? "-") else { return [] }
        let time = LookupTime(deadline: .seconds(20))
        let line = PostgreSQLLine(question.servers, searchPath: question.searchPath, limit: time.limit)
        let table = PostgreSQLTable(definition.tableName, question, over: line, time: time)
        guard let key = question.canary else {
            // Whether it is found does not matter, and that nothing is certainly absent has been said.
            var waiter = PostgreSQLLine.Waiter()
            do throws(PostgreSQLFailure) {
                let end = monotonicNanoseconds() &+ 16_000_000_000
                _ = try line.ask(
                    PostgreSQLStatement(question), as: &waiter, until: end, if: { _ in false }, { _, _ in true })
                return []
            } catch {
                return [.unanswered(definition, "the database does not answer: \(error.text)")]
            }
        }
        var value: [UInt8] = []
        do throws(MapError) {
            guard try table.lookUp(key.span, into: &value) else {
                return [.unanswered(definition, "the canary is not found")]
            }
            return []
        } catch {
            return [.unanswered(definition, "the database does not answer: \(error.text)")]
        }
    }

    package func listsEntries(of definition: MapDefinition) -> Bool {
        // One that cannot be read fails when it is listed, and says why.
        guard let question = try? PostgreSQLQuestion(describedIn: definition.path ?? "-") else { return true }
        return question.entries != nil
    }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        let question: PostgreSQLQuestion
        do throws(ConfigurationError) {
            question = try PostgreSQLQuestion(describedIn: definition.path ?? "-")
        } catch {
            throw MapError(table: definition.tableName, text: error.description)
        }
        do throws(PostgreSQLFailure) {
            try PostgreSQLEntries(question).read(to: reader)
        } catch {
            throw MapError(table: definition.tableName, code: error.code, text: error.text)
        }
    }

    /// The tables of one worker.
    private struct Factory: TableFactory {
        let lines: PostgreSQLLines
        let number: Int
        let watch: CallWatch?
        let contents: SharedContents
        let hash: ByteHash

        init(_ worker: MapWorker) {
            // One for all workers of the process.
            lines = worker.contents.content(of: "PostgreSQL") { (_: PostgreSQLLines) in
                true
            } load: {
                PostgreSQLLines()
            }
            number = lines.nextNumber()
            watch = worker.watch
            contents = worker.contents
            hash = worker.hash
        }

        func makeTable(for definition: MapDefinition) -> any Table {
            let name = definition.tableName
            let (lines, number) = (lines, number)
            let time = LookupTime(deadline: watch?.health.deadline)
            // Which of the two ways it is only the description says.
            if let question = try? PostgreSQLQuestion(describedIn: definition.path ?? "-"), let sync = question.sync {
                return copyTable(name, question, sync)
            }
            // A description is read at the first lookup: as long as it cannot be, every lookup fails.
            let table = LazyTable(name: name) {
                Result { () throws(ConfigurationError) in
                    let question = try PostgreSQLQuestion(describedIn: definition.path ?? "-")
                    return PostgreSQLTable(
                        name, question, over: lines.line(for: question, worker: number, limit: time.limit), time: time)
                }
            }
            guard let watch else { return table }
            return WatchedTable(wrapping: table, resource: WatchedResource(.server(name.file), watch: watch))
        }

        /// The table of a copy, which all workers of the process share.
        private func copyTable(
            _ name: TableName, _ question: PostgreSQLQuestion, _ sync: PostgreSQLSync
        ) -> any Table {
            let (contents, hash) = (contents, hash)
            return CopyTable(name, hash: hash, deadline: watch?.health.deadline) { () throws(CopyFailure) in
                try contents.copy(of: name) {
                    let source = PostgreSQLCopySource(question: question, sync: sync)
                    return MapCopy(source.plan, hash: hash, source: source)
                }
            }
        }
    }
}

/// The connections of a process: maps of one database share them.
private final class PostgreSQLLines: Sendable {
    private struct Key: Hashable {
        let servers: [PostgreSQLServer]
        let searchPath: String
        let limit: Duration
        let number: Int
    }

    private let known = Mutex<[Key: PostgreSQLLine]>([:])
    private let lastNumber = Atomic<Int>(0)

    /// The number of another worker.
    func nextNumber() -> Int { lastNumber.wrappingAdd(1, ordering: .relaxed).newValue }

    /// What a worker asks a question over.
    func line(for question: PostgreSQLQuestion, worker: Int, limit: Duration) -> PostgreSQLLine {
        let key = Key(
            servers: question.servers, searchPath: question.searchPath, limit: limit,
            number: worker % question.connections)
        return known.withLock { known in
            if let line = known[key] { return line }
            let line = PostgreSQLLine(question.servers, searchPath: question.searchPath, limit: limit)
            known[key] = line
            return line
        }
    }
}
