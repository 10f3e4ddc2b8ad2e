// `zroute db verify`: finds what lookups would stumble over, or would silently not find.

import ArgumentParser
import Configuration
import Maps

/// Checks a map.
struct DbVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a map's structure and its entries.",
        discussion: """
            Found are: damage of the file's structure; keys without the NUL that lookups add, and keys with letters \
            that lookups fold, neither of which is ever found. Readers are not held up; writers wait.

            The exit status is 0 if nothing was found, 1 if something was, 74 if the disk is full or fails, and 75 if the \
            map cannot be checked now.

            Examples:

              zroute db verify fqdnroutes
            """)

    @OptionGroup var options: DbOptions

    @Argument(help: "A relation, or a path.")
    var map: String

    func run() throws {
        let session = try DbSession(map, options)
        var found = Findings()
        let name = session.target.name
        let place = session.target.place
        try session.withMap(.checking, statusOf: { place.isDamage($0) ? .absent : DbSession.status(of: $0) }) {
            map, output in
            try map.verify()
            try map.forEach { key, value in
                found.take(key, session.target.folding, needsNUL: !place.findsKeysWithoutNUL)
            }
            let verdict = found.lines.isEmpty ? "all well" : "see above"
            output.write("\(name.file): \(counted(found.entries, "entry", "entries")), \(verdict)\n")
        }
        for line in found.lines { session.log.say("\(name): \(line)") }
        if !found.lines.isEmpty { throw ExitCode.absent }
    }
}

/// What was noticed of the entries.
private struct Findings {
    var entries = 0
    private var withoutNUL = 0
    private var unfolded = 0
    private var firstWithoutNUL: [UInt8] = []
    private var firstUnfolded: [UInt8] = []

    mutating func take(_ key: [UInt8], _ folding: KeyFolding, needsNUL: Bool) {
        entries += 1
        if needsNUL, key.last != 0 {
            if withoutNUL == 0 { firstWithoutNUL = key }
            withoutNUL += 1
        }
        if key.contains(where: { folding.fold($0) != $0 }) {
            if unfolded == 0 { firstUnfolded = key }
            unfolded += 1
        }
    }

    var lines: [String] {
        var lines: [String] = []
        if withoutNUL > 0 {
            let keys = counted(withoutNUL, "key lacks", "keys lack")
            lines.append(
                "\(keys) the NUL that lookups add, and can never be found, such as '\(printable(firstWithoutNUL))'; let "
                    + "their program store it")
        }
        if unfolded > 0 {
            let keys = counted(unfolded, "key has", "keys have")
            lines.append(
                "\(keys) letters that lookups fold, and can never be found, such as "
                    + "'\(printable(firstUnfolded.dropLast()))'; store them folded")
        }
        return lines
    }
}
