// The answer of routing: ZMailer's quad (channel, host, user, attributes), of which the privilege is the one attribute
// that an answer still needs.

import MailAddress

/// Where one copy of a message goes: `channel!host!user`.
///
/// The three fields share one array: an address that resolves to one route costs one allocation.
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
    public init(
        channel: Span<UInt8>, host: Span<UInt8>, user: Span<UInt8>, tail: Span<UInt8>, domain: Span<UInt8>,
        privilege: UInt32
    ) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(channel.count + host.count + user.count + tail.count + domain.count)
        bytes.append(from: channel)
        hostStart = bytes.count
        bytes.append(from: host)
        userStart = bytes.count
        bytes.append(from: user)
        bytes.append(from: tail)
        bytes.append(from: domain)
        self.bytes = bytes
        self.privilege = privilege
    }

    /// Puts a route together from arrays.
    public init(channel: [UInt8], host: [UInt8], user: [UInt8], privilege: UInt32 = Route.nobody) {
        let none: [UInt8] = []
        self.init(
            channel: channel.span, host: host.span, user: user.span, tail: none.span, domain: none.span,
            privilege: privilege)
    }

    /// Puts a route together whose channel (and often host) is a name this program knows.
    public init(_ channel: StaticString, host: [UInt8], user: [UInt8], privilege: UInt32 = Route.nobody) {
        self.init(channel: channel.bytes, host: host, user: user, privilege: privilege)
    }

    /// The transport channel, such as `smtp-lmtp`; a value of a map may put a `!` into it.
    public var channel: ArraySlice<UInt8> { bytes[..<hostStart] }

    /// The host, which for channel `local` is the address that was asked for.
    public var host: ArraySlice<UInt8> { bytes[hostStart..<userStart] }

    /// The user, as the transport agent hands it to the next hop.
    public var user: ArraySlice<UInt8> { bytes[userStart...] }

    /// Whether the channel is the one of this name.
    public func isChannel(_ name: StaticString) -> Bool {
        guard hostStart == name.utf8CodeUnitCount else { return false }
        for place in 0..<hostStart where bytes[place] != name[place] { return false }
        return true
    }
}

extension StaticString {
    /// One byte of a literal.
    @inline(__always)
    fileprivate subscript(place: Int) -> UInt8 {
        // The caller keeps the place below the count; a static string lives as long as the program.
        unsafe utf8Start[place]
    }

    /// The bytes of a literal.
    var bytes: [UInt8] {
        // A static string lives as long as the program; the closure only copies it.
        withUTF8Buffer { unsafe [UInt8]($0) }
    }
}
