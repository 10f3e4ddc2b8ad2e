// One connection to one server. Nothing here waits longer than it is told: the library has no time-out for reading, so it is only
// ever asked for what has come already, and waiting is poll(2) with a deadline.

import Bytes
import Glibc
import MapDescriptions
import Maps
import System

/// A connection in pipeline mode.
///
/// Whoever holds it sees to it that one thread uses it at a time.
@safe
final class PostgreSQLConnection {
    /// The texts of a statement's parameters.
    struct Parameters {
        /// The texts, one after the other.
        var texts: [UInt8] = []
        /// Where each of them ends.
        var ends: [Int] = []

        /// Some texts.
        init(_ texts: [[UInt8]] = []) {
            for text in texts {
                self.texts += text
                ends.append(self.texts.count)
            }
        }

        /// Forgets them, and keeps the memory.
        mutating func removeAll() {
            texts.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
        }

        /// Adds those of a query for a key.
        ///
        /// - Returns: false where the key lacks a part that the query asks for.
        mutating func add(_ query: QueryTemplate, for key: Span<UInt8>) -> Bool {
            query.appendParameters(for: key, to: &texts, ends: &ends)
        }

        /// Adds those of another one.
        mutating func add(_ other: Parameters) {
            for end in other.ends { ends.append(texts.count + end) }
            texts += other.texts
        }
    }

    /// Where it leads to.
    let server: PostgreSQLServer
    /// Whether the database holds no text that is not UTF-8.
    private(set) var isUTF8 = true

    private let library: PostgreSQLLibrary
    private let handle: OpaquePointer

    /// Connects, and sees to it that the session is what it has to be.
    ///
    /// - Parameters:
    ///   - searchPath: where tables without a schema are looked for.
    ///   - limit: how long one question may take in the server.
    ///   - end: when this has to end.
    init(
        _ server: PostgreSQLServer, searchPath: String, limit: Duration, until end: UInt64
    ) throws(PostgreSQLFailure) {
        do throws(SharedLibraryError) {
            library = try PostgreSQLLibrary()
        } catch {
            throw PostgreSQLFailure(error)
        }
        self.server = server
        guard let handle = unsafe Self.start(server, library) else {
            throw PostgreSQLFailure("out of memory", code: ENOMEM)
        }
        unsafe self.handle = handle
        _ = unsafe library.setNoticeProcessor(handle, { _, _ in }, nil)
        try connect(until: end)
        guard unsafe library.setNonblocking(handle, 1) == 0, unsafe library.enterPipelineMode(handle) == 1 else {
            throw PostgreSQLFailure(ended: message)
        }
        try setUp(searchPath, limit, until: end)
    }

    deinit { unsafe library.finish(handle) }

    /// What the library says of its last failure.
    var message: String {
        let text = unsafe library.errorMessage(handle).map { unsafe String(cString: $0) } ?? ""
        let line = PostgreSQLFailure.oneLine(server.hidingSecrets(in: text))
        return line.isEmpty ? "no reason was given" : line
    }

    /// Its socket.
    var descriptor: Int32 { unsafe library.socket(handle) }

    private static func start(_ server: PostgreSQLServer, _ library: PostgreSQLLibrary) -> OpaquePointer? {
        var parameters = server.parameters
        parameters["application_name"] = "zroute"
        // `dbname` first: where it is a URI, what stands behind it adds to that.
        let pairs = parameters.sorted { ($0.key == "dbname" ? 0 : 1, $0.key) < ($1.key == "dbname" ? 0 : 1, $1.key) }
        // Copies that live until the library has made its own.
        let names = unsafe pairs.map { unsafe strdup($0.key) }
        let values = unsafe pairs.map { unsafe strdup($0.value) }
        defer {
            unsafe (names + values).forEach { unsafe free($0) }
        }
        let nameList = unsafe names.map { unsafe UnsafePointer($0) } + [nil]
        let valueList = unsafe values.map { unsafe UnsafePointer($0) } + [nil]
        return unsafe nameList.withUnsafeBufferPointer { names in
            unsafe valueList.withUnsafeBufferPointer { values in
                unsafe library.connectStart(names.baseAddress, values.baseAddress, 1)
            }
        }
    }

    private func connect(until end: UInt64) throws(PostgreSQLFailure) {
        var next = PostgreSQLCode.pollingWriting
        while true {
            guard unsafe library.status(handle) != 1 else { throw refused }
            switch next {
            case PostgreSQLCode.pollingOK: return
            case PostgreSQLCode.pollingReading: try wait(for: POLLIN, until: end)
            case PostgreSQLCode.pollingWriting: try wait(for: POLLOUT, until: end)
            default: throw refused
            }
            next = unsafe library.connectPoll(handle)
        }
    }

    private var refused: PostgreSQLFailure {
        PostgreSQLFailure("cannot connect: \(message)", code: ECONNREFUSED, sequel: .lost)
    }

    /// Waits until the socket is ready.
    func wait(for event: Int32, until end: UInt64) throws(PostgreSQLFailure) {
        switch Self.wait(descriptor, for: event, until: end) {
        case .ready: return
        case .late: throw PostgreSQLFailure("no answer in time", isLate: true, sequel: .lost)
        case .failed: throw PostgreSQLFailure(ended: "its socket cannot be waited for")
        }
    }

    /// What became of waiting.
    enum Waiting { case ready, late, failed }

    /// Waits until a socket is ready.
    static func wait(_ descriptor: Int32, for event: Int32, until end: UInt64) -> Waiting {
        while true {
            let now = monotonicNanoseconds()
            guard now < end else { return .late }
            var wanted = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: event), revents: 0)
            // Up, so that the last millisecond is waited for and not asked for again and again.
            let ready = unsafe poll(&wanted, 1, Int32(clamping: (end - now) / 1_000_000 + 1))
            if ready > 0 { return .ready }
            guard ready == 0 || errno == EINTR else { return .failed }
        }
    }

    /// Sets what a role, a database or a pooler may have set otherwise, and makes sure of it.
    private func setUp(_ searchPath: String, _ limit: Duration, until end: UInt64) throws(PostgreSQLFailure) {
        let milliseconds = Int(limit.components.seconds * 1000 + limit.components.attoseconds / 1_000_000_000_000_000)
        let settings: [(name: String, value: String)] = [
            // Temporary tables would come first, unless they are named.
            ("search_path", searchPath.isEmpty ? "pg_temp" : "\(searchPath), pg_temp"),
            ("statement_timeout", "\(max(milliseconds, 1))"), ("lock_timeout", "\(max(milliseconds / 2, 1))"),
            ("standard_conforming_strings", "on"), ("default_transaction_read_only", "on"),
            // Rows that a policy hides are an error, and not absent.
            ("row_security", "off"),
        ]
        let calls = settings.indices.map { "pg_catalog.set_config($\(2 * $0 + 1), $\(2 * $0 + 2), false)" }
        let answers = try exchange(until: end) { connection in
            connection.send(
                "SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.set_config('client_encoding', CASE"
                    + " pg_catalog.current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false), "
                    + calls.joined(separator: ", "),
                Parameters(settings.flatMap { [Array($0.name.utf8), Array($0.value.utf8)] }))
        }
        guard let answer = answers.first, answer.rowCount == 1 else {
            throw PostgreSQLFailure("the server does not answer as PostgreSQL does", sequel: .lost)
        }
        switch answer.text(0, 0) {
        case "UTF8": isUTF8 = true
        case "SQL_ASCII": isUTF8 = false
        case let encoding:
            throw PostgreSQLFailure(
                "the database is in \(encoding), in which not every key can be asked for; make it in UTF8",
                sequel: .lost)
        }
    }

    // MARK: Questions

    /// Sends a query of our own, whose parameters are texts.
    func send(_ sql: String, _ parameters: Parameters = Parameters()) -> Bool {
        unsafe withParameters(parameters) { count, values, lengths, formats in
            unsafe library.sendQueryParams(handle, sql, count, nil, values, lengths, formats, PostgreSQLCode.text)
        }
    }

    /// Sends the question of a prepared statement.
    func send(statement name: String, _ parameters: Parameters) -> Bool {
        unsafe withParameters(parameters) { count, values, lengths, formats in
            unsafe library.sendQueryPrepared(handle, name, count, values, lengths, formats, PostgreSQLCode.text)
        }
    }

    /// Sends a statement to be prepared, and asks what the server makes of it.
    func prepare(_ name: String, _ sql: String) -> Bool {
        unsafe library.sendPrepare(handle, name, sql, 0, nil) == 1 && library.sendDescribePrepared(handle, name) == 1
    }

    private func withParameters(
        _ parameters: Parameters,
        _ body: (Int32, PostgreSQLLibrary.Texts?, PostgreSQLLibrary.Numbers?, PostgreSQLLibrary.Numbers?) -> Int32
    ) -> Bool {
        let count = parameters.ends.count
        // No text has no address, and no address would be NULL.
        let texts = parameters.texts.isEmpty ? [0] : parameters.texts
        return unsafe texts.withUnsafeBytes { bytes in
            guard let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return false }
            return unsafe withUnsafeTemporaryAllocation(of: PostgreSQLLibrary.Text?.self, capacity: count) { values in
                unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
                    var start = 0
                    for index in 0..<count {
                        // Each text lies within the bytes; the library copies it before it returns.
                        unsafe values[index] = base + start
                        unsafe numbers[index] = Int32(clamping: parameters.ends[index] - start)
                        unsafe numbers[count + index] = PostgreSQLCode.binary
                        start = parameters.ends[index]
                    }
                    let lengths = unsafe UnsafePointer(numbers.baseAddress)
                    return unsafe body(
                        Int32(clamping: count), values.baseAddress, lengths, lengths.map { unsafe $0 + count }) == 1
                }
            }
        }
    }

    /// Ends a question: the server answers it whatever becomes of those before it.
    ///
    /// - Returns: false where the connection is of no use.
    func endQuestion() -> Bool { unsafe library.pipelineSync(handle) == 1 && flush() }

    /// Sends what the socket takes now.
    ///
    /// - Returns: false where the connection is of no use.
    func flush() -> Bool {
        let left = unsafe library.flush(handle)
        hasMore = left > 0
        return left >= 0
    }

    /// Whether the socket did not take all of it.
    private(set) var hasMore = false

    /// Takes what has come.
    ///
    /// - Returns: false where the connection is of no use.
    func consume() -> Bool { unsafe library.consumeInput(handle) == 1 }

    /// The next answer of those that have come.
    ///
    /// - Returns: nil where there is none now.
    func nextAnswer() -> PostgreSQLAnswer? {
        // A nil ends the answers of one query; of two the second ends all that there are.
        for _ in 0..<2 {
            guard unsafe library.isBusy(handle) == 0 else { return nil }
            if let answer = unsafe library.getResult(handle) { return unsafe PostgreSQLAnswer(answer, of: library) }
        }
        return nil
    }

    /// Makes whoever waits for the socket see that it has ended.
    func shutDown() { _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Asks something while nobody else uses the connection.
    ///
    /// - Returns: the answers, none of them a failure.
    func exchange(
        until end: UInt64, _ send: (PostgreSQLConnection) -> Bool
    ) throws(PostgreSQLFailure) -> [PostgreSQLAnswer] {
        guard send(self), endQuestion() else { throw PostgreSQLFailure(ended: message) }
        var answers: [PostgreSQLAnswer] = []
        while true {
            while let answer = nextAnswer() {
                guard answer.status == PostgreSQLCode.pipelineSync else {
                    answers.append(answer)
                    continue
                }
                if let failure = answers.failure { throw failure }
                return answers
            }
            try wait(for: hasMore ? POLLIN | POLLOUT : POLLIN, until: end)
            guard consume(), flush() else { throw PostgreSQLFailure(ended: message) }
        }
    }

    /// Takes the channel of a notice that another session gave (NOTIFY).
    func nextNotice() -> Bool {
        guard let notice = unsafe library.notifies(handle) else { return false }
        unsafe library.freeMemory(UnsafeMutableRawPointer(notice))
        return true
    }
}
