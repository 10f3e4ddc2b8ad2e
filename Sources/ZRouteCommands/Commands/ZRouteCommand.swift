// The program's commands, and the names by which links call them.

public import ArgumentParser

/// The root of the command line.
public struct ZRouteCommand: ParsableCommand {
    /// What the root command is and has.
    public static let configuration = CommandConfiguration(
        commandName: "zroute",
        abstract: "Route mail addresses as ZMailer's router.cf does.",
        version: "0.1.0",
        subcommands: [RouteTestCommand.self])

    /// Needed by the parser.
    public init() {}

    /// The arguments to parse for a process: a link named after a subcommand calls that subcommand.
    public static func arguments(of process: [String]) -> [String] {
        guard let path = process.first else { return [] }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let isSubcommand = configuration.subcommands.contains { $0.configuration.commandName == name }
        return (isSubcommand ? [name] : []) + process.dropFirst()
    }
}
