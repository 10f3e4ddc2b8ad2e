// The words of the command line before a parser sees them: which subcommand is meant, and options that stand before it.

import ArgumentParser

/// The words behind the program's name.
struct CommandWords {
    private(set) var words: [String]

    /// Options of `SiteOptions` that have a value of their own; they may stand before the subcommand too.
    private static let siteOptions = ["--config", "--dbases", "--scheduler", "--set", "--fail-map", "--log"]

    /// Options whose value is an address, whatever it begins with.
    private static let addressOptions = ["--from", "--to"]

    init(_ words: [String]) {
        // The parser would take the word after `--from=`, whatever it is, for the value.
        var previous = ""
        self.words = words.flatMap { word in
            defer { previous = word }
            let isEmptyValue =
                word.hasPrefix("--") && word.utf8.last == UInt8(ascii: "=")
                && word.utf8.count { $0 == UInt8(ascii: "=") } == 1
            guard isEmptyValue, !Self.addressOptions.contains(previous) else { return [word] }
            return [String(word.dropLast()), ""]
        }
    }

    /// Takes out the name of a command's subcommand; options that stand before it come after it.
    ///
    /// - Returns: nil where there is no such name, and nothing was changed.
    mutating func takeSubcommand(of command: any ParsableCommand.Type) -> (any ParsableCommand.Type)? {
        let position = Self.behindOptions(words)
        guard words.indices.contains(position),
            let found = command.configuration.subcommands.first(where: {
                $0.configuration.commandName == words[position]
            })
        else { return nil }
        let options = words[..<position]
        var rest = words[(position + 1)...]
        // A subcommand's own subcommand comes first: only that has options. Where one of them is meant if none is named, what
        // follows may be an option of its.
        let isNamed = found.configuration.defaultSubcommand == nil || rest.first?.hasPrefix("-") == false
        let inner = isNamed && !found.configuration.subcommands.isEmpty ? [rest.popFirst()].compactMap { $0 } : []
        words = inner + options + rest
        return found
    }

    /// The word that stands where a subcommand's name should and is none; nil where there is no such word.
    func unknownSubcommand(of command: any ParsableCommand.Type) -> String? {
        let subcommands = command.configuration.subcommands.compactMap { $0.configuration.commandName }
        var rest = words[Self.behindOptions(words)...]
        if rest.first == "help" { rest = rest.dropFirst() }
        guard !subcommands.isEmpty, let word = rest.first, !word.hasPrefix("-"), !subcommands.contains(word) else {
            return nil
        }
        return word
    }

    private static func behindOptions(_ words: [String]) -> Int {
        var position = 0
        while position < words.count, words[position].hasPrefix("--") {
            let name = words[position].split(separator: "=", maxSplits: 1).first.map(String.init) ?? ""
            guard siteOptions.contains(name) else { break }
            position += words[position].contains("=") ? 1 : 2
        }
        return min(position, words.count)
    }
}

// How subcommands describe themselves: they run by themselves, but messages name them as parts of the program.

extension CommandConfiguration {
    /// A subcommand's configuration, complete by itself: it may run without the root command around it.
    ///
    /// - Parameters:
    ///   - name: the subcommand's name.
    ///   - abstract: what it does, in one line.
    ///   - discussion: what its help says besides.
    ///   - subcommands: its own subcommands.
    ///   - defaultSubcommand: the one that is meant where none is named.
    init(
        subcommand name: String, abstract: String, discussion: String = "",
        subcommands: [any ParsableCommand.Type] = [], defaultSubcommand: (any ParsableCommand.Type)? = nil
    ) {
        self.init(
            commandName: name, abstract: abstract, discussion: discussion, version: ZRouteCommand.versionText,
            subcommands: subcommands, defaultSubcommand: defaultSubcommand)
        // Without the root command, messages would show the subcommand's name alone.
        _superCommandName = "zroute"
    }
}
