// Reads sleepyenv.conf, ZMailer's description of a Berkeley DB environment: `name = value` lines, `#` comments.

import Bytes
package import Configuration
import System

/// The file that the relation flag `-C` names.
struct EnvironmentFile: ConfigurationReading {
    /// What it says; the home is empty where it names none, which is an error among the findings.
    let settings: EnvironmentSettings
    /// What in it cannot be used, or was probably not meant.
    let findings: [Finding]

    /// Reads a file as far as it can be understood.
    init(reading file: String) {
        let read = ConfigurationFile(file) { error in
            error.isMissing ? "; make it, or correct the path behind -C in dbases.conf" : ""
        }
        var reader = EnvironmentFileReader(found: FindingList(file, after: read.findings))
        for line in ConfigurationLine.all(in: read.bytes, &reader.found) { reader.take(line) }
        reader.judge()
        settings = EnvironmentSettings(
            home: reader.home ?? "", mode: reader.mode, create: reader.create, readOnly: reader.readOnly,
            cdb: reader.cdb, temporaryDirectory: reader.temporaryDirectory)
        findings = reader.found.inOrder
    }
}

extension EnvironmentSettings {
    /// Reads the file that the relation flag `-C` names.
    ///
    /// - Throws: `ConfigurationError` for a file that is missing, cannot be read or understood, names something twice, or
    ///   names something else than a directory as the environment. For a lookup that is a failure of the map: reading the
    ///   map's file without its environment could miss keys that exist.
    package init(file: String) throws(ConfigurationError) {
        self = try EnvironmentFile(reading: file).checked().settings
    }
}

private struct EnvironmentFileReader {
    var found: FindingList
    var home: String?
    var mode: UInt32 = 0o600
    var create = false
    var readOnly = false
    var cdb = false
    var temporaryDirectory: String?
    /// The line of each name.
    private var lines: [String: Int] = [:]

    init(found: FindingList) { self.found = found }

    mutating func take(_ line: ConfigurationLine) {
        func text(_ bytes: ArraySlice<UInt8>) -> String {
            String(decoding: ConfigurationLine.trimmed(bytes), as: UTF8.self)
        }
        guard let equals = line.whole.firstIndex(of: UInt8(ascii: "=")) else {
            found.error(.noAssignment, "is no 'name = value'", line: line.number)
            return
        }
        let name = text(line.whole[..<equals]).lowercased()
        let value = text(line.whole[(equals + 1)...])
        if let first = lines[name] {
            found.error(
                .repeatedSetting, "\(name) stands in line \(first) already; keep the one that is meant",
                line: line.number)
            return
        }
        lines[name] = line.number
        guard !value.isEmpty, !value.utf8.contains(0) else {
            found.error(.invalidValue, "\(name) has no usable value", line: line.number)
            return
        }
        set(name, to: value, line.number)
    }

    private mutating func set(_ name: String, to value: String, _ line: Int) {
        switch name {
        case "envhome":
            // The same for all programs, wherever they are started.
            let isFromRoot = value.utf8.first == UInt8(ascii: "/")
            home = isFromRoot ? value : "\(absolutePath(directory(of: found.file)))/\(value)"
        case "tmpdir": temporaryDirectory = value
        case "envmode":
            guard let number = UInt32(value, radix: 8), number <= 0o777 else {
                found.error(
                    .invalidValue, "envmode is no octal mode: '\(value)'; write one like 0600", line: line)
                return
            }
            mode = number
        case "envflags":
            for flag in value.uppercased().split(whereSeparator: { ", \t|".contains($0) }) {
                set(flag: String(flag), line)
            }
        default:
            found.error(
                .unknownSetting, "'\(name)' is unknown; envhome, envmode, envflags and tmpdir are known", line: line)
        }
    }

    private mutating func set(flag: String, _ line: Int) {
        switch flag {
        case "CDB": cdb = true
        case "CREATE": create = true
        case "RO": readOnly = true
        // A memory pool there is in every environment; a private one would share nothing with the writers.
        case "MPOOL", "PRIVATE": break
        default:
            found.error(
                .invalidValue, "the flag '\(flag)' is unknown; CDB, CREATE, RO, MPOOL and PRIVATE are known", line: line
            )
        }
    }

    /// Judges what the lines say together.
    mutating func judge() {
        // A line that has envhome, or may have been meant to, has its own finding.
        if lines["envhome"] == nil, !found.has([.unknownSetting, .noAssignment, .missingFile, .unreadableFile]) {
            found.error(.missingHome, "has no envhome; name the environment's directory")
        }
        // A missing one may be made at any time, and whoever enters it says so.
        if let home, (try? FileIdentity(path: home))?.isDirectory == false {
            found.error(
                .invalidValue,
                "envhome is no directory, but another file: '\(home)'; name the directory of the environment",
                line: lines["envhome"])
        }
        // The library looks for it only when it needs it.
        if let directory = temporaryDirectory, (try? FileIdentity(path: directory))?.isDirectory != true {
            found.warning(
                .missingTemporaryDirectory, "tmpdir is no directory: '\(directory)'; make it, or remove the line",
                line: lines["tmpdir"])
        }
    }
}

extension Finding.Name {
    /// The description of an environment that names none.
    static let missingHome = Finding.Name("missing-environment-home")
    /// A directory for temporary files that is not there.
    static let missingTemporaryDirectory = Finding.Name("missing-temporary-directory")
}
