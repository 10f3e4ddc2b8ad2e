// What help says of commands and of topics.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct HelpTests {
    @Test(arguments: ["options", "files", "maps", "routes", "exit-status"])
    func aTopicIsExplained(name: String) throws {
        let result = try runCommand(try Programs.zroute.get(), ["help", name])
        #expect(result.status == 0 && result.errorText.isEmpty, "\(result.errorText)")
        #expect(result.text.contains("See also: "))
        let lines = result.text.split(separator: "\n")
        #expect(lines.count > 8 && lines.allSatisfy { $0.count <= 80 })
        let root = try runCommand(try Programs.zroute.get(), ["help"]).text
        #expect(root.contains(name))
    }

    @Test func aTopicThatThereIsNotIsAnsweredByTheRightOne() throws {
        let result = try runCommand(try Programs.zroute.get(), ["help", "exit-staus"])
        #expect(result.status == 64)
        #expect(result.errorText.contains("no command or topic of 'zroute'"))
        #expect(result.errorText.contains("did you mean 'exit-status'"))
    }

    /// Options that no command has end each example: what is said to that, and nothing before it, is wrong with the line.
    @Test func eachCommandHasExamplesThatItTakes() throws {
        let program = try Programs.zroute.get()
        let commands = commands(
            try JSONDecoder().decode(
                Dump.self,
                from: Data(
                    try runCommandSuccessfully(program, ["--experimental-dump-help"]))
            ).command, [])
        #expect(commands.count >= 26)
        var examples = 0
        for (words, discussion) in commands {
            let lines = discussion.split(separator: "Examples:\n").last?.split(separator: "\n") ?? []
            let own = lines.filter { $0.hasPrefix("  zroute ") }
            #expect(discussion.contains("Examples:\n") && !own.isEmpty, "\(words)")
            for line in own {
                examples += 1
                #expect(line.count <= 78, "\(line)")
                let command = line.prefix { !"<>|".contains($0) }
                #expect(command.contains("zroute " + words.joined(separator: " ")), "\(line)")
                let script = "set -- \(command); shift; exec \"$0\" \"$@\" --no-such-option < /dev/null"
                let result = try runCommand("/bin/sh", ["-c", script, program])
                #expect(result.status == 64, "\(line): \(result.errorText)")
                #expect(result.errorText.contains("Unknown option '--no-such-option'"), "\(line): \(result.errorText)")
            }
        }
        print("HelpTests: \(examples) examples of \(commands.count) commands")
    }

    private struct Dump: Decodable {
        struct Command: Decodable {
            let commandName: String
            let discussion: String?
            let subcommands: [Command]?
        }
        let command: Command
    }

    /// A command and those below it, each with the words that call it and what it says of itself.
    private func commands(_ command: Dump.Command, _ words: [String]) -> [(words: [String], discussion: String)] {
        [(words, command.discussion ?? "")]
            + (command.subcommands ?? []).filter { $0.commandName != "help" }.flatMap {
                commands($0, words + [$0.commandName])
            }
    }
}
