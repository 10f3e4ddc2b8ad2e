// Whether and how to authenticate: RFC 4954 with LOGIN, PLAIN (RFC 4616) and CRAM-MD5 (RFC 2195).

import Bytes

/// How a session authenticates.
public struct Authentication: Sendable {
    /// The keyed digest of CRAM-MD5: HMAC-MD5 (RFC 2104) of a message under a key, 16 bytes.
    public typealias Digest = @Sendable (_ key: [UInt8], _ message: [UInt8]) -> [UInt8]

    /// Who to authenticate as.
    public let credentials: Credentials
    /// Whether a server that offers no mechanism known here is refused; else the session goes on without, as a store's
    /// socket that takes its peers as authenticated needs.
    public let isRequired: Bool
    /// HMAC-MD5; nil where it is not to be had, and CRAM-MD5 is then passed over.
    public let digest: Digest?

    /// Makes a way to authenticate.
    public init(_ credentials: Credentials, isRequired: Bool = true, digest: Digest? = nil) {
        self.credentials = credentials
        self.isRequired = isRequired
        self.digest = digest
    }

    /// The best of the mechanisms offered: CRAM-MD5, which shows no secret, before PLAIN before LOGIN.
    ///
    /// EXTERNAL is never chosen: no certificate or socket owner speaks for anybody here.
    func bestMechanism(of offered: [String]) -> AuthenticationMechanism? {
        AuthenticationMechanism.allCases.first {
            offered.contains($0.rawValue) && ($0 != .cramMD5 || digest != nil)
        }
    }
}

/// The mechanisms spoken here, the best first.
enum AuthenticationMechanism: String, Sendable, CaseIterable {
    case cramMD5 = "CRAM-MD5"
    case plain = "PLAIN"
    case login = "LOGIN"
}

// One AUTH dialogue (RFC 4954 4), from the command to the last answer to a 334.

/// The client's side of one AUTH dialogue.
struct AuthenticationExchange: Sendable {
    /// A line to send, and what a transcript may show of it.
    struct Line {
        let bytes: [UInt8]
        let redacted: String
    }

    let mechanism: AuthenticationMechanism
    private let authentication: Authentication
    private var answered = 0

    init(_ authentication: Authentication, mechanism: AuthenticationMechanism) {
        self.authentication = authentication
        self.mechanism = mechanism
    }

    /// The AUTH command, with the initial response where the mechanism has one.
    func command() -> Line {
        switch mechanism {
        case .plain:
            let credentials = authentication.credentials
            let message = [0] + credentials.user + [0] + credentials.secret
            return Line(bytes: Array("AUTH PLAIN ".utf8) + Base64.encode(message), redacted: "AUTH PLAIN ***")
        case .login, .cramMD5:
            let text = "AUTH \(mechanism.rawValue)"
            return Line(bytes: Array(text.utf8), redacted: text)
        }
    }

    /// The answer to a 334.
    ///
    /// - Returns: nil where the mechanism has nothing more to say or the challenge is no base64.
    mutating func answer(to challenge: Reply) -> Line? {
        defer { answered += 1 }
        let credentials = authentication.credentials
        switch (mechanism, answered) {
        case (.login, 0): return Self.hidden(credentials.user)
        case (.login, 1): return Self.hidden(credentials.secret)
        case (.cramMD5, 0):
            guard let digest = authentication.digest,
                let text = challenge.textLines.first.flatMap({ Base64.decode($0) })
            else { return nil }
            let code = digest(credentials.secret, text)
            var message = credentials.user + [ASCII.space]
            for byte in code {
                // RFC 2195 wants lower-case digits.
                message.append(ASCII.hexadecimalDigit(byte >> 4) | 0x20)
                message.append(ASCII.hexadecimalDigit(byte & 0x0F) | 0x20)
            }
            return Self.hidden(message)
        default: return nil
        }
    }

    private static func hidden(_ message: [UInt8]) -> Line {
        Line(bytes: Base64.encode(message), redacted: "***")
    }
}

// A user and a secret that never show: whoever prints, dumps or interpolates them sees that they are hidden.

/// A user name and its secret for AUTH.
public struct Credentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let user: [UInt8]
    let secret: [UInt8]

    /// Makes credentials from bytes as the server's SASL expects them, usually UTF-8.
    public init(user: [UInt8], secret: [UInt8]) {
        self.user = user
        self.secret = secret
    }

    /// `***`, whatever the content.
    public var description: String { "***" }

    /// `***`, whatever the content.
    public var debugDescription: String { "***" }

    /// Nothing: `dump` shows no secret either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
