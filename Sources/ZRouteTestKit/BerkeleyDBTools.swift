// Berkeley DB's own command line tools (Debian: db5.3-util): producers and checkers that know nothing of zroute.

/// The tools `db5.3_load`, `db5.3_dump` and `db5.3_verify`.
package enum BerkeleyDBTools {
    /// The kinds of file that zroute reads.
    package enum Kind: String, Sendable, CaseIterable {
        case btree, hash
    }

    /// Makes a database from entries.
    ///
    /// - Parameters:
    ///   - entries: the keys and values, without NUL.
    ///   - nul: whether keys and values get the NUL that ends them in ZMailer's files.
    ///   - path: the file to make or to add to.
    package static func load(
        _ entries: [(key: String, value: String)], kind: Kind = .btree, nul: Bool = true, into path: String
    ) throws {
        try load(entries.map { (Array($0.key.utf8), Array($0.value.utf8)) }, kind: kind, nul: nul, into: path)
    }

    /// Makes a database from entries of bytes.
    ///
    /// - Parameter header: further lines of the header, such as `db_lorder=4321` for a big-endian file.
    package static func load(
        _ entries: [(key: [UInt8], value: [UInt8])], kind: Kind = .btree, nul: Bool = true, header: [String] = [],
        into path: String
    ) throws {
        let lines = ["VERSION=3", "format=bytevalue", "type=\(kind.rawValue)"] + header + ["HEADER=END", ""]
        var text = Array(lines.joined(separator: "\n").utf8)
        for entry in entries {
            appendHexadecimal(entry.key, nul: nul, to: &text)
            appendHexadecimal(entry.value, nul: nul, to: &text)
        }
        text += Array("DATA=END\n".utf8)
        try runCommandSuccessfully("/usr/bin/db5.3_load", [path], input: text)
    }

    /// The database as `db5.3_dump -p` prints it, from the line `HEADER=END` on.
    package static func dump(_ path: String) throws -> String {
        let text = String(decoding: try runCommandSuccessfully("/usr/bin/db5.3_dump", ["-p", path]), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let start = lines.firstIndex(of: "HEADER=END") ?? lines.startIndex
        return lines[start...].joined(separator: "\n")
    }

    /// Checks the structure of a database.
    package static func verify(_ path: String) throws -> CommandResult {
        try runCommand("/usr/bin/db5.3_verify", ["-q", path])
    }

    /// The number of lockers that an environment has now: one for each handle that is open in it.
    package static func lockers(in home: String) throws -> Int {
        let output = try runCommandSuccessfully("/usr/bin/db5.3_stat", ["-c", "-h", home])
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        let words = lines.first { $0.hasSuffix("Number of current lockers") }?.split(separator: "\t") ?? []
        guard let count = words.first.flatMap({ Int($0) }) else {
            throw CommandFailure("db5.3_stat says nothing of lockers in \(home)")
        }
        return count
    }

    private static func appendHexadecimal(_ bytes: [UInt8], nul: Bool, to text: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        text.append(0x20)
        for byte in nul ? bytes + [0] : bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        text.append(0x0A)
    }
}
