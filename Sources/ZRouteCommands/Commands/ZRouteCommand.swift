// The program's commands, and the names by which links call them.

public import ArgumentParser

/// The root of the command line.
public struct ZRouteCommand: ParsableCommand {
    /// What the root command is and has.
    public static let configuration = CommandConfiguration(
        commandName: "zroute",
        abstract: "Route mail addresses as ZMailer's router.cf does.",
        version: "0.1.0",
        subcommands: [
            RouteTestCommand.self, RouteQueueCommand.self, DeliverCommand.self, QueueCommand.self, NewdbCommand.self,
            MakedbCommand.self, DbCommand.self, LMTPSinkCommand.self,
        ])

    /// Needed by the parser.
    public init() {}

    /// Runs the program, and ends it with the command's exit status.
    ///
    /// - Parameter process: the process's arguments; where the first is the name of a subcommand, as a link to the
    ///   program has it, that subcommand runs.
    public static func run(process: [String]) {
        let path = process.first ?? ""
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let isSubcommand = configuration.subcommands.contains { $0.configuration.commandName == name }
        main((isSubcommand ? [name] : []) + process.dropFirst())
    }
}
