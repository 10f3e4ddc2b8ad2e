// Whether and how to authenticate: RFC 4954 with LOGIN, PLAIN (RFC 4616) and CRAM-MD5 (RFC 2195).

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
