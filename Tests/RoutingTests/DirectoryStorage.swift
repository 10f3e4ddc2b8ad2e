// Maps of a recorded site in a directory: an entry of a schema of its own for each of theirs, whose attributes hold any bytes.

import Configuration
import Foundation
import Maps
import Routing
import Synchronization
import Testing
import ZRouteTestKit

/// The directory of all recorded sites, each with a tree for every map.
enum DirectoryStorage {
    private static let server = Result {
        var setup = LDAPServer.Setup()
        setup.global = """
            attributetype ( 1.3.6.1.4.1.4203.666.1.1 NAME 'zrouteKey' EQUALITY octetStringMatch
              SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
            attributetype ( 1.3.6.1.4.1.4203.666.1.2 NAME 'zrouteValue' EQUALITY octetStringMatch
              SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
            objectclass ( 1.3.6.1.4.1.4203.666.1.3 NAME 'zrouteEntry' SUP top STRUCTURAL
              MUST ( cn $ zrouteKey $ zrouteValue ) )
            """
        setup.database = "index zrouteKey eq\naccess to * by * read\nlimits * size=unlimited"
        return try LDAPServer(setup)
    }
    private static let lastTree = Atomic<Int>(0)

    /// A key that every map has and nobody asks for.
    private static let canary = "zroute canary"

    /// Every map as a tree, with a description in the place of its source.
    static func fill(_ databases: DatabasesConf, type: String) throws {
        let server = try server.get()
        var descriptions: [String: String] = [:]
        var changes = ""
        for definition in databases.definitions where definition.type.name == type {
            guard let path = definition.path else { continue }
            let form: SourceForm = definition.compile.isAliases ? .aliases : .plain
            var job = CompileJob(
                source: .file(path), form: form, folding: definition.compile.folding, format: nil, base: path)
            job.judge = RelationJudge(definition)
            job.allowed = .all
            let source = try MapSource(job)
            let tree = "ou=map\(lastTree.add(1, ordering: .relaxed).newValue),\(LDAPServer.suffix)"
            changes += "dn: \(tree)\nchangetype: add\nobjectClass: organizationalUnit\n\n"
            let entries = (0..<source.count).map { (source[$0].key, source[$0].value) } + [(Array(canary.utf8), [])]
            for (number, entry) in entries.enumerated() {
                changes += """
                    dn: cn=\(number),\(tree)
                    changetype: add
                    objectClass: zrouteEntry
                    \(line("zrouteKey", entry.0))
                    \(line("zrouteValue", entry.1))


                    """
            }
            descriptions[path] = """
                uri \(server.uri)
                base \(tree)
                scope one
                filter (zrouteKey=%s)
                attr zrouteValue
                canary \(canary)

                """
        }
        try server.change(changes)
        for (path, description) in descriptions {
            try Data(description.utf8).write(to: URL(fileURLWithPath: path))
            try TemporaryDirectory.dateBack(path)
        }
    }

    private static func line(_ attribute: String, _ bytes: [UInt8]) -> String {
        bytes.isEmpty ? "\(attribute):" : "\(attribute):: \(Data(bytes).base64EncodedString())"
    }
}
