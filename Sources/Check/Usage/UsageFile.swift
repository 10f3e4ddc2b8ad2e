// The file in which services keep which entries were found, how often and when: text, so that anybody can read it and put
// several together.

import Bytes
import Glibc
package import Maps
import Routing
package import System

/// How often an entry was found, and when.
package struct EntryUse: Sendable, Hashable {
    /// How often.
    package var count: Int
    /// When it was found first and last, in UTC (RFC 3339).
    package var first: String, last: String
}

/// An entry as the file names it.
package struct UsedEntry: Sendable, Hashable {
    /// Its relation, and the file that lookups read.
    package let relation: String, map: String
    /// Its key.
    package let key: [UInt8]
}

/// The file of `--usage`: a comment with the time since which is counted, and a line an entry, in columns divided by tabs.
package struct UsageFile: Sendable {
    /// When counting began.
    package private(set) var since: String
    /// The entries that were found since then.
    package private(set) var entries: [UsedEntry: EntryUse] = [:]

    private static let heading = "# zroute usage since "
    /// The largest file accepted.
    private static let limit = 1 << 31

    /// A file that begins now.
    package init(since: String) { self.since = since }

    /// Reads a file.
    ///
    /// - Throws: `FileError` when it cannot be read, or is no such file.
    package init(reading path: String) throws(FileError) {
        let bytes = try readFile(path, limit: Self.limit).bytes
        let lines = bytes.split(separator: ASCII.lineFeed)
        guard let first = lines.first, first.starts(with: Self.heading.utf8) else {
            throw FileError(
                operation: "read", path: path,
                reason: "is no file of --usage, which begins with '\(Self.heading)'; name another")
        }
        since = String(decoding: first.dropFirst(Self.heading.utf8.count), as: Unicode.UTF8.self)
        for (number, line) in lines.enumerated().dropFirst() {
            let fields = line.split(separator: ASCII.tab, omittingEmptySubsequences: false)
            guard fields.count == 6, let count = Decimal.value(fields[3]) else {
                throw FileError(operation: "read", path: path, reason: "line \(number + 1) has no six columns")
            }
            func text(_ index: Int) -> String { String(decoding: fields[index], as: Unicode.UTF8.self) }
            let entry = UsedEntry(relation: text(0), map: text(1), key: Self.unescaped(fields[2]))
            entries[entry] = EntryUse(count: count, first: text(4), last: text(5))
        }
    }

    /// Adds what was found.
    ///
    /// - Parameter now: the time, in UTC.
    package mutating func add(_ uses: [EntryUseCounts.Use], now: String) {
        for use in uses {
            let entry = UsedEntry(relation: use.map.relation, map: use.map.file, key: use.key)
            var known = entries[entry] ?? EntryUse(count: 0, first: now, last: now)
            known.count = known.count.addingReportingOverflow(use.count).partialValue
            known.last = now
            entries[entry] = known
        }
    }

    /// Writes the file anew: it is complete under its name, or as it was.
    package func write(to path: String) throws(FileError) {
        var text = TextArena()
        text.append(Array("\(Self.heading)\(since)\n".utf8))
        for (entry, use) in entries.sorted(by: { Self.precedes($0.key, $1.key) }) {
            text.append(Array("\(entry.relation)\t\(entry.map)\t".utf8))
            TSVField.append(entry.key.span, escapingSeparators: true, then: ASCII.tab, to: &text)
            text.append(Array("\(use.count)\t\(use.first)\t\(use.last)\n".utf8))
        }
        let temporary = "\(path).\(getpid()).new"
        try removeFile(temporary, missingIsFine: true)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(operation: "create", path: temporary, code: errno) }
        var failure: Int32 = 0
        text.withSpan(0..<text.end) { bytes in
            var done = 0
            while done < bytes.count, failure == 0 {
                let written = unsafe bytes.extracting(done..<bytes.count).withUnsafeBytes { rest in
                    unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                }
                if written > 0 { done += written } else if errno != EINTR { failure = errno }
            }
        }
        close(descriptor)
        do throws(FileError) {
            guard failure == 0 else { throw FileError(operation: "write", path: temporary, code: failure) }
            try syncFile(temporary)
            try renameFile(temporary, to: path)
            try syncDirectory(directory(of: path))
        } catch {
            try? removeFile(temporary, missingIsFine: true)
            throw error
        }
    }

    private static func precedes(_ one: UsedEntry, _ other: UsedEntry) -> Bool {
        if (one.relation, one.map) != (other.relation, other.map) {
            return (one.relation, one.map) < (other.relation, other.map)
        }
        return one.key.lexicographicallyPrecedes(other.key)
    }

    private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        guard field.contains(UInt8(ascii: "\\")) else { return Array(field) }
        return RoutingAssertion.unescaped(field)
    }
}
