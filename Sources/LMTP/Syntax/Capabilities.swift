// What a server announced in its answer to LHLO or EHLO (RFC 5321 4.1.1.1), and nothing it did not.

import Bytes

/// The service extensions a server announced.
public struct Capabilities: Sendable, Hashable {
    /// Extensions without arguments that matter to a client.
    public struct Extensions: OptionSet, Sendable, Hashable {
        /// One bit an extension.
        public let rawValue: UInt16

        /// Makes a set from its bits.
        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        /// Commands may follow each other without waiting (RFC 2920).
        public static let pipelining = Extensions(rawValue: 1 << 0)
        /// `BODY=8BITMIME` (RFC 6152).
        public static let eightBitMIME = Extensions(rawValue: 1 << 1)
        /// `SIZE=` (RFC 1870).
        public static let size = Extensions(rawValue: 1 << 2)
        /// Replies carry enhanced codes (RFC 2034).
        public static let enhancedStatusCodes = Extensions(rawValue: 1 << 3)
        /// `SMTPUTF8` (RFC 6531).
        public static let smtpUTF8 = Extensions(rawValue: 1 << 4)
        /// `NOTIFY=`, `ORCPT=`, `RET=`, `ENVID=` (RFC 3461).
        public static let deliveryStatusNotifications = Extensions(rawValue: 1 << 5)
        /// `BDAT` (RFC 3030).
        public static let chunking = Extensions(rawValue: 1 << 6)
        /// `STARTTLS` (RFC 3207).
        public static let startTLS = Extensions(rawValue: 1 << 7)
        /// `RCPT ... IGNOREQUOTA`, Cyrus's own.
        public static let ignoreQuota = Extensions(rawValue: 1 << 8)
    }

    /// The extensions announced.
    public var extensions: Extensions = []
    /// The largest message accepted, in octets; nil where the server named none (RFC 1870: no number, or 0).
    public var sizeLimit: UInt64?
    /// The names of the AUTH mechanisms, in upper case, in the server's order, each once, 64 at most (RFC 4954).
    public var authenticationMechanisms: [String] = []

    /// Nothing announced: what a server that knows only HELO has.
    public init() {}

    /// Reads the reply to LHLO or EHLO.
    ///
    /// The first line is the server's name. A later line that is no known keyword, such as Cyrus's `Ok SESSIONID=<...>`
    /// or an empty one, means nothing and disturbs nothing.
    public init(hello reply: Reply) {
        for line in reply.textLines.dropFirst() {
            let words = line.split { ASCII.isBlank($0) }
            guard let keyword = words.first.map(upperCased) else { continue }
            read(keyword: keyword, arguments: words.dropFirst())
        }
    }

    private mutating func read(keyword: String, arguments: ArraySlice<ArraySlice<UInt8>>) {
        switch keyword {
        case "PIPELINING": extensions.insert(.pipelining)
        case "8BITMIME": extensions.insert(.eightBitMIME)
        case "ENHANCEDSTATUSCODES": extensions.insert(.enhancedStatusCodes)
        case "SMTPUTF8": extensions.insert(.smtpUTF8)
        case "DSN": extensions.insert(.deliveryStatusNotifications)
        case "CHUNKING": extensions.insert(.chunking)
        case "STARTTLS": extensions.insert(.startTLS)
        case "IGNOREQUOTA": extensions.insert(.ignoreQuota)
        case "SIZE":
            extensions.insert(.size)
            if let number = arguments.first.flatMap({ UInt64(String(decoding: $0, as: UTF8.self)) }), number > 0 {
                sizeLimit = number
            }
        case "AUTH": arguments.map(upperCased).forEach { add(mechanism: $0) }
        default:
            // Servers older than RFC 2554 write `AUTH=LOGIN PLAIN`.
            guard keyword.hasPrefix("AUTH=") else { return }
            add(mechanism: String(keyword.dropFirst(5)))
            arguments.map(upperCased).forEach { add(mechanism: $0) }
        }
    }

    private mutating func add(mechanism: String) {
        // Nobody has so many; a list without end would be searched again for each.
        guard authenticationMechanisms.count < 64 else { return }
        guard !mechanism.isEmpty, !authenticationMechanisms.contains(mechanism) else { return }
        authenticationMechanisms.append(mechanism)
    }
}

extension Capabilities {
    /// Appends the reply to LHLO or EHLO of a server that has these extensions (RFC 5321 4.1.1.1).
    static func appendLines(of extensions: Extensions, sizeLimit: UInt64, host: [UInt8], to output: inout [UInt8]) {
        output.append("250-")
        output.append(contentsOf: host)
        if extensions.contains(.pipelining) { output.append("\r\n250-PIPELINING") }
        if extensions.contains(.eightBitMIME) { output.append("\r\n250-8BITMIME") }
        if extensions.contains(.smtpUTF8) { output.append("\r\n250-SMTPUTF8") }
        if extensions.contains(.enhancedStatusCodes) { output.append("\r\n250-ENHANCEDSTATUSCODES") }
        if extensions.contains(.deliveryStatusNotifications) { output.append("\r\n250-DSN") }
        if extensions.contains(.chunking) { output.append("\r\n250-CHUNKING") }
        output.append("\r\n250 SIZE ")
        output.append(decimal: sizeLimit)
        output.append("\r\n")
    }
}

private func upperCased(_ word: ArraySlice<UInt8>) -> String {
    String(decoding: word.map(ASCII.uppercase), as: UTF8.self)
}
