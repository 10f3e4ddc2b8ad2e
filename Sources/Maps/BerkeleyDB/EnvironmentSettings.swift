// What a sleepyenv.conf says: the Berkeley DB environment that a map's readers and writers share.

/// The Berkeley DB environment of a map (relation flag `-C`).
public struct EnvironmentSettings: Sendable, Hashable {
    /// The directory of the environment's region files.
    public let home: String
    /// The mode of the region files.
    public let mode: UInt32
    /// Whether the environment may be created where it does not exist.
    public let create: Bool
    /// Whether maps are opened for reading only.
    public let readOnly: Bool
    /// Whether it is a Concurrent Data Store: many readers and one writer, locked by the library.
    public let cdb: Bool
    /// The directory of the library's temporary files; nil for its own choice.
    public let temporaryDirectory: String?

    /// Describes an environment.
    public init(
        home: String, mode: UInt32, create: Bool, readOnly: Bool, cdb: Bool, temporaryDirectory: String?
    ) {
        self.home = home
        self.mode = mode
        self.create = create
        self.readOnly = readOnly
        self.cdb = cdb
        self.temporaryDirectory = temporaryDirectory
    }
}
