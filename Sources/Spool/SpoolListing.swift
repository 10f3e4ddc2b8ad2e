// What a directory of the spool holds: files that may be messages, and things that cannot be.

/// The names in a directory of the spool.
public struct SpoolListing: Sendable, Hashable {
    /// A name that is passed over.
    public struct Refused: Sendable, Hashable {
        /// The name as bytes.
        public let name: [UInt8]
        /// Why, for a person.
        public let reason: String
    }

    /// Files that may be messages, in alphabetical order.
    public var names: [MessageName] = []
    /// Names that are no message and are never opened.
    ///
    /// Names beginning with a dot, files still being written, are in neither list.
    public var refused: [Refused] = []
}
