// What a relation's `-C FILE` (sleepyenv.conf) says about the Berkeley DB environment that its files live in.

import Maps

/// The description of a Berkeley DB environment, as ZMailer's `sleepyenv.conf` gives it.
package struct EnvironmentSettings: Sendable, Hashable {
    /// The directory of the environment's region files (`envhome`).
    package var home: String
    /// The permission bits of region files that are created (`envmode`).
    package var mode: UInt32
    /// Whether the environment is created where it does not exist (flag `CREATE`).
    package var create: Bool
    /// Whether databases are opened for reading only (flag `RO`).
    ///
    /// It speaks of the databases: whoever reads a CDB environment writes its region files all the same.
    package var readOnly: Bool
    /// Whether it is a Concurrent Data Store, with many readers and one writer at a time (flag `CDB`).
    package var cdb: Bool
    /// Where the library puts temporary files (`tmpdir`); nil for its own choice.
    package var temporaryDirectory: String?

    /// Describes an environment.
    package init(
        home: String, mode: UInt32 = 0o644, create: Bool = false, readOnly: Bool = true, cdb: Bool = true,
        temporaryDirectory: String? = nil
    ) {
        self.home = home
        self.mode = mode
        self.create = create
        self.readOnly = readOnly
        self.cdb = cdb
        self.temporaryDirectory = temporaryDirectory
    }
}
