// The site that tests make: a directory with its configuration, its maps and its spool, the programs that are run for it,
// and the engine over it.

import Configuration
import Foundation
import Glibc
package import Maps
package import Site
package import Spool

/// A site of its own for one test, removed with the object.
package final class TestSite: Sendable {
    /// The directory of all its files.
    package let place: TemporaryDirectory
    private let spoolName: String?

    /// Makes a site.
    ///
    /// - Parameters:
    ///   - files: the texts of its files by their names; `@SITE@` in a text is the site's directory.
    ///   - spool: the name of its spool, which is empty; nil where it has none.
    ///   - isInMemory: whether it may lie in memory, where there is room.
    package init(_ files: [String: String], spool: String? = nil, isInMemory: Bool = false) throws {
        place = try TemporaryDirectory(isInMemory: isInMemory)
        spoolName = spool
        if let spool { try PostOffice.create(path: place.file(spool)) }
        for (name, text) in files { try write(text, to: name) }
    }

    /// Makes a site of a recorded one.
    ///
    /// - Parameters:
    ///   - fixture: the folder of its files in Fixtures; `@CASE@` in a file is the site's directory.
    ///   - spool: the name of its spool, which is empty; nil where it has none.
    ///   - isInMemory: whether it may lie in memory, where there is room.
    ///   - change: gives what is to stand in a file, by its name and by what was recorded.
    package init(
        copying fixture: String, spool: String? = nil, isInMemory: Bool = false,
        change: (_ name: String, _ bytes: [UInt8]) -> [UInt8] = { $1 }
    ) throws {
        place = try TemporaryDirectory(isInMemory: isInMemory)
        spoolName = spool
        if let spool { try PostOffice.create(path: place.file(spool)) }
        for name in try FileManager.default.subpathsOfDirectory(atPath: Fixture.path(fixture)).sorted() {
            let attributes = try FileManager.default.attributesOfItem(atPath: Fixture.path("\(fixture)/\(name)"))
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            let bytes = try Fixture.bytes("\(fixture)/\(name)").replacing("@CASE@".utf8, with: path.utf8)
            try write(change(name, bytes), to: name)
        }
    }

    /// Its directory.
    package var path: String { place.path }
    /// The path of its spool.
    package var spool: String { place.file(spoolName ?? "none") }
    /// Its spool.
    package var postOffice: PostOffice {
        get throws { try PostOffice(path: spool) }
    }

    // MARK: Its files

    /// Writes a file that looks as if it had been there for long.
    ///
    /// - Parameter text: its content; `@SITE@` is the site's directory.
    /// - Returns: its path.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.replacing("@SITE@", with: path).utf8), to: name)
    }

    /// Writes a file of bytes that looks as if it had been there for long.
    ///
    /// - Returns: its path.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String) throws -> String {
        let directory = name.split(separator: "/").dropLast().joined(separator: "/")
        if !directory.isEmpty { try place.makeDirectory(directory) }
        return try place.write(bytes, to: name)
    }

    /// A scheduler.conf of five lines, in which channel smtp-lmtp has a command.
    ///
    /// - Parameter options: those of the smtp command that say where to and how.
    package static func scheduler(_ options: String) -> String {
        """
        */*
            interval=1m expiry=3d retries="1 1 2"
        smtp-lmtp
            maxthr=4
            command="smtp -c $channel -M -x \(options)"

        """
    }

    /// Submits a message as programs do: written elsewhere in the spool, and then moved to router/ as a whole.
    ///
    /// - Parameter text: its envelope and what is to be sent.
    package func submit(_ text: String, as name: String = "message") throws {
        guard let spoolName else { throw CommandFailure("\(path): the site has no spool") }
        let new = try place.write(text, to: "\(spoolName)/public/\(name)", isDatedBack: false)
        guard unsafe rename(new, "\(spool)/router/\(name)") == 0 else { throw CommandFailure("rename: errno \(errno)") }
    }

    // MARK: Programs

    /// The arguments of a program, with those that name the site.
    package func options(_ arguments: [String]) -> [String] { arguments + ["--config", place.file("zmailer.conf")] }

    /// Runs a subcommand for the site to its end.
    ///
    /// - Parameter seconds: after so long it hangs for certain, and is ended; nil where it may take any time.
    package func run(
        _ arguments: [String], input: [UInt8] = [], endedAfter seconds: Int? = nil
    ) throws -> CommandResult {
        try runCommand(Programs.zroute.get(), options(arguments), input: input, endedAfter: seconds)
    }

    /// Starts a subcommand for the site that stays.
    ///
    /// - Parameter host: where it runs; nil for this machine's own network.
    package func start(
        _ arguments: [String], environment: [String: String] = [:], on host: NetworkHost? = nil
    ) throws -> RunningProgram {
        let program = try Programs.zroute.get()
        return try host?.start(program, options(arguments), environment: environment)
            ?? RunningProgram(program, options(arguments), environment: environment)
    }

    // MARK: The engine

    /// Opens the site as the program does.
    ///
    /// - Parameters:
    ///   - overrides: settings that stand before those of the files.
    ///   - failures: maps that are to fail.
    ///   - backEnds: which types of maps there are.
    package func open(
        overrides: [(name: String, value: String)] = [], failures: [MapFailure] = [], backEnds: MapBackEnds = .all
    ) throws -> Site {
        try Site(
            settings: Settings.load(file: place.file("zmailer.conf"), overrides: overrides), failures: failures,
            backEnds: backEnds)
    }
}
