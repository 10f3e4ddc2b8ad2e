// The third field of dbases.conf: who owns a map that mail may be expanded from, and how widely it may be written.

/// What a map's file is to be owned by, and its mode.
public struct MapPrivilege: Sendable, Hashable {
    /// The owner, a name or a number.
    public let owner: String
    /// The group, a name or a number.
    public let group: String
    /// The permission bits.
    public let mode: UInt32

    /// Describes whom a map is to belong to.
    public init(owner: String, group: String, mode: UInt32) {
        self.owner = owner
        self.group = group
        self.mode = mode
    }

    /// Reads `owner:group:mode`, the mode in octal.
    init(field: String) throws(FieldError) {
        let parts = field.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty, let mode = UInt32(parts[2], radix: 8),
            mode <= 0o7777
        else {
            throw FieldError("the privilege '\(field)' is no owner:group:mode, such as root:0:644; write '-' for none")
        }
        self.init(owner: parts[0], group: parts[1], mode: mode)
    }
}
