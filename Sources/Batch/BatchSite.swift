// What a spool's run needs to know of its site.

public import Configuration

/// The settings of a site that go into its messages.
public struct BatchSite: Sendable {
    /// This host's name (setting hostname), which Received fields and identifiers carry.
    public let hostname: [UInt8]
    /// `@` and the domain of a sender without one (setting mydomain).
    public let atDomain: [UInt8]

    /// The site that settings describe.
    public init(_ settings: Settings) {
        hostname = Array(settings.hostname.utf8)
        atDomain = [UInt8(ascii: "@")] + Array(settings.myDomain.utf8)
    }
}
