// The command line of ZMailer's smtp agent, as scheduler.conf's `command=` has it: read, never run.

package import Configuration

/// The options of an `smtp` command that matter here.
package struct SMTPCommandLine: Sendable, Hashable {
    /// A command that cannot be carried out here.
    package struct Unusable: Error, Sendable, Hashable, CustomStringConvertible {
        /// The cause and the remedy.
        package let description: String
        /// Whether it is nothing wrong, but something that ZMailer does and this program does not.
        let isForeign: Bool

        init(_ description: String, isForeign: Bool = false) {
            self.description = description
            self.isForeign = isForeign
        }
    }

    /// `-M`: LMTP.
    package private(set) var isLMTP = false
    /// `-x`: no MX look-up.
    package private(set) var avoidsMX = false
    /// `-F`: the next hop, in place of the route's host.
    package private(set) var nextHop: String?
    /// `-p`: the port.
    package private(set) var port: Int?
    /// `-A`: the secrets file.
    package private(set) var secretsFile: String?
    /// `-S`: the TLS file.
    package private(set) var tlsFile: String?
    /// `-T`: the time-outs.
    package private(set) var limits = TimeLimits()
    /// `-h`: the name in LHLO or EHLO.
    package private(set) var helloName: String?
    /// `-l`: where the dialogue is logged.
    package private(set) var logFile: String?
    /// `-P`: no pipelining.
    package private(set) var avoidsPipelining = false
    /// `-8`: 8-bit messages go as they are.
    package private(set) var forcesEightBit = false
    /// `-7`: every message goes as seven bits.
    package private(set) var forcesSevenBit = false
    /// `-B`, which ZMailer's agent does not have: BDAT in place of DATA where the server has it.
    package private(set) var prefersChunking = false
    /// `-1`: one message a connection.
    package private(set) var isOneMessage = false
    /// Words behind the options: the host, where `$host` stands there.
    package private(set) var operands: [String] = []

    /// No option at all.
    init() {}

    /// Reads a command.
    ///
    /// Words are split and options recognised before anything is replaced: what a route's host or channel holds can
    /// neither add a word nor become an option.
    ///
    /// - Parameters:
    ///   - command: the value of `command=`.
    ///   - variables: what `$channel`, `$host` and `${NAME}` stand for.
    /// - Throws: `Unusable` where it is no `smtp` command, or has an option that cannot be obeyed.
    package init(_ command: String, variables: Variables) throws(Unusable) {
        let words = Self.words(command)
        let program = Self.program(words, variables)
        guard program == Self.name else {
            throw Unusable(
                "command '\(program)' is not carried out here, only '\(Self.name)' is", isForeign: true)
        }
        var rest = words.dropFirst()[...]
        while let word = rest.first, word.hasPrefix("-"), word.utf8.count > 1 {
            rest = rest.dropFirst()
            if word == "--" { break }
            var letters = word.dropFirst()
            while let letter = letters.popFirst() {
                guard Self.takesValue.contains(letter) else {
                    try setFlag(letter)
                    continue
                }
                guard let raw = letters.isEmpty ? rest.popFirst() : String(letters) else {
                    throw Unusable("option -\(letter) of the smtp command has no value")
                }
                try set(letter, to: Self.expand(raw, variables))
                break
            }
        }
        operands = rest.map { Self.expand($0, variables) }
    }

    /// Whether a command is one that is carried out here, whatever its options are.
    static func isCarriedOut(_ command: String, variables: Variables) -> Bool {
        program(words(command), variables) == name
    }

    /// The one program whose options are obeyed.
    private static let name = "smtp"

    private static func words(_ command: String) -> [String] {
        command.split { $0 == " " || $0 == "\t" }.map(String.init)
    }

    /// The name of a command's program without its directory.
    private static func program(_ words: [String], _ variables: Variables) -> String {
        words.first.map { expand($0, variables).split(separator: "/").last.map(String.init) ?? $0 } ?? ""
    }

    private static let takesValue: Set<Character> = ["c", "F", "p", "A", "S", "T", "h", "l"]

    private static func expand(_ word: String, _ variables: Variables) -> String { variables.expand(word).text }

    private mutating func setFlag(_ letter: Character) throws(Unusable) {
        switch letter {
        case "M": isLMTP = true
        case "x": avoidsMX = true
        case "P": avoidsPipelining = true
        case "8": forcesEightBit = true
        case "7": forcesSevenBit = true
        case "B": prefersChunking = true
        case "1": isOneMessage = true
        // -X: connecting to oneself is nothing special here. -s: no process title. -H: headers are never converted.
        // -E: a greeting without ESMTP is answered by EHLO and, where that is refused, HELO. -V: no version to print.
        case "X", "s", "H", "E", "V": break
        default: throw Unusable("option -\(letter) of the smtp command is not known here; remove it")
        }
    }

    private mutating func set(_ letter: Character, to value: String) throws(Unusable) {
        switch letter {
        case "F": nextHop = value
        case "A": secretsFile = value
        case "S": tlsFile = value
        case "h": helloName = value
        case "l": logFile = value
        case "p":
            guard let port = Endpoint.port(value) else { throw Unusable("option -p is no port number: '\(value)'") }
            self.port = port
        case "T":
            guard let limits = TimeLimits(value) else {
                throw Unusable("option -T is not of the form conn=3m,tcpw=5m,cmd=5m,data=2m,dot=20m: '\(value)'")
            }
            self.limits = limits
        // -c: which channel the command is for is known already.
        default: break
        }
    }

    /// The server that the command leads to for a route's host.
    ///
    /// - Throws: `Unusable` where an MX look-up or a port is needed.
    package func endpoint(host: String) throws(Unusable) -> Endpoint {
        if let nextHop, let path = Endpoint.path(nextHop) { return .unix(path: path) }
        let name = nextHop ?? host
        guard let target = Endpoint.host(name) else {
            let isSocket = name.contains("/")
            throw Unusable(
                "'\(name)' is no host to connect to"
                    + (isSocket ? "; a socket in the file system is written UNIX:/path" : ""))
        }
        guard exchanger(host: host) == nil else {
            throw Unusable(
                "an MX look-up of '\(name)' is needed; add -x, or name the next hop by -F [HOST]; for a store that speaks"
                    + " LMTP add -M", isForeign: true)
        }
        if isLMTP, port == nil || port == 25 {
            throw Unusable("LMTP never uses port 25 (RFC 2033); add -p PORT, or -F UNIX:/path")
        }
        return .tcp(host: target, port: port ?? 25)
    }

    /// The domain whose MX records say where the command leads to for a route's host; nil where none are needed.
    package func exchanger(host: String) -> String? {
        let name = nextHop ?? host
        // A name in brackets, a literal, and whatever speaks LMTP has no MX record to be looked up.
        let isNamed = isLMTP || avoidsMX || name.hasPrefix("[") || Endpoint.path(name) != nil
        return isNamed ? nil : Endpoint.host(name)
    }
}
