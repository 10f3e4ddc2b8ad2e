// The program's commands, and the names by which links call them.

public import ArgumentParser

/// The root of the command line.
public struct ZRouteCommand: ParsableCommand {
    /// What the root command is and has.
    public static let configuration = CommandConfiguration(
        commandName: "zroute",
        abstract: "Route mail addresses as ZMailer's router.cf does.",
        version: version,
        subcommands: [
            RouteTestCommand.self, RouteQueueCommand.self, DeliverCommand.self, QueueCommand.self, NewdbCommand.self,
            MakedbCommand.self, DbCommand.self, LMTPSinkCommand.self,
        ])

    /// Needed by the parser.
    public init() {}

    /// The program's version.
    static let version = "0.1.0"

    /// Runs the program, and ends it with the command's exit status.
    ///
    /// A subcommand is given its arguments at once: going through the root command would parse them twice, which at each
    /// start takes longer than the rest of `route-test`.
    ///
    /// - Parameter process: the process's arguments; where the first is the name of a subcommand, as a link to the
    ///   program has it, that subcommand runs.
    public static func run(process: [String]) {
        let program = process.first ?? ""
        let name = program.split(separator: "/").last.map(String.init) ?? program
        if let command = subcommand(named: name) {
            command.main(Array(process.dropFirst()))
        } else if process.count > 1, let command = subcommand(named: process[1]) {
            command.main(Array(process.dropFirst(2)))
        } else {
            main(Array(process.dropFirst()))
        }
    }

    private static func subcommand(named name: String) -> (any ParsableCommand.Type)? {
        configuration.subcommands.first { $0.configuration.commandName == name }
    }
}
