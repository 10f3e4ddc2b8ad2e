import Foundation
import Glibc
import Testing
import ZRouteTestKit

/// What happens to a program at one of its changes to files.
enum Fault: String, CaseIterable {
    case kill
    case full
}

/// The library that brings faults about (Tests/FaultInjector), compiled once for all tests.
final class FaultInjector: Sendable {
    private let place: TemporaryDirectory
    private var library: String { place.file("faults.so") }

    init() throws {
        place = try TemporaryDirectory()
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized
        let source = root.appendingPathComponent("Tests/FaultInjector/faults.c").path
        let arguments = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", place.file("faults.so"), source, "-ldl"]
        try runCommandSuccessfully("/usr/bin/cc", arguments)
    }

    static let shared = Result { try FaultInjector() }

    /// Runs a program with a fault at one of its changes.
    ///
    /// - Returns: what it answered, and how many changes it made; nil where it was killed.
    func run(_ fault: Fault, at number: Int, _ arguments: [String]) throws -> (result: CommandResult, changes: Int?) {
        let log = place.file("changes-\(UUID().uuidString)")
        let variables = [
            "LD_PRELOAD=\(library)", "FAULT_AT=\(number)", "FAULT_MODE=\(fault.rawValue)", "FAULT_LOG=\(log)",
        ]
        let result = try runCommand("/usr/bin/env", variables + [try Programs.zroute.get()] + arguments)
        let text = try? String(contentsOfFile: log, encoding: .utf8)
        return (result, text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
    }
}

/// A site with maps of its own, for one test.
struct TestSite {
    let place: TemporaryDirectory
    var home: String { place.file("env") }
    var live: String { place.file("db/live.db") }

    /// Makes a site with compiled maps, one of each form, and a live map.
    ///
    /// - Parameter mapType: `$DBTYPE`.
    init(mapType: String = "btree") throws {
        place = try TemporaryDirectory()
        try place.makeDirectory("db")
        try place.makeDirectory("env")
        try place.write(
            "MAILVAR=\(place.path)\nDBTYPE=\(mapType)\nhostname=host.example\nmydomain=host.example\n"
                + "lookuptimeout=2\n", to: "zmailer.conf")
        try place.write(
            "envhome = \(place.file("env"))\nenvmode = 0600\nenvflags = CDB, CREATE\n", to: "db/env.conf")
        try place.write(
            """
            aliases     $DBTYPE  -  -la  $MAILVAR/db/aliases   -lm
            fqdnroutes  $DBTYPE  -  -l   $MAILVAR/db/routes    -lm%
            fqdnroutes  $DBTYPE  -  -r   $MAILVAR/db/live      -lm%  -C $MAILVAR/db/env.conf
            fqdnaliases NONE     -  -    -                     -
            routesdb    NONE     -  -    -                     -
            thishost    NONE     -  -    -                     -

            """, to: "db/dbases.conf")
        try write(aliases: "root: admin@host.example\n", routes: "one@x.example smtp-lmtp!node!one\n")
    }

    func write(aliases: String? = nil, routes: String? = nil) throws {
        if let aliases { try place.write(aliases, to: "db/aliases") }
        if let routes { try place.write(routes, to: "db/routes") }
    }

    /// Runs a subcommand for the site.
    func run(_ arguments: [String], input: [UInt8] = [], endedAfter seconds: Int? = nil) throws -> CommandResult {
        try runCommand(Programs.zroute.get(), options(arguments), input: input, endedAfter: seconds)
    }

    /// The arguments, with those that name the site.
    func options(_ arguments: [String]) -> [String] { arguments + ["--config", place.file("zmailer.conf")] }

    /// Runs a subcommand that must succeed.
    @discardableResult
    func succeed(
        _ arguments: [String], input: [UInt8] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let result = try run(arguments, input: input)
        #expect(result.status == 0, "\(arguments): \(result.errorText)", sourceLocation: sourceLocation)
        return result.text
    }

    /// Where an address goes, as route-test says in its TSV form.
    func route(of address: String) throws -> (status: Int32, text: String) {
        let result = try run(["route-test", "--format", "tsv", address])
        let fields = result.text.trimmingCharacters(in: .newlines).components(separatedBy: "\t")
        return (result.status, fields.last ?? "")
    }

    /// Live entries that all tests know of.
    func loadLive(_ count: Int) throws {
        let text = (0..<count).map { "user\($0)@live.example\tsmtp-lmtp!node!user\($0)\n" }.joined()
        try succeed(["db", "load", "fqdnroutes"], input: Array(text.utf8))
    }
}
