// Descriptions of directories, and the tables over them.

import Configuration
import Foundation
import LDAP
import Maps
import Testing
import ZRouteTestKit

/// A directory with descriptions.
struct LDAPPlace {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The line of dbases.conf that names a description.
    func definition(_ name: String = "map.ldap", type: MapType = .ldap) -> MapDefinition {
        var flags = RelationFlags()
        flags.folding = .lower
        return MapDefinition(
            relation: "r", type: type, path: directory.file(name), flags: flags, file: "/dbases.conf", line: 7)
    }

    /// Writes a description; only its owner may read it.
    func describe(_ lines: String, as name: String = "map.ldap") throws {
        try directory.write(lines + "\n", to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: directory.file(name))
    }

    /// The lines that most tests have: addresses in `mail`, routes in `mailLocalAddress`.
    static func lines(_ servers: String, canary: String? = "canary@x.example", _ more: String = "") -> String {
        """
        uri \(servers)
        base \(LDAPServer.suffix)
        binddn \(LDAPServer.administrator)
        passwd secret
        authmethod simple
        filter (mail=%s)
        attr mailLocalAddress
        \(canary.map { "canary \($0)" } ?? "")
        \(more)
        """
    }

    /// The tables of one worker, of a description each.
    func tables(
        _ names: [String], deadline: Duration = .seconds(60), texts: TextTableLoader? = nil,
        type: MapType = .ldap
    ) -> [any Table] {
        let watch = CallWatch(health: ResourceHealth(deadline: deadline))
        let worker = MapWorker(texts: texts ?? TextTableLoader(allowing: .all), watch: watch)
        let factory = LDAPBackEnd().makeTables(for: worker)
        return names.map { factory.makeTable(for: definition($0, type: type)) }
    }

    /// The table of a description with these lines.
    func table(_ lines: String, deadline: Duration = .seconds(60)) throws -> any Table {
        try describe(lines)
        return tables(["map.ldap"], deadline: deadline)[0]
    }
}

/// The people of most tests.
let people = LDAPServer.people([
    (mail: "canary@x.example", routes: ["canary"]),
    (mail: "one@x.example", routes: ["smtp!host!one"]),
    (mail: "list@x.example", routes: ["c@x.example", "a@x.example", "b@x.example"]),
    (mail: "none@x.example", routes: []),
    (mail: "twice@x.example", routes: ["first"]),
    (mail: "twice@x.example", routes: ["second"]),
    (mail: "od(d*\\)@x.example", routes: ["odd"]),
])
