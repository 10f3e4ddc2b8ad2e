// `zroute db`: one live map, as the program that keeps it up to date needs it.

import ArgumentParser

/// The commands for live maps.
struct DbCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "db",
        abstract: "Look into and change live maps.",
        discussion: """
            MAP is a relation of dbases.conf, which stands for its live (-r) map, or the path of a database file with \
            --env HOME, the directory of its Berkeley DB environment.

            Every command answers within the setting lookuptimeout, or exits with 75.

            Examples:

              # What does the live map of fqdnroutes say of bob?
              zroute db get fqdnroutes bob@example.org
              # A copy of it, to be kept.
              zroute db dump fqdnroutes > fqdnroutes.dump
            """,
        subcommands: [
            DbGetCommand.self, DbPutCommand.self, DbDeleteCommand.self, DbDumpCommand.self, DbLoadCommand.self,
            DbCountCommand.self, DbVerifyCommand.self, DbRecoverCommand.self,
        ])
}

// The options that all commands for live maps understand.

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
