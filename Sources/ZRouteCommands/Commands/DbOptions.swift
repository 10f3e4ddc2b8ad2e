// The options that all commands for live maps understand.

import ArgumentParser

/// Which map, in which environment.
struct DbOptions: ParsableArguments {
    @OptionGroup var site: SiteOptions

    @Option(
        name: .customLong("env"),
        help: ArgumentHelp("The directory of the CDB environment; it is made one if it is none.", valueName: "home"))
    var home: String?

    @Flag(name: .customLong("no-env"), help: "Open the file outside of any environment; nobody else may use it then.")
    var hasNoEnvironment = false

    func validate() throws {
        guard home == nil || !hasNoEnvironment else { throw ValidationError("--env and --no-env exclude each other.") }
    }
}
