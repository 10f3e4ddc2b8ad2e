// The source tree that packages are made of, and what is made of it once for all tests.

import Foundation

/// The source tree.
package enum SourceTree {
    /// Its root.
    package static let root = URL(fileURLWithPath: Fixture.root).deletingLastPathComponent().path

    /// Runs one of its scripts, which must succeed.
    ///
    /// - Returns: what it wrote to standard output.
    package static func run(_ script: String, _ arguments: [String]) throws -> String {
        String(decoding: try runCommandSuccessfully("\(root)/Scripts/\(script)", arguments), as: UTF8.self)
    }

    /// A file of the tree as text.
    package static func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(name)")), as: UTF8.self)
    }

    /// The names of all commands, or of those that a command has of its own; without `help`.
    package static func commands(of family: String = "") throws -> [String] {
        struct Dump: Decodable {
            struct Command: Decodable {
                let commandName: String
                let subcommands: [Command]?
            }
            let command: Command
        }
        let help = try runCommandSuccessfully(try Programs.zroute.get(), ["--experimental-dump-help"])
        let root = try JSONDecoder().decode(Dump.self, from: Data(help)).command
        let command = family.isEmpty ? root : root.subcommands?.first { $0.commandName == family }
        return (command?.subcommands ?? []).map(\.commandName).filter { $0 != "help" }
    }

    /// A small program that runs this build's: one that Debian's libraries are enough for, as they are for a release.
    package static let program = Result {
        let place = try TemporaryDirectory()
        let program = try Programs.zroute.get()
        try place.write(
            "#include <unistd.h>\nint main(int count, char **words) { return execv(\"\(program)\", words); }\n",
            to: "program.c")
        try runCommandSuccessfully("/usr/bin/gcc", ["-no-pie", "-o", place.file("zroute"), place.file("program.c")])
        return place
    }

    /// The Debian package with that program, and the directory it is in.
    package static let debianPackage = Result {
        let place = try TemporaryDirectory()
        return (place: place, file: try makeDebianPackage(in: place))
    }

    /// Makes the package in a directory, and says its name.
    package static func makeDebianPackage(in place: TemporaryDirectory) throws -> String {
        try run("make-deb", [try program.get().file("zroute"), place.path]).trimmed
    }

    /// All that an installation in `/usr` has, laid out below a directory.
    package static let stage = Result {
        let place = try TemporaryDirectory()
        _ = try run("stage", [try program.get().file("zroute"), "/usr", place.path])
        return place
    }

    /// The files below a directory, by their paths from there, sorted.
    package static func files(below directory: String) throws -> [String] {
        let found = try runCommandSuccessfully("/usr/bin/find", [directory, "!", "-type", "d", "-printf", "%P\\n"])
        return String(decoding: found, as: UTF8.self).split(separator: "\n").map(String.init).sorted()
    }
}

extension String {
    /// Without blanks and line ends around it.
    package var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
