// Postfix's own commands, run in a directory of their own: what they say is what is right.

import Foundation
import ZRouteTestKit

/// A directory with a main.cf that Postfix's commands read.
final class PostfixTools {
    /// Where main.cf and the tables are.
    let place: TemporaryDirectory
    private let root: String

    /// Makes the directory.
    init() throws {
        place = try TemporaryDirectory(isInMemory: true)
        let repository = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())
        let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/lib/postfix/sbin/master")
        root = isInstalled ? "" : "\(repository)/.build/servers"
        guard FileManager.default.isExecutableFile(atPath: "\(root)/usr/sbin/postmap") else {
            throw CommandFailure(
                "\(root)/usr/sbin/postmap is missing; `make test` gets it from Debian's package postfix")
        }
        let types = try String(contentsOfFile: "\(root)/usr/share/postfix/dynamicmaps.cf", encoding: .utf8)
        try place.write(types, to: "dynamicmaps.cf")
        try place.write("", to: "master.cf")
        try configure("")
    }

    /// The lines without which Postfix's commands do not run.
    ///
    /// Where Postfix is not installed its accounts are not there.
    private var basis: String {
        let hasAccounts = unsafe getpwnam("postfix") != nil && getgrnam("postdrop") != nil
        return """
            compatibility_level = 3.6
            mail_owner = \(hasAccounts ? "postfix" : "list")
            setgid_group = \(hasAccounts ? "postdrop" : "operator")
            shlib_directory = \(root)/usr/lib/postfix
            daemon_directory = \(root)/usr/lib/postfix/sbin
            command_directory = \(root)/usr/sbin
            meta_directory = \(place.path)
            queue_directory = \(place.path)
            myhostname = mail.example.org

            """
    }

    /// Writes a main.cf.
    func configure(_ lines: String) throws { try place.write(basis + lines, to: "main.cf") }

    /// Runs a command.
    func run(_ command: String, _ arguments: [String], input: [UInt8] = []) throws -> CommandResult {
        try runCommand(
            "/usr/bin/env",
            ["LD_LIBRARY_PATH=\(root)/usr/lib/postfix", "MAIL_CONFIG=\(place.path)", "\(root)/usr/sbin/\(command)"]
                + arguments, input: input)
    }
}
