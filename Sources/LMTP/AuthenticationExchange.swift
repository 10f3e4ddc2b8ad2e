// One AUTH dialogue (RFC 4954 4), from the command to the last answer to a 334.

import MailAddress

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
            var message = credentials.user + [0x20]
            for byte in code {
                // RFC 2195 wants lower-case digits.
                message.append(hexadecimalDigit(byte >> 4) | 0x20)
                message.append(hexadecimalDigit(byte & 0x0F) | 0x20)
            }
            return Self.hidden(message)
        default: return nil
        }
    }

    private static func hidden(_ message: [UInt8]) -> Line {
        Line(bytes: Base64.encode(message), redacted: "***")
    }
}
