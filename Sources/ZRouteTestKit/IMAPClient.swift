// Reads mail back: as much IMAP (RFC 3501) as tests need to see what a store has.

/// A connection to an IMAP server on this machine.
package final class IMAPClient {
    private let stream: LocalStream
    private var count = 0

    /// Logs in.
    ///
    /// - Parameter endpoint: `127.0.0.1:PORT`.
    package init(_ endpoint: String, user: String, password: String) throws {
        guard let port = endpoint.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw CommandFailure("'\(endpoint)' has no port")
        }
        stream = try LocalStream(port: port)
        _ = try stream.readLine()
        try command("LOGIN \"\(user)\" \"\(password)\"")
    }

    /// Sends a command that must succeed.
    ///
    /// - Returns: its untagged answers, literals as they came.
    @discardableResult
    package func command(_ text: String) throws -> [(line: String, literal: [UInt8]?)] {
        count += 1
        try stream.write("a\(count) \(text)\r\n")
        var answers: [(line: String, literal: [UInt8]?)] = []
        while true {
            let line = try stream.readLine()
            if line.hasPrefix("a\(count) ") {
                guard line.hasPrefix("a\(count) OK") else {
                    throw CommandFailure("\(text.prefix { $0 != " " }): \(line)")
                }
                return answers
            }
            var literal: [UInt8]?
            if line.hasSuffix("}"), let open = line.lastIndex(of: "{"),
                let size = Int(line[line.index(after: open)...].dropLast())
            {
                literal = try stream.read(size)
            }
            answers.append((line, literal))
        }
    }

    /// Makes a mailbox in which anybody may put mail.
    package func makeMailbox(_ name: String) throws {
        try command("CREATE \"\(name)\"")
        try command("SETACL \"\(name)\" anyone p")
    }

    /// Limits what a mailbox may hold.
    package func setQuota(_ name: String, kibibytes: Int) throws {
        try command("SETQUOTA \"\(name)\" (STORAGE \(kibibytes))")
    }

    /// The messages of a folder, as text; none where there is no such folder.
    package func messages(in folder: String) throws -> [String] {
        do {
            let answers = try command("EXAMINE \"\(folder)\"")
            guard !answers.contains(where: { $0.line == "* 0 EXISTS" }) else { return [] }
        } catch let error as CommandFailure where error.description.contains("NO") {
            return []
        }
        return try command("FETCH 1:* (BODY.PEEK[])").compactMap(\.literal).map { String(decoding: $0, as: UTF8.self) }
    }
}
