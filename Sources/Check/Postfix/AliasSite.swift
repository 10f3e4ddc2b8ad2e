// Alias files of sendmail, Exim and Postfix as a site: aliases(5), and what Exim's redirect routers read.

import Bytes
import Site
import System

/// The conversion of alias files.
package enum AliasSite {
    private static let sizeLimit = 1 << 30

    /// Writes a site with the aliases of some files into a directory.
    ///
    /// - Parameters:
    ///   - files: the alias files, in the order in which they are asked.
    ///   - domains: those whose users the names are.
    ///   - directory: a directory that is empty or not there; it is complete afterwards, or as it was.
    /// - Returns: what was not carried over, and what is otherwise.
    package static func convert(
        files: [String], domains: [String], to directory: String
    ) throws(ConversionError) -> ConversionReport {
        let writer = try SiteWriter(directory)
        var conversion = AliasConversion(domains: domains.map { Array($0.utf8).lowercased })
        for file in files {
            do throws(FileError) {
                conversion.read(try readFile(file, limit: sizeLimit).bytes, of: file)
            } catch {
                throw .file(error)
            }
        }
        conversion.finish(origin: files.joined(separator: ", "))
        return try ConvertedSite.put(conversion.draft, conversion.report, writer) { _ in conversion.report }
    }
}

/// Makes a draft of alias files.
struct AliasConversion {
    private(set) var draft = SiteDraft()
    private(set) var report = ConversionReport()
    private let domains: [[UInt8]]

    private struct Entry {
        let key: [UInt8]
        let value: [UInt8]
        let file: String
        let line: Int
    }

    private var entries: [Entry] = []
    private var lines: [[UInt8]: (file: String, line: Int)] = [:]

    init(domains: [[UInt8]]) { self.domains = domains }

    /// Reads a file.
    mutating func read(_ bytes: [UInt8], of file: String) {
        for line in LogicalLine.lines(of: bytes) {
            guard let (key, value) = Self.divided(line.bytes), !key.isEmpty else {
                report.add(
                    ConversionNote(
                        kind: .leftOut, file: file, line: line.number, text: "no 'name: value'; correct the line"))
                continue
            }
            let entry = Entry(key: key, value: value, file: file, line: line.number)
            if let first = lines[key] {
                note(
                    .remark, entry,
                    "the entry of \(first.file), line \(first.line), has this name too, and stands; remove one of the two"
                )
                continue
            }
            lines[key] = (file, line.number)
            entries.append(entry)
        }
    }

    /// The key ends at a colon or a blank outside quotes; a colon behind it belongs to neither part.
    private static func divided(_ line: [UInt8]) -> (key: [UInt8], value: [UInt8])? {
        var position = line.firstIndex { !LogicalLine.isSpace($0) } ?? line.endIndex
        var key: [UInt8] = []
        var isQuoted = false
        while position < line.count {
            let byte = line[position]
            if !isQuoted, byte == UInt8(ascii: ":") || LogicalLine.isSpace(byte) { break }
            position += 1
            if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == UInt8(ascii: "\\"), position < line.count {
                key.append(line[position])
                position += 1
            } else {
                key.append(byte)
            }
        }
        guard !isQuoted else { return nil }
        var rest = line[position...].drop(while: LogicalLine.isSpace)
        if rest.first == UInt8(ascii: ":") { rest = rest.dropFirst().drop(while: LogicalLine.isSpace) }
        while let last = rest.last, LogicalLine.isSpace(last) { rest = rest.dropLast() }
        return rest.isEmpty ? nil : (key.lowercased, Array(rest))
    }

    /// Writes what was read into the draft.
    mutating func finish(origin: String) {
        draft.origin = origin
        let host = domains.first.flatMap { PostfixAddress.isPlainDomain($0) ? string($0) : nil } ?? "host.invalid"
        draft.settings = [
            ("hostname", host), ("mydomain", host), ("preservetailcase", "1"), ("localdoesdomain", "1"),
        ]
        draft.everyLocalUserExists = true
        draft.clauses = ["local/*", "smtp/*"].map { ($0, nil, SiteDraft.unknownServer) }
        for domain in domains where PostfixAddress.isPlainDomain(domain) { draft.thishost.add(domain, []) }
        for entry in entries { carry(entry) }
        report.count("entries of alias files", entries.count)
        report.count("entries written into aliases", draft.aliases.count)
        report.count("entries written into fqdnaliases", draft.fqdnaliases.count)
        report.count("entries written into fqdnroutes", draft.fqdnroutes.count)
        if let first = entries.first {
            report.add(
                ConversionNote(
                    kind: .remark, file: first.file,
                    text:
                        "scheduler.conf names no server yet, and mail stays queued; write the clause local/* for the store"
                ))
        }
    }

    private mutating func carry(_ entry: Entry) {
        let address = PostfixAddress(entry.key)
        let isWholeDomain =
            entry.key.first == UInt8(ascii: "@") && PostfixAddress.isPlainDomain(Array(entry.key.dropFirst()))
        guard isWholeDomain || address?.isPlain ?? PostfixAddress.isPlainLocalPart(entry.key) else {
            let isStar = entry.key.first == UInt8(ascii: "*")
            return note(
                .leftOut, entry,
                isStar
                    ? "names for everybody are no keys here; write '@domain' into fqdnaliases"
                    : "it is no name or address that can be written here; write it by hand")
        }
        let value = LocalAliasValue(
            entry.value, of: entry.key, hasAlias: { lines[$0] != nil }, isLocal: { domains.contains($0) })
        for obstacle in value.obstacles { note(.leftOut, entry, obstacle) }
        for remark in value.remarks { note(.remark, entry, remark) }
        let isName = address == nil && !isWholeDomain
        if let refusal = value.refusal {
            let keys = isName ? domains.map { entry.key + [UInt8(ascii: "@")] + $0 } : [entry.key]
            return carry(refusal, keys, of: entry)
        }
        guard !value.members.isEmpty else {
            if value.obstacles.isEmpty { note(.leftOut, entry, "it names nobody; correct it, or remove it") }
            return
        }
        let list = Array(value.members.joined(separator: Array(", ".utf8)))
        if isName { draft.aliases.add(entry.key, list) } else { draft.fqdnaliases.add(entry.key, list) }
    }

    private mutating func carry(_ refusal: LocalAliasValue.Refusal, _ keys: [[UInt8]], of entry: Entry) {
        let route: String
        switch refusal {
        case .isUnknown:
            return note(.remark, entry, "':unknown:' is as good as no entry")
        case .fails(let text):
            let words = String(text.map { $0 == "!" || $0 == "%" || !$0.isASCII ? " " : $0 }).trimmingBlanks
            route = words.isEmpty ? "error!nosuchuser" : "error!nosuchuser!\(words)"
        case .waits:
            route = "hold!retry"
        }
        for key in keys { draft.fqdnroutes.add(key, Array(route.utf8)) }
        if keys.count > 0, PostfixAddress(entry.key) == nil {
            note(
                .remark, entry,
                "a list cannot refuse: the entry stands in fqdnroutes for each domain, and a list that names '\(string(entry.key))' alone"
                    + " does not see it")
        }
    }

    private mutating func note(_ kind: ConversionNote.Kind, _ entry: Entry, _ text: String) {
        report.add(
            ConversionNote(kind: kind, file: entry.file, line: entry.line, key: string(entry.key), text: text))
    }
}
