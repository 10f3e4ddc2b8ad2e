// The program's commands, and the names by which links call them.

public import ArgumentParser
import Configuration
import Glibc

/// The root of the command line.
public struct ZRouteCommand: ParsableCommand {
    /// What the root command is and has.
    public static let configuration = CommandConfiguration(
        commandName: "zroute",
        abstract: "Say where mail goes, why, and deliver it: address routing for mail stores.",
        discussion:
            "Maps and queue files are those of ZMailer; no ZMailer is needed. Begin with docs/configuration.md.",
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
        // A limit on file sizes is an error to report (EFBIG), not a death.
        _ = signal(SIGXFSZ, SIG_IGN)
        let program = process.first ?? ""
        let name = program.split(separator: "/").last.map(String.init) ?? program
        var line = CommandWords(Array(process.dropFirst()))
        if let command = configuration.subcommands.first(where: { $0.configuration.commandName == name }) {
            run(command, line.words)
        } else if let command = line.takeSubcommand(of: ZRouteCommand.self) {
            if let unknown = line.unknownSubcommand(of: command) { refuse(unknown, of: command, line.words) }
            run(command, line.words)
        } else {
            if let unknown = line.unknownSubcommand(of: ZRouteCommand.self) {
                refuse(unknown, of: ZRouteCommand.self, line.words)
            }
            run(ZRouteCommand.self, line.words)
        }
    }

    private static func run(_ command: any ParsableCommand.Type, _ words: [String]) {
        do {
            var parsed = try command.parseAsRoot(words)
            try parsed.run()
        } catch {
            let status = command.exitCode(for: error)
            let name = command.configuration.commandName ?? ""
            var text = ""
            for line in command.fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false) {
                // The parser leaves the program's own name out, and nobody could run what it then says.
                let isHint = command != ZRouteCommand.self && line.hasPrefix("  See '\(name) ")
                text += (isHint ? "  See 'zroute \(line.dropFirst(7))" : line) + "\n"
            }
            if status != .ok, text != "\n", LogFormat(askedForIn: words) == .json {
                DiagnosticLog(LogForm(.json, isTimed: false)).say(command.message(for: error))
                Glibc.exit(status.rawValue)
            }
            var output = OutputStream(descriptor: status == .ok ? STDOUT_FILENO : STDERR_FILENO)
            if text != "\n" { output.write(text) }
            output.flush()
            Glibc.exit(status.rawValue)
        }
    }

    /// Ends the program because of a subcommand that there is not.
    private static func refuse(_ word: String, of command: any ParsableCommand.Type, _ words: [String]) -> Never {
        let names = command.configuration.subcommands.compactMap { $0.configuration.commandName }
        let place = command == ZRouteCommand.self ? "zroute" : "zroute \(command.configuration.commandName ?? "")"
        DiagnosticLog(LogForm(LogFormat(askedForIn: words), isTimed: false)).say(
            "'\(word)' is no command of '\(place)'; there are \(names.joined(separator: ", "))"
                + "\(suggestion(for: word, among: names)); see '\(place) --help'")
        Glibc.exit(ExitCode.usage.rawValue)
    }
}
