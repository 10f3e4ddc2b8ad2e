// The program's commands, and the names by which links call them.

package import ArgumentParser
import CBuild
import Configuration
import Glibc

/// The root of the command line.
package struct ZRouteCommand: ParsableCommand {
    /// What the root command is and has.
    package static let configuration = CommandConfiguration(
        commandName: "zroute",
        abstract: "Say where mail goes, why, and deliver it: address routing for mail stores.",
        discussion: """
            Maps and queue files are those of ZMailer; no ZMailer is needed. Begin with docs/configuration.md.

            Every command that reads a site has the options of 'zroute help options'. There is also help about: options, \
            files, maps, routes, exit-status.

            Examples:

              # Where does mail to bob go, and why?
              zroute route-test --trace bob@example.org
              # All that is wrong with this site.
              zroute check
            """,
        version: versionText,
        subcommands: [
            CheckCommand.self, RouteTestCommand.self, DiffCommand.self, UsageCommand.self, RouteQueueCommand.self,
            DeliverCommand.self, ServeCommand.self, QueueCommand.self, SubmitCommand.self, NewdbCommand.self,
            ConfigCommand.self, GraphCommand.self, MakedbCommand.self, ConvertCommand.self, DbCommand.self,
            LMTPSinkCommand.self,
        ])

    /// Needed by the parser.
    package init() {}

    /// The program's version: that of the release, and between releases that of the next one with `-dev`.
    ///
    /// No other file has it: `Scripts/source-facts` reads it here for packages, archives and manual pages.
    static let version = "0.2.0-dev"

    /// The version, with the commit where the build knew it.
    static var versionText: String {
        let commit = unsafe String(cString: zroute_build_commit)
        return commit.isEmpty ? version : "\(version) (\(commit))"
    }

    /// Runs the program, and ends it with the command's exit status.
    ///
    /// A subcommand is given its arguments at once: going through the root command would parse them twice, which at each
    /// start takes longer than the rest of `route-test`.
    ///
    /// - Parameter process: the process's arguments; where the first is the name of a subcommand, as a link to the
    ///   program has it, that subcommand runs.
    package static func run(process: [String]) {
        openStandardFiles()
        // A limit on file sizes is an error to report (EFBIG), not a death.
        _ = signal(SIGXFSZ, SIG_IGN)
        let program = process.first ?? ""
        let name = program.split(separator: "/").last.map(String.init) ?? program
        var line = CommandWords(Array(process.dropFirst()))
        if name == "sendmail" {
            submit(Array(process.dropFirst()), isSendmail: true)
        } else if let command = configuration.subcommands.first(where: { $0.configuration.commandName == name }) {
            start(command, line.words)
        } else if let command = line.takeSubcommand(of: ZRouteCommand.self) {
            if let unknown = line.unknownSubcommand(of: command) { refuse(unknown, of: command, line.words) }
            start(command, line.words)
        } else if let topic = HelpTopic(askedForBy: line.words) {
            show(topic)
        } else {
            if let unknown = line.unknownSubcommand(of: ZRouteCommand.self) {
                refuse(unknown, of: ZRouteCommand.self, line.words)
            }
            run(ZRouteCommand.self, line.words)
        }
    }

    private static func start(_ command: any ParsableCommand.Type, _ words: [String]) {
        // Its options are those of sendmail, which the parser does not read as programs write them.
        if command == SubmitCommand.self { submit(words, isSendmail: false) } else { run(command, words) }
    }

    /// Runs what a command line of sendmail's asks for.
    private static func submit(_ words: [String], isSendmail: Bool) {
        do throws(SendmailWords.Refusal) {
            let meant = try SubmitCommand.meant(by: words, isSendmail: isSendmail)
            run(meant.command, meant.words)
        } catch {
            DiagnosticLog(LogForm(LogFormat(askedForIn: words), isTimed: false)).say(error.reason)
            Glibc.exit(ExitCode.usage.rawValue)
        }
    }

    private static func run(_ command: any ParsableCommand.Type, _ words: [String]) {
        do {
            var parsed = try command.parseAsRoot(words)
            try parsed.run()
        } catch {
            let status = command.exitCode(for: error)
            if status == .ok, !(error is ExitCode), let word = misreadHelp(words) {
                refuse(option: word, of: command, words)
            }
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
            let log = DiagnosticLog(LogForm(LogFormat(askedForIn: words), isTimed: false))
            guard output.finish(log) || status != .ok else { Glibc.exit(ExitCode.inputOutput.rawValue) }
            Glibc.exit(status.rawValue)
        }
    }

    /// Ends the program when it has said what there is to a topic.
    private static func show(_ topic: HelpTopic) -> Never {
        var output = OutputStream(descriptor: STDOUT_FILENO)
        output.write(topic.text + "\n")
        let isWritten = output.finish(DiagnosticLog(LogForm(.text, isTimed: false)))
        Glibc.exit(isWritten ? 0 : ExitCode.inputOutput.rawValue)
    }

    /// Opens those of the standard files that whoever started the program has closed, so that no other file takes their
    /// place: reading and writing them fails, as it would have.
    private static func openStandardFiles() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one.
            _ = unsafe open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// The word that the parser took for a wish for help, as it does for each that has one dash and an `h` in it.
    private static func misreadHelp(_ words: [String]) -> String? {
        let known = ["-h", "-help", "--help", "help", "--help-hidden", "--version"]
        guard !words.isEmpty,
            !words.contains(where: { known.contains($0) || $0.hasPrefix("--generate") || $0.hasPrefix("--exp") })
        else { return nil }
        return words.first { $0.hasPrefix("-") && !$0.hasPrefix("--") && $0.utf8.count > 2 && $0.contains("h") }
    }

    /// Ends the program because of an option that there is not.
    private static func refuse(option word: String, of command: any ParsableCommand.Type, _ words: [String]) -> Never {
        DiagnosticLog(LogForm(LogFormat(askedForIn: words), isTimed: false)).say(
            "'\(word)' is no option; options have two dashes, as '-\(word)'; see 'zroute"
                + " \(command.configuration.commandName ?? "") --help'")
        Glibc.exit(ExitCode.usage.rawValue)
    }

    /// Ends the program because of a subcommand that there is not.
    private static func refuse(_ word: String, of command: any ParsableCommand.Type, _ words: [String]) -> Never {
        let names = command.configuration.subcommands.compactMap { $0.configuration.commandName }
        let place = command == ZRouteCommand.self ? "zroute" : "zroute \(command.configuration.commandName ?? "")"
        let topics = command == ZRouteCommand.self && words.first == "help" ? HelpTopic.names : []
        DiagnosticLog(LogForm(LogFormat(askedForIn: words), isTimed: false)).say(
            "'\(word)' is no command \(topics.isEmpty ? "" : "or topic ")of '\(place)'; there are"
                + " \((names + topics).joined(separator: ", "))\(suggestion(for: word, among: names + topics));"
                + " see '\(place) --help'")
        Glibc.exit(ExitCode.usage.rawValue)
    }
}
