import Configuration
import Foundation
import Maps
import Testing

private func environment(_ text: String) throws -> EnvironmentSettings {
    let directory = try MapDirectory()
    try directory.write("sleepyenv.conf", text)
    return try EnvironmentSettings(file: directory.file("sleepyenv.conf"))
}

@Suite("sleepyenv.conf")
struct DatabasesEnvironmentTests {
    @Test("Every name is read")
    func everyName() throws {
        let settings = try environment(
            "# note\n\nenvhome  = /db/env \n envmode=0640\nENVFLAGS = CDB, create RO,MPOOL, PRIVATE\r\ntmpdir = /tmp\n")
        #expect(
            settings
                == EnvironmentSettings(
                    home: "/db/env", mode: 0o640, create: true, readOnly: true, cdb: true,
                    temporaryDirectory: "/tmp"))
    }

    @Test("What is not set has ZMailer's defaults")
    func defaults() throws {
        #expect(
            try environment("envhome=/e")
                == EnvironmentSettings(
                    home: "/e", mode: 0o600, create: false, readOnly: false, cdb: false, temporaryDirectory: nil))
    }

    @Test(
        "What cannot be used is an error with its line",
        arguments: [
            ("envmode = 0600", nil, "has no envhome"),
            ("envhome = /e\nenvflags = CDB, TXN", 2, "the flag 'TXN' is unknown"),
            ("envmode = rw\nenvhome = /e", 1, "envmode is no octal mode: 'rw'"),
            ("envmode = 7777\nenvhome = /e", 1, "envmode is no octal mode"),
            ("envhome =", 1, "envhome has no usable value"),
            ("envhom = /e", 1, "'envhom' is unknown"),
            ("\nenvhome", 2, "is no 'name = value'"),
        ] as [(String, Int?, String)])
    func unusable(text: String, line: Int?, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try environment(text) }
        #expect(error?.line == line)
        #expect(error?.text.hasPrefix(message) == true, "\(error?.text ?? "")")
    }

    @Test("A missing file is an error")
    func missing() throws {
        let directory = try MapDirectory()
        let error = #expect(throws: ConfigurationError.self) {
            try EnvironmentSettings(file: directory.file("none"))
        }
        #expect(error?.file == directory.file("none"))
    }
}
