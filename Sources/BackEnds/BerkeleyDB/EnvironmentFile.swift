// Reads sleepyenv.conf, ZMailer's description of a Berkeley DB environment: `name = value` lines, `#` comments.

import Maps
import Bytes
package import Configuration
import System

/// The file that the relation flag `-C` names.
struct EnvironmentFile {
    /// What it says.
    let settings: EnvironmentSettings
    /// What in it was probably not meant, though it could be read.
    let findings: [Finding]

    /// Reads a file.
    ///
    /// - Throws: `ConfigurationError` for a file that is missing, cannot be read or understood, names something twice, or
    ///   names something else than a directory as the environment.
    init(_ file: String) throws(ConfigurationError) {
        let bytes = try ConfigurationFile(file) { error in
            error.isMissing ? "; make it, or correct the path behind -C in dbases.conf" : ""
        }.bytes
        var reader = EnvironmentFileReader(file: file)
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            try reader.take(line)
        }
        guard let named = reader.home else {
            throw ConfigurationError(file: file, text: "has no envhome; name the environment's directory")
        }
        // The same for all programs, wherever they are started.
        let home = named.utf8.first == UInt8(ascii: "/") ? named : "\(absolutePath(directory(of: file)))/\(named)"
        // A missing one may be made at any time, and whoever enters it says so.
        if (try? FileIdentity(path: home))?.isDirectory == false {
            throw ConfigurationError(
                file: file, line: reader.lines["envhome"],
                text: "envhome is no directory, but another file: '\(home)'; name the directory of the environment")
        }
        settings = EnvironmentSettings(
            home: home, mode: reader.mode, create: reader.create, readOnly: reader.readOnly, cdb: reader.cdb,
            temporaryDirectory: reader.temporaryDirectory)
        findings = reader.findings
    }
}

extension EnvironmentSettings {
    /// Reads the file that the relation flag `-C` names.
    ///
    /// - Throws: `ConfigurationError` for a file that is missing, cannot be read or understood. For a lookup that is a
    ///   failure of the map: reading the map's file without its environment could miss keys that exist.
    package init(file: String) throws(ConfigurationError) { self = try EnvironmentFile(file).settings }
}

private struct EnvironmentFileReader {
    let file: String
    var line = 0
    var home: String?
    var mode: UInt32 = 0o600
    var create = false
    var readOnly = false
    var cdb = false
    var temporaryDirectory: String?
    /// The line of each name.
    var lines: [String: Int] = [:]

    init(file: String) {
        self.file = file
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) throws(ConfigurationError) {
        line += 1
        let text = trimmed(bytes)
        guard let first = text.first, first != UInt8(ascii: "#") else { return }
        guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else {
            throw error("is no 'name = value'")
        }
        let name = String(decoding: trimmed(text[..<equals]), as: UTF8.self).lowercased()
        let value = String(decoding: trimmed(text[(equals + 1)...]), as: UTF8.self)
        guard !value.isEmpty, !value.utf8.contains(0) else { throw error("\(name) has no usable value") }
        if let first = lines[name] {
            throw error("\(name) stands in line \(first) already; keep the one that is meant")
        }
        lines[name] = line
        switch name {
        case "envhome": home = value
        case "tmpdir": temporaryDirectory = value
        case "envmode":
            guard let number = UInt32(value, radix: 8), number <= 0o777 else {
                throw error("envmode is no octal mode: '\(value)'; write one like 0600")
            }
            mode = number
        case "envflags":
            for flag in value.uppercased().split(whereSeparator: { ", \t|".contains($0) }) {
                try take(flag: String(flag))
            }
        default:
            throw error("'\(name)' is unknown; envhome, envmode, envflags and tmpdir are known")
        }
    }

    private mutating func take(flag: String) throws(ConfigurationError) {
        switch flag {
        case "CDB": cdb = true
        case "CREATE": create = true
        case "RO": readOnly = true
        // A memory pool there is in every environment; a private one would share nothing with the writers.
        case "MPOOL", "PRIVATE": break
        default:
            throw error("the flag '\(flag)' is unknown; CDB, CREATE, RO, MPOOL and PRIVATE are known")
        }
    }

    /// What was probably not meant: the library looks for the directory only when it needs it.
    var findings: [Finding] {
        guard let directory = temporaryDirectory, (try? FileIdentity(path: directory))?.isDirectory != true else {
            return []
        }
        return [
            Finding(
                .missingTemporaryDirectory, .warning, file: file, line: lines["tmpdir"],
                text: "tmpdir is no directory: '\(directory)'; make it, or remove the line")
        ]
    }

    private func error(_ text: String) -> ConfigurationError {
        ConfigurationError(file: file, line: line, text: text)
    }
}

/// The bytes without blanks and carriage returns at both ends.
private func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8) -> Bool { ASCII.isBlank(byte) || byte == UInt8(ascii: "\r") }
    var rest = bytes.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
}

extension Finding.Name {
    /// A directory for temporary files that is not there.
    static let missingTemporaryDirectory = Finding.Name("missing-temporary-directory")
}
