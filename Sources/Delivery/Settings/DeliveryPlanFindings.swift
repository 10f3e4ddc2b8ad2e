// Judges all that scheduler.conf names, before any mail is there: its commands, and the files behind their options.

package import Configuration
import LMTP
import System

extension DeliveryPlan {
    /// What of scheduler.conf, of its commands and of the files that they name cannot be used, or was probably not meant:
    /// the findings about each file together, in the order of its lines.
    ///
    /// What depends on a recipient's host cannot be judged, and is not. Nothing is connected to, and nothing written.
    package var findings: [Finding] {
        var files: [Finding] = []
        switch source {
        case .single(let endpoint, let options, _):
            let command = PlannedCommand("smtp -M \(options)", file: "--lmtp", endpoint: endpoint)
            return command.findings(settings.variables, &files) + files
        case .scheduler(let conf):
            let unset = conf.unsetVariables(settings.variables)
            var found = conf.findings + unset
            // What a command names with such a variable is not what was meant.
            for command in conf.commands where !unset.contains(where: { $0.line == command.line }) {
                found += command.findings(settings.variables, &files)
            }
            return found.inOrderOfLines + files
        }
    }
}

extension DeliveryPlan {
    /// The files that commands name, each once, and what they are: those that are the same for every recipient.
    package var namedFiles: [(path: String, purpose: String)] {
        let commands: [PlannedCommand] =
            switch source {
            case .single(let endpoint, let options, _):
                [PlannedCommand("smtp -M \(options)", file: "--lmtp", endpoint: endpoint)]
            case .scheduler(let conf): conf.commands
            }
        var files: [(path: String, purpose: String)] = []
        for command in commands {
            for file in command.namedFiles(settings.variables) where !files.contains(where: { $0.path == file.path }) {
                files.append(file)
            }
        }
        return files
    }

    /// The TLS files that commands name for whatever recipient, each once.
    package var tlsFiles: [TLSFile] {
        guard case .scheduler(let conf) = source else { return [] }
        var paths: [String] = []
        for command in conf.commands {
            if let path = command.tlsFile(settings.variables), !paths.contains(path) { paths.append(path) }
        }
        return paths.map(TLSFile.init(reading:))
    }
}

extension SchedulerConf {
    /// The commands, each once.
    fileprivate var commands: [PlannedCommand] {
        var lines: Set<Int> = []
        return clauses.compactMap { clause in
            guard let command = clause.parameters.command, let line = clause.parameters.commandLine,
                lines.insert(line).inserted
            else { return nil }
            let channel = clause.selector.prefix { $0 != "/" }
            let isPattern = channel.contains { "*?{}[]".contains($0) }
            return PlannedCommand(command, file: file, line: line, channel: isPattern ? nil : String(channel))
        }
    }

    /// Errors for the variables that commands refer to and that are not set: what they name would be other files.
    ///
    /// Commands that are not carried out here may refer to what they want.
    package func unsetVariables(_ variables: Variables) -> [Finding] {
        var known = variables
        known["channel"] = ""
        known["host"] = ""
        return commands.filter { SMTPCommandLine.isCarriedOut($0.text, variables: known) }.flatMap { command in
            var names: Set<String> = []
            return known.expand(command.text).unset.filter { names.insert($0).inserted }.map { name in
                command.finding(
                    .unsetVariable,
                    "the command refers to $\(name), which is not set; set it in zmailer.conf, or with --set \(name)=VALUE"
                        + suggestion(for: name, among: known.names))
            }
        }
    }
}

/// A command as it is judged: for no recipient in particular.
private struct PlannedCommand {
    let text: String
    let file: String
    let line: Int?
    /// The channel, where the command is for one alone.
    let channel: String?
    /// The server, where the command does not name it.
    let endpoint: Endpoint?

    init(_ text: String, file: String, line: Int? = nil, channel: String? = nil, endpoint: Endpoint? = nil) {
        (self.text, self.file, self.line, self.channel, self.endpoint) = (text, file, line, channel, endpoint)
    }

    func finding(_ name: Finding.Name, _ text: String, _ severity: Finding.Severity = .error) -> Finding {
        Finding(name, severity, file: file, line: line, text: text)
    }

    /// What is wrong with the command.
    ///
    /// - Parameter files: is told what is wrong with the files that it names, each once.
    func findings(_ variables: Variables, _ files: inout [Finding]) -> [Finding] {
        do throws(SMTPCommandLine.Unusable) {
            let line = try FixedOptions(self, variables)
            if endpoint == nil { _ = try line.first.endpoint(host: "HOST") }
            var named = line[\.secretsFile].map { SecretsFile(reading: $0).findings } ?? []
            named += line[\.tlsFile].map(Self.findings(aboutTLS:)) ?? []
            for finding in named where !files.contains(finding) { files.append(finding) }
            return line[\.logFile].map(findings(aboutLog:)) ?? []
        } catch {
            guard error.isForeign else { return [finding(.unusableCommand, error.description)] }
            return [finding(.commandNotCarriedOut, "\(error.description): what it is for stays queued", .warning)]
        }
    }

    /// The files that the command names and that exist by themselves: not the log, which is made.
    func namedFiles(_ variables: Variables) -> [(path: String, purpose: String)] {
        guard let line = try? FixedOptions(self, variables) else { return [] }
        var files: [(path: String, purpose: String)] = []
        if let path = line[\.secretsFile] { files.append((path, "secrets (-A)")) }
        if let path = line[\.tlsFile] {
            files.append((path, "TLS settings (-S)"))
            let tls = TLSFile(reading: path)
            for (file, purpose) in [
                (tls.certificateFile, "certificate (tls-cert-file)"), (tls.keyFile, "key (tls-key-file)"),
                (tls.authorityFile, "authorities (tls-CAfile)"), (tls.authorityDirectory, "authorities (tls-CApath)"),
            ] {
                if let file { files.append((file, purpose)) }
            }
        }
        return files
    }

    /// The TLS file that the command names for every recipient.
    func tlsFile(_ variables: Variables) -> String? { (try? FixedOptions(self, variables))?[\.tlsFile] }

    /// What the options of the command are for every recipient.
    private struct FixedOptions {
        let first: SMTPCommandLine
        private let other: SMTPCommandLine

        init(_ command: PlannedCommand, _ variables: Variables) throws(SMTPCommandLine.Unusable) {
            first = try command.read(variables, host: "HOST")
            // What is the same for any other recipient depends on none.
            other = try command.read(variables, host: "OTHER")
        }

        subscript(member: KeyPath<SMTPCommandLine, String?>) -> String? {
            first[keyPath: member] == other[keyPath: member] ? first[keyPath: member] : nil
        }
    }

    private func read(_ variables: Variables, host: String) throws(SMTPCommandLine.Unusable) -> SMTPCommandLine {
        var variables = variables
        variables["channel"] = channel ?? host
        variables["host"] = host
        return try SMTPCommandLine(text, variables: variables)
    }

    private static func findings(aboutTLS path: String) -> [Finding] {
        let file = TLSFile(reading: path)
        return file.findings.isEmpty ? TLSMaterial.findings(about: file) : file.findings
    }

    private func findings(aboutLog path: String) -> [Finding] {
        let place = directory(of: path)
        guard (try? FileIdentity(path: place))?.isDirectory != true else { return [] }
        return [
            finding(
                .missingLogDirectory,
                "'\(place)' is no directory, so mail is delivered without the dialogues being logged; make it, or name"
                    + " another file with -l", .warning)
        ]
    }
}

extension Finding.Name {
    /// A command of scheduler.conf that cannot be obeyed.
    static let unusableCommand = Finding.Name("unusable-command")
    /// A command that ZMailer runs, and that is not carried out here.
    static let commandNotCarriedOut = Finding.Name("command-not-carried-out")
    /// The log of dialogues has no directory to be in.
    static let missingLogDirectory = Finding.Name("missing-log-directory")
}
