// The answer of routing: ZMailer's quad (channel, host, user, attributes), of which the privilege is the one attribute
// that an answer still needs.

import MailAddress

/// Where one copy of a message goes: `channel!host!user`.
///
/// The three fields share one array: a route costs one allocation.
public struct Route: Sendable, Hashable {
    /// Channel, host and user, one after the other.
    private let bytes: [UInt8]
    private let hostStart: Int
    private let userStart: Int
    /// The user whose authority the route carries, as a number: nobody (65534) for what was typed, the owner of the
    /// map for what a map expanded to.
    public let privilege: UInt32

    /// The privilege of everything that was typed.
    public static let nobody: UInt32 = 65534

    /// Puts a route together.
    public init(channel: Span<UInt8>, host: Span<UInt8>, user: Span<UInt8>, privilege: UInt32 = Route.nobody) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(channel.count + host.count + user.count)
        bytes.append(from: channel)
        hostStart = bytes.count
        bytes.append(from: host)
        userStart = bytes.count
        bytes.append(from: user)
        self.bytes = bytes
        self.privilege = privilege
    }

    /// Puts a route together from arrays.
    public init(channel: [UInt8], host: [UInt8], user: [UInt8], privilege: UInt32 = Route.nobody) {
        self.init(channel: channel.span, host: host.span, user: user.span, privilege: privilege)
    }

    /// The transport channel, such as `smtp-lmtp`; a value of a map may put a `!` into it.
    public var channel: ArraySlice<UInt8> { bytes[..<hostStart] }

    /// The host, which for channel `local` is the address that was asked for.
    public var host: ArraySlice<UInt8> { bytes[hostStart..<userStart] }

    /// The user, as the transport agent hands it to the next hop.
    public var user: ArraySlice<UInt8> { bytes[userStart...] }

    /// Whether the channel is the one of this name.
    public func isChannel(_ name: StaticString) -> Bool {
        // A static string lives as long as the program; the closure only reads it.
        name.withUTF8Buffer { unsafe channel.elementsEqual($0) }
    }
}
