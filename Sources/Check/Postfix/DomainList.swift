// Lists of domains in main.cf: mydestination, relay_domains, virtual_alias_domains, virtual_mailbox_domains.

import Bytes
import System

/// A list of domains, as Postfix matches it.
struct DomainList: Sendable {
    private enum Item {
        case domain([UInt8])
        case table(Set<[UInt8]>)
        case all
    }

    private var items: [(item: Item, isExcluded: Bool)] = []
    /// Whether a domain stands for the domains below it, too.
    let coversSubdomains: Bool

    /// Reads the list of a parameter.
    init(_ parameter: String, _ reader: inout PostfixMapReader) throws(ConversionError) {
        let parents = try reader.parameters.words("parent_domain_matches_subdomains")
        coversSubdomains = parents.contains(parameter)
        try read(try reader.parameters.words(parameter), parameter, &reader, depth: 0)
    }

    private mutating func read(
        _ words: [String], _ parameter: String, _ reader: inout PostfixMapReader, depth: Int
    ) throws(ConversionError) {
        for word in words {
            var text = word[...]
            var isExcluded = false
            while text.first == "!" {
                isExcluded.toggle()
                text = text.dropFirst()
            }
            if text.hasPrefix("/") {
                // A file is a list of the same form; one that includes itself ends somewhere.
                guard depth < 10 else { continue }
                let bytes: [UInt8]
                do throws(FileError) {
                    bytes = try readFile(String(text), limit: 16 << 20).bytes
                } catch {
                    throw .file(error)
                }
                let lines = LogicalLine.lines(of: bytes).map(\.text).joined(separator: " ")
                try read(PostfixParameters.words(of: lines), parameter, &reader, depth: depth + 1)
            } else if text.contains(":"), !text.hasPrefix("[") {
                let table = try reader.table(String(text))
                let entries = try reader.entries(of: table, parameter)
                if case .constant = table {
                    items.append((.all, isExcluded))
                    reader.note(.leftOut, parameter, table, "every domain would be in this list; name the domains")
                } else {
                    items.append((.table(Set(entries.map(\.key))), isExcluded))
                }
            } else {
                items.append((.domain(Array(text.utf8).lowercased), isExcluded))
            }
        }
    }

    /// Whether a domain is in the list.
    func contains(_ domain: [UInt8]) -> Bool {
        for (item, isExcluded) in items where Self.matches(item, domain, coversSubdomains) { return !isExcluded }
        return false
    }

    private static func matches(_ item: Item, _ domain: [UInt8], _ coversSubdomains: Bool) -> Bool {
        switch item {
        case .all: return true
        case .domain(let name):
            if name == domain { return true }
            let suffix = coversSubdomains ? [ASCII.dot] + name : name
            return suffix.first == ASCII.dot && domain.count > suffix.count
                && domain.suffix(suffix.count) == suffix[...]
        case .table(let keys):
            if keys.contains(domain) { return true }
            return parents(of: domain).contains { keys.contains(coversSubdomains ? $0 : [ASCII.dot] + $0) }
        }
    }

    /// What a domain ends in, behind each of its dots: `b.example` and `example` for `a.b.example`.
    static func parents(of domain: [UInt8]) -> [[UInt8]] {
        domain.indices.filter { domain[$0] == ASCII.dot && $0 + 1 < domain.count }.map { Array(domain[($0 + 1)...]) }
    }

    /// The domains that are named, and those whose subdomains are.
    var named: (domains: [[UInt8]], parents: [[UInt8]]) {
        var domains: [[UInt8]] = [], parents: [[UInt8]] = []
        for (item, isExcluded) in items where !isExcluded {
            let names: [[UInt8]]
            switch item {
            case .domain(let name): names = [name]
            // A table of aliases, too, may be a list of domains: a key without a dot is a user of it.
            case .table(let keys):
                names = keys.filter { $0.contains(ASCII.dot) }.sorted { $0.lexicographicallyPrecedes($1) }
            case .all: names = []
            }
            for name in names where !name.contains(UInt8(ascii: "@")) {
                if name.first == ASCII.dot {
                    if !coversSubdomains { parents.append(Array(name.dropFirst())) }
                } else {
                    domains.append(name)
                    if coversSubdomains { parents.append(name) }
                }
            }
        }
        return (domains, parents)
    }
}
