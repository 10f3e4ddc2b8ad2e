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
