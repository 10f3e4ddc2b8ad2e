// Where databases are, as descriptions say it: `conninfo` as in libpq (with several hosts), or Postfix's `hosts`, `user`, `password`
// and `dbname`. One value for each host: which of them is asked is decided here and not by the library, which has no deadline.

import Bytes
import MapDescriptions

/// One server with what is needed to connect to it.
///
/// It prints as its address: passwords are in no description.
struct PostgreSQLServer: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The parameters of its connections, by libpq's names.
    let parameters: [String: String]

    /// What messages call it.
    var description: String {
        if parameters["dbname"].map(Self.isURI) ?? false { return "the server of the URI" }
        guard let host = parameters["host"] ?? parameters["hostaddr"], !host.isEmpty else {
            return parameters["service"].map { "service \($0)" } ?? "the local server"
        }
        let port = parameters["port"] ?? "5432"
        if host.hasPrefix("/") { return "unix:\(host)/.s.PGSQL.\(port)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Nothing beyond the description.
    var customMirror: Mirror { Mirror(self, children: []) }

    /// Whether a password stands among the parameters.
    var hasPassword: Bool {
        if let password = parameters["password"], !password.isEmpty { return true }
        guard let uri = parameters["dbname"], Self.isURI(uri) else { return false }
        // postgresql://user:password@host, or ?password=
        let authority = uri.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
        let isBefore = authority.split(separator: "@", omittingEmptySubsequences: false)
        return isBefore.count > 1 && isBefore[0].contains(":") || uri.contains("password=")
    }

    /// A message of the library, which shows a URI that it cannot read.
    func hidingSecrets(in text: String) -> String {
        var text = text
        if let uri = parameters["dbname"], Self.isURI(uri) { text = text.replacing(uri, with: "the URI") }
        if let password = parameters["password"], !password.isEmpty { text = text.replacing(password, with: "***") }
        return text
    }

    static func isURI(_ text: String) -> Bool {
        text.hasPrefix("postgresql://") || text.hasPrefix("postgres://")
    }

    /// The servers of `conninfo`: `name = value` pairs, a value in quotes where it has blanks, `\` before a quote in it; or a URI.
    static func all(conninfo text: String) throws(DescriptionFault) -> [PostgreSQLServer] {
        if isURI(text) { return [PostgreSQLServer(parameters: ["dbname": text])] }
        var reader = ConninfoReader(rest: Array(text.utf8)[...])
        var parameters = try reader.read()
        for (name, reason) in ours where parameters[name] != nil {
            throw DescriptionFault("\(name) in it has no effect: \(reason); remove it")
        }
        func list(_ name: String) -> [String]? {
            parameters[name].map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map {
                    String(decoding: ASCII.trimmed($0.utf8), as: UTF8.self)
                }
            }
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(hosts?.count ?? 1, addresses?.count ?? 1)
        if let hosts, let addresses, hosts.count != addresses.count {
            throw DescriptionFault("host has \(hosts.count) members and hostaddr \(addresses.count); give each its own")
        }
        if let ports, ports.count > 1, ports.count != count {
            throw DescriptionFault("port has \(ports.count) members for \(count) hosts; give each its own, or all one")
        }
        for port in ports ?? [] where UInt16(port) ?? 0 == 0 { throw DescriptionFault("'\(port)' is no port") }
        for name in ["host", "hostaddr", "port"] { parameters[name] = nil }
        return (0..<count).map { index in
            var own = parameters
            own["host"] = hosts?[index]
            own["hostaddr"] = addresses?[index]
            own["port"] = ports.map { $0.count == 1 ? $0[0] : $0[index] }
            return PostgreSQLServer(parameters: own)
        }
    }

    /// What is decided here for each connection.
    private static let ours = [
        ("connect_timeout", "a lookup has its time from lookuptimeout"),
        ("client_encoding", "texts are asked for as bytes"),
        ("application_name", "it is 'zroute'"),
        ("load_balance_hosts", "hosts are tried in their order"),
    ]

    /// The servers of Postfix's `hosts`, divided by blanks or commas: `host`, `host:port`, `inet:host:port`, `unix:/directory`, a URI.
    static func all(
        hosts text: String, _ common: [String: String]
    ) throws(DescriptionFault) -> [PostgreSQLServer] {
        var servers: [PostgreSQLServer] = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "," }) {
            servers.append(try PostgreSQLServer(postfix: String(word), common))
        }
        guard !servers.isEmpty else { throw DescriptionFault("it names no host; write host:port or unix:/directory") }
        // Postfix, too, asks those on this machine first.
        return servers.filter(\.isLocal) + servers.filter { !$0.isLocal }
    }

    private var isLocal: Bool { parameters["host"]?.hasPrefix("/") ?? false }

    private init(parameters: [String: String]) { self.parameters = parameters }

    private init(postfix word: String, _ common: [String: String]) throws(DescriptionFault) {
        if Self.isURI(word) {
            self.init(parameters: common.filter { $0.key != "dbname" }.merging(["dbname": word]) { $1 })
            return
        }
        var own = common
        if word.hasPrefix("unix:") {
            var path = word.dropFirst(5)
            guard path.hasPrefix("/") else {
                throw DescriptionFault("'\(word)' is no path from the root; write unix:/directory")
            }
            // libpq wants the directory, and people name the socket.
            if let mark = path.firstRange(of: "/.s.PGSQL.") {
                own["port"] = String(path[mark.upperBound...])
                path = path[..<mark.lowerBound]
            }
            own["host"] = String(path)
        } else {
            let place = word.hasPrefix("inet:") ? word.dropFirst(5) : word[...]
            let isBracketed = place.hasPrefix("[")
            let host = isBracketed ? place.dropFirst().prefix { $0 != "]" } : place.prefix { $0 != ":" }
            let rest = place.dropFirst(host.count + (isBracketed ? 2 : 0))
            if rest.hasPrefix(":") { own["port"] = String(rest.dropFirst()) }
            guard !host.isEmpty, rest.isEmpty || rest.hasPrefix(":") else {
                throw DescriptionFault("'\(word)' is no host and port; write host:port or unix:/directory")
            }
            own["host"] = String(host)
        }
        if let port = own["port"], UInt16(port) ?? 0 == 0 { throw DescriptionFault("'\(port)' is no port") }
        self.init(parameters: own)
    }
}

/// Reads the pairs of a connection string (section 34.1.1 of PostgreSQL's manual).
private struct ConninfoReader {
    var rest: ArraySlice<UInt8>

    mutating func read() throws(DescriptionFault) -> [String: String] {
        var parameters: [String: String] = [:]
        while true {
            skipBlanks()
            guard !rest.isEmpty else { return parameters }
            let nameBytes = rest.prefix { !ASCII.isBlank($0) && $0 != UInt8(ascii: "=") }
            rest = rest.dropFirst(nameBytes.count)
            let name = String(decoding: nameBytes, as: UTF8.self)
            skipBlanks()
            guard rest.popFirst() == UInt8(ascii: "="), !name.isEmpty else {
                // What stands there may be a part of a password.
                throw DescriptionFault(
                    "a word in it is no name=value; put values with blanks in quotes: name='a value'")
            }
            skipBlanks()
            guard parameters.updateValue(try value(), forKey: name) == nil else {
                throw DescriptionFault("\(name) stands in it twice; keep the one that is meant")
            }
        }
    }

    private mutating func skipBlanks() { rest = rest.drop(while: ASCII.isBlank) }

    private mutating func value() throws(DescriptionFault) -> String {
        var value: [UInt8] = []
        let isQuoted = rest.first == UInt8(ascii: "'")
        if isQuoted { rest.removeFirst() }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\") {
                if let next = rest.popFirst() { value.append(next) }
            } else if isQuoted ? byte == UInt8(ascii: "'") : ASCII.isBlank(byte) {
                return String(decoding: value, as: UTF8.self)
            } else {
                value.append(byte)
            }
        }
        guard !isQuoted else { throw DescriptionFault("a value in quotes has no end; add the '") }
        return String(decoding: value, as: UTF8.self)
    }
}

extension ASCII {
    /// Bytes without blanks at both ends.
    fileprivate static func trimmed(_ bytes: Substring.UTF8View) -> [UInt8] {
        var rest = Array(bytes).drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return Array(rest)
    }
}
