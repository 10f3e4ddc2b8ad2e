// The completions of shells: that each shell loads ours, and offers every command there is.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct CompletionTests {
    /// Commands that have commands of their own; nothing for the program itself.
    private static let families = ["", "queue", "db", "convert"]

    @Test(arguments: Shell.allCases, families)
    func everyCommandIsOffered(shell: Shell, family: String) throws {
        let commands = try SourceTree.commands(of: family)
        let line = family.isEmpty ? "zroute " : "zroute \(family) "
        let offered = try shell.offers(line)
        #expect(commands.count >= 3)
        #expect(offered.isSuperset(of: commands), "\(shell): \(Set(commands).subtracting(offered).sorted())")
        print("CompletionTests: \(shell), '\(line)': \(commands.count) commands")
    }

    @Test(arguments: Shell.allCases)
    func onlyWhatBeginsAsTheWordIsOffered(shell: Shell) throws {
        let offered = try shell.offers("zroute rou")
        #expect(offered.isSuperset(of: ["route-test", "route-queue"]))
        #expect(offered.isDisjoint(with: ["deliver", "queue"]))
    }

    @Test func noOtherCommandHasCommands() throws {
        let found = try SourceTree.commands().filter { try !SourceTree.commands(of: $0).isEmpty }
        #expect(Set(found) == Set(Self.families.dropFirst()))
    }
}

/// A shell that has completions of ours.
enum Shell: CaseIterable {
    case bash
    case zsh
    case fish

    /// The words that are offered for a line, with its cursor behind it.
    func offers(_ line: String) throws -> Set<String> {
        let place = try TemporaryDirectory()
        let command: [String]
        switch self {
        case .bash:
            command = ["/bin/bash", "--norc", "-c", Self.bashScript, try completions, line]
        case .zsh:
            command = [try Self.unpacked("bin/zsh"), "-f", "-c", Self.zshScript, Self.servers, try completions, line]
        case .fish:
            command = [
                try Self.unpacked("usr/bin/fish"), "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                try completions, line,
            ]
        }
        let libraries = try FileManager.default.contentsOfDirectory(atPath: "\(Self.servers)/usr/lib")
            .map { "\(Self.servers)/usr/lib/\($0)" }.joined(separator: ":")
        let result = try runCommand(
            "/usr/bin/env", ["HOME=\(place.path)", "TERM=dumb", "LD_LIBRARY_PATH=\(libraries)"] + command,
            endedAfter: 60)
        #expect(result.status == 0 && result.errorText.isEmpty, "\(self): \(result.text)\(result.errorText)")
        return Set(result.text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    /// The file that the shell reads.
    private var completions: String {
        get throws {
            let share = try SourceTree.stage.get().file("usr/share")
            switch self {
            case .bash: return "\(share)/bash-completion/completions/zroute"
            case .zsh: return "\(share)/zsh/site-functions/_zroute"
            case .fish: return "\(share)/fish/vendor_completions.d/zroute.fish"
            }
        }
    }

    /// Where zsh and fish are, which are unpacked and not installed.
    private static let servers = "\(SourceTree.root)/.build/servers"

    private static func unpacked(_ name: String) throws -> String {
        let program = "\(servers)/\(name)"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw CommandFailure("\(program) is missing; `make test` gets it from Debian")
        }
        return program
    }

    private static let bashScript = """
        set -e
        source "$0"
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1)
        [[ $1 != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        words=$(complete -p zroute)
        function=${words##*-F } && function=${function%% *}
        set +e
        "$function" zroute "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """

    /// zsh completes in its line editor alone: one runs on a terminal of its own, and what it shows is printed: first the list,
    /// then what a key of ours writes.
    private static let zshScript = """
        module_path=($0/usr/lib/*/zsh/*(N))
        fpath=(${1:h} $0/usr/share/zsh/functions/**/*(N/))
        zmodload zsh/zpty
        begin=(
            "module_path=($module_path); fpath=($fpath); PS1= RPS1= LISTMAX=-1; stty -echo rows 500 columns 200"
            "autoload -Uz compinit; compinit -u -D; setopt no_beep; bindkey '^I' list-choices"
            "finish() { print ' <en''d>' }; zle -N finish; bindkey '^X' finish; print '<be''gin>'"
        )
        shown_until() { while [[ $shown != *$1* ]] && zpty -r shell part; do shown+=$part; done }
        zpty shell "$0/bin/zsh -f -i"
        zpty -w shell ${(j:; :)begin}
        shown_until '<begin>'
        shown=
        zpty -n -w shell $2$'\\t'
        shown_until ' -- '
        zpty -n -w shell $'\\x18'
        shown_until '<end>'
        print -r -- $shown
        zpty -d shell
        """
}
