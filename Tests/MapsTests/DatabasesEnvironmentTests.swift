import BerkeleyDB
import Configuration
import Foundation
import Maps
import Site
import Testing
import ZRouteTestKit

private func environment(_ text: String) throws -> EnvironmentSettings {
    let directory = try TemporaryDirectory()
    try directory.write("sleepyenv.conf", text)
    return try EnvironmentSettings(file: directory.file("sleepyenv.conf"))
}

@Suite struct DatabasesEnvironmentTests {
    @Test func everyNameIsRead() throws {
        let settings = try environment(
            "# note\n\nenvhome  = /db/env \n envmode=0640\nENVFLAGS = CDB, create RO,MPOOL, PRIVATE\r\ntmpdir = /tmp\n")
        #expect(
            settings
                == EnvironmentSettings(
                    home: "/db/env", mode: 0o640, create: true, readOnly: true, cdb: true,
                    temporaryDirectory: "/tmp"))
    }

    @Test func whatIsNotSetHasZMailersDefaults() throws {
        #expect(
            try environment("envhome=/e")
                == EnvironmentSettings(
                    home: "/e", mode: 0o600, create: false, readOnly: false, cdb: false, temporaryDirectory: nil))
    }

    static let unusableFiles: [(String, Int?, String)] = [
        ("envmode = 0600", nil, "has no envhome"),
        ("envhome = /e\nenvflags = CDB, TXN", 2, "the flag 'TXN' is unknown"),
        ("envmode = rw\nenvhome = /e", 1, "envmode is no octal mode: 'rw'"),
        ("envmode = 7777\nenvhome = /e", 1, "envmode is no octal mode"),
        ("envhome =", 1, "envhome has no usable value"),
        ("envhom = /e", 1, "'envhom' is unknown"),
        ("\nenvhome", 2, "is no 'name = value'"),
        ("envhome = /e\nenvhome = /f", 2, "envhome stands in line 1 already; keep the one"),
        ("envhome = /e\n# note\nEnvHome=/e", 3, "envhome stands in line 1 already"),
        ("tmpdir = /tmp\nenvhome = /e\ntmpdir = /tmp", 3, "tmpdir stands in line 1 already"),
        ("envmode = 0600\nenvmode = 0640\nenvhome = /e", 2, "envmode stands in line 1 already"),
        ("envflags = CDB\nenvhome = /e\nenvflags = CREATE", 3, "envflags stands in line 1 already"),
        ("# note\nenvhome = /etc/passwd", 2, "envhome is no directory, but another file: '/etc/passwd'; name"),
        ("envhome = /dev/null", 1, "envhome is no directory"),
        ("envhome = sleepyenv.conf", 1, "envhome is no directory"),
    ]

    @Test(arguments: unusableFiles)
    func whatCannotBeUsedIsAnErrorWithItsLine(text: String, line: Int?, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try environment(text) }
        #expect(error?.line == line)
        #expect(error?.text.hasPrefix(message) == true, "\(error?.text ?? "")")
    }

    @Test func casesAreCounted() {
        print(
            "DatabasesEnvironmentTests: \(Self.unusableFiles.count) files that cannot be used,"
                + " \(UnseenText.all.count * 2) with a character that nobody sees")
        #expect(Self.unusableFiles.count > 14)
    }

    @Test(arguments: UnseenText.all)
    func aCharacterThatNobodySeesIsAnErrorWithItsPlace(character: UnseenText) throws {
        for (line, column, text) in [(1, 13, "envhome = /e|\n"), (2, 15, "envhome = /e\nenvflags = CDB|, CREATE\n")] {
            let directory = try TemporaryDirectory()
            try directory.write("sleepyenv.conf", "")
            let file = directory.file("sleepyenv.conf")
            let parts = text.split(separator: "|").map { Array($0.utf8) }
            // A carriage return at the end of a line is none inside it.
            let bytes = parts[0] + character.bytes + (parts[1].count == 1 ? [0x20] : []) + parts[1]
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            let error = #expect(throws: ConfigurationError.self) { try EnvironmentSettings(file: file) }
            #expect(error?.line == line)
            #expect(error?.text.hasPrefix("column \(column) has ") == true, "\(error?.text ?? "")")
            #expect(error?.text.contains(character.description) == true, "\(error?.text ?? "")")
        }
    }

    @Test(arguments: ["/nonexistent", "/etc/passwd"])
    func aDirectoryForTemporaryFilesThatIsNoneIsWarnedOf(path: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write("sleepyenv.conf", "envhome = /e\ntmpdir = \(path)\n")
        try directory.write(
            "dbases.conf", "r btree - -r /r -lm -C sleepyenv.conf\nq btree - -r /q -lm -C sleepyenv.conf\n")
        let databases = try DatabasesConf(
            file: directory.file("dbases.conf"), settings: try Settings.load(standardFiles: []),
            types: MapBackEnds.all.types)
        let findings = MapBackEnds.all.findings(about: databases.definitions)
        #expect(findings.map(\.line) == [2])
        #expect(findings.first?.description.contains("warning: tmpdir is no directory: '\(path)'; make it") == true)
        try directory.write("sleepyenv.conf", "envhome = /e\ntmpdir = /tmp\n")
        #expect(MapBackEnds.all.findings(about: databases.definitions).isEmpty)
    }

    @Test func aMissingFileIsAnError() throws {
        let directory = try TemporaryDirectory()
        let error = #expect(throws: ConfigurationError.self) {
            try EnvironmentSettings(file: directory.file("none"))
        }
        #expect(error?.file == directory.file("none"))
    }
}
