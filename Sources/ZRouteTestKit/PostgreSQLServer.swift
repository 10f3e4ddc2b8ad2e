// A PostgreSQL server of Debian's package postgresql-15, which tests stop, kill and start as they like.

import Foundation

/// A server, and further ones beside it, such as its standby; all of them are gone with the object.
package final class PostgreSQLServer: Sendable {
    /// A server that suites share; each test has a database of its own in it, and leaves the server alone.
    package static let shared = Result { try PostgreSQLServer() }

    /// One of the servers, by its directory.
    package struct Node: Sendable {
        /// The directory of its data, and what it is called.
        let name: String
        /// Where its socket is: the `host` of its clients.
        package let socket: String
        fileprivate let data: String
    }

    /// The first server.
    package let main: Node
    private let script: RealServer
    private let names = Counter()

    /// Counts databases.
    private final class Counter: @unchecked Sendable {
        // Under the lock.
        private var count = 0
        private let lock = NSLock()

        func next() -> Int {
            lock.withLock {
                count += 1
                return count
            }
        }
    }

    /// Makes a server and starts it.
    package init() throws {
        script = try RealServer("postgresql")
        main = Node(name: "data", socket: script["SOCKET"], data: script["DATA"])
    }

    // MARK: SQL

    /// Makes an empty database.
    ///
    /// - Parameter options: what else CREATE DATABASE is told.
    /// - Returns: its name.
    package func makeDatabase(_ options: String = "") throws -> String {
        let name = "test\(names.next())"
        try run("CREATE DATABASE \(name) \(options)", in: "postgres")
        return name
    }

    /// Runs statements, each in a transaction of its own; all of them must succeed.
    ///
    /// - Returns: the values that they read, a line for a row.
    @discardableResult
    package func run(_ sql: String, in database: String, at node: Node? = nil) throws -> String {
        let output = try runCommandSuccessfully(
            "\(script["PROGRAMS"])/psql",
            [
                "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", (node ?? main).socket, "-U", "postgres", "-d",
                database,
            ], input: Array(sql.utf8))
        return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    /// A session that runs statements and then stays, with what they hold.
    ///
    /// - Parameters:
    ///   - sql: statements, such as BEGIN and LOCK TABLE.
    ///   - condition: what makes it commit; nil where it stays until it is ended.
    package func hold(_ sql: String, in database: String, until condition: String? = nil) throws -> RunningProgram {
        let end = condition.map { condition in
            ["-c", "DO $$ BEGIN WHILE NOT \(condition) LOOP PERFORM pg_sleep(0.02); END LOOP; END $$", "-c", "COMMIT"]
        }
        let program = try RunningProgram(
            "\(script["PROGRAMS"])/psql",
            [
                "-X", "-q", "-A", "-t", "-h", main.socket, "-U", "postgres", "-d", database, "-c", sql, "-c",
                "SELECT 'held'",
            ]
                + (end ?? ["-c", "SELECT pg_sleep(600)"]))
        let isHeld = try holds { program.output.contains("held") || !program.isRunning }
        guard isHeld, program.isRunning else { throw CommandFailure("psql: \(program.errors)") }
        return program
    }

    /// The numbers of the processes that serve zroute's connections to a database.
    package func backends(of database: String, at node: Node? = nil) throws -> [Int32] {
        try run(
            "SELECT pid FROM pg_stat_activity WHERE datname = '\(database)' AND application_name = 'zroute' ORDER BY pid",
            in: "postgres", at: node
        ).split(separator: "\n").compactMap { Int32($0) }
    }

    // MARK: Its life

    /// Ends a server as an administrator does: at once, and in order.
    package func stop(_ node: Node? = nil) throws {
        try control(["-D", (node ?? main).data, "-m", "fast", "-w", "-t", "120", "stop"])
    }

    /// Starts a server that was stopped or killed, and waits until it answers.
    package func start(_ node: Node? = nil) throws {
        let node = node ?? main
        var said = ""
        // What a killed one has left behind ends by itself, and is in the way until then.
        let isStarted = try holds {
            do {
                try control([
                    "-D", node.data, "-w", "-t", "120", "-l", "\(node.data).log", "-o", "-k \(node.socket)", "start",
                ])
                return true
            } catch {
                said = "\(error)"
                return false
            }
        }
        guard isStarted else { throw CommandFailure(said) }
    }

    /// Kills a server's first process; the others end when they see it.
    package func kill(_ node: Node? = nil) throws { try send(SIGKILL, to: node) }

    /// Sends a server's first process a signal.
    package func send(_ signal: Int32, to node: Node? = nil) throws {
        let text = try String(contentsOfFile: "\((node ?? main).data)/postmaster.pid", encoding: .utf8)
        guard let first = text.split(separator: "\n").first, let process = Int32(first) else {
            throw CommandFailure("no server runs in \((node ?? main).data)")
        }
        Glibc.kill(process, signal)
    }

    /// Makes a standby of the first server, and waits until it answers.
    package func makeStandby() throws -> Node {
        let name = "standby\(names.next())"
        let directory = script["DIRECTORY"]
        let node = Node(name: name, socket: "\(directory)/\(name).socket", data: "\(directory)/\(name)")
        try control(
            ["-h", main.socket, "-U", "postgres", "-D", node.data, "-R", "-X", "stream", "-c", "fast"],
            program: "pg_basebackup")
        try runAsOwner(["/bin/mkdir", node.socket])
        try start(node)
        return node
    }

    /// Waits until a standby has all that its primary has now.
    package func waitForStandby(_ node: Node) throws {
        let position = try run("SELECT pg_current_wal_lsn()", in: "postgres")
        let hasAll = try holds {
            try run("SELECT pg_last_wal_replay_lsn() >= '\(position)'", in: "postgres", at: node) == "t"
        }
        guard hasAll else { throw CommandFailure("the standby does not follow") }
    }

    /// Makes a standby a primary.
    package func promote(_ node: Node) throws { try control(["-D", node.data, "-w", "-t", "120", "promote"]) }

    private func control(_ arguments: [String], program: String = "pg_ctl") throws {
        try runAsOwner(["\(script["PROGRAMS"])/\(program)"] + arguments)
    }

    private func runAsOwner(_ words: [String]) throws {
        let isOther = !script["USER"].isEmpty
        let command =
            (isOther ? ["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : []) + words
        // A server that inherited what Foundation waits for the end of a program by would be waited for itself.
        let closing =
            "(for d in /proc/$BASHPID/fd/*; do [[ ${d##*/} -le 2 ]] || eval \"exec ${d##*/}>&-\"; done; exec \"$@\")"
        try runCommandSuccessfully("/bin/bash", ["-c", closing, "bash"] + command)
    }
}
