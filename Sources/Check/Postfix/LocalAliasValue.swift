// The right-hand sides of alias files (aliases(5), and Exim's redirection lists) as lists of ours.

import Bytes
import System

/// What an alias of a local user says.
struct LocalAliasValue {
    /// What the whole entry does in place of naming recipients (Exim).
    enum Refusal: Hashable {
        case fails(text: String), waits(text: String), isUnknown
    }

    /// Whom the message is for, as our lists have it.
    private(set) var members: [[UInt8]] = []
    /// What the entry does instead.
    private(set) var refusal: Refusal?
    /// What of it has no counterpart, and what to do.
    private(set) var obstacles: [String] = []
    /// Good to know.
    private(set) var remarks: [String] = []

    /// Reads a value.
    ///
    /// - Parameters:
    ///   - key: the name that it is for.
    ///   - hasAlias: whether a name has an alias of its own.
    ///   - isLocal: whether the users of a domain are the names of this file.
    init(
        _ value: [UInt8], of key: [UInt8], hasAlias: ([UInt8]) -> Bool, isLocal: ([UInt8]) -> Bool
    ) {
        for item in Self.items(value) {
            if let directive = Self.directive(item) {
                switch directive.name {
                case "fail": refusal = .fails(text: directive.text)
                case "defer": refusal = .waits(text: directive.text)
                case "unknown": refusal = .isUnknown
                case "blackhole": members.append(Array("/dev/null".utf8))
                case "include": include(directive.text)
                default: obstacles.append("':\(directive.name):' is not known; write it by hand")
                }
                if refusal != nil { break }
                continue
            }
            // A backslash: the user himself, whatever aliases he has.
            if item.first == UInt8(ascii: "\\") {
                let name = Array(item.dropFirst())
                guard PostfixAddress.isPlainLocalPart(name) else {
                    obstacles.append("'\(string(item))' is no name that can be written here")
                    continue
                }
                let isHidden = name.lowercased != key && hasAlias(name.lowercased)
                members.append(isHidden ? Array("real-".utf8) + name : name)
                continue
            }
            for member in RecipientList(blanksSeparate: item.first != UInt8(ascii: "|")).members(of: item) {
                add(member, isLocal)
            }
        }
        var known: Set<[UInt8]> = []
        members = members.filter { known.insert($0).inserted }
    }

    private mutating func add(_ member: ListedRecipient, _ isLocal: ([UInt8]) -> Bool) {
        switch member {
        case .name(let name) where PostfixAddress.isPlainLocalPart(name):
            members.append(name)
        case .address(let address) where address.isPlain:
            members.append(isLocal(address.domain) ? address.local : address.text)
        case .other(let text):
            if text.first == UInt8(ascii: "|") {
                obstacles.append(
                    "'\(string(text))' is a command, and none is ever run; deliver to a mailbox, and run it from there")
            } else if text == Array("/dev/null".utf8) {
                members.append(text)
            } else if let directive = Self.directive(text), directive.name == "include" {
                include(directive.text)
            } else {
                obstacles.append("'\(string(text))' is a file, and none is written to; deliver to a mailbox")
            }
        case .name(let text), .domain(let text):
            obstacles.append("'\(string(text))' is no name that can be written here; write it by hand")
        case .address(let address):
            obstacles.append(
                "'\(string(address.text))' would need quotes, or leads elsewhere ('%', '!'); write it by hand")
        }
    }

    private mutating func include(_ path: String) {
        guard path.hasPrefix("/"), !path.contains(where: \.isBlank) else {
            obstacles.append("':include:\(path)' names no file by its whole path; write the path")
            return
        }
        guard !FileIdentity.isMissing(at: path) else {
            obstacles.append(
                "\(path), which it includes, does not exist; write the file, and ':include:\(path)' into the list")
            return
        }
        members.append(Array(":include:\(path)".utf8))
        remarks.append(
            "\(path) is read by the rules of docs/semantics.md, section 8: a list a line, and no one but its owner may write it"
        )
    }

    /// `:name: text`.
    private static func directive(_ item: [UInt8]) -> (name: String, text: String)? {
        guard item.first == UInt8(ascii: ":"), let end = item.dropFirst().firstIndex(of: UInt8(ascii: ":")) else {
            return nil
        }
        return (string(item[1..<end]).lowercased(), string(item[(end + 1)...]).trimmingBlanks)
    }

    /// What commas outside quotes and comments separate.
    ///
    /// `:fail:` and `:defer:` have a text to the end.
    private static func items(_ value: [UInt8]) -> [[UInt8]] {
        var items: [[UInt8]] = []
        var item: [UInt8] = []
        var isQuoted = false, comment = 0, position = 0
        func trimmed(_ item: [UInt8]) -> [UInt8] {
            var item = item[...]
            while let first = item.first, LogicalLine.isSpace(first) { item = item.dropFirst() }
            while let last = item.last, LogicalLine.isSpace(last) { item = item.dropLast() }
            return Array(item)
        }
        while position < value.count {
            let byte = value[position]
            position += 1
            if byte == UInt8(ascii: "\\"), position < value.count {
                item += [byte, value[position]]
                position += 1
                continue
            }
            if byte == UInt8(ascii: "\""), comment == 0 { isQuoted.toggle() }
            if byte == UInt8(ascii: "("), !isQuoted { comment += 1 }
            if byte == UInt8(ascii: ")"), !isQuoted, comment > 0 { comment -= 1 }
            if byte == UInt8(ascii: ","), !isQuoted, comment == 0 {
                let text = trimmed(item)
                if let directive = directive(text), ["fail", "defer", "unknown"].contains(directive.name) {
                    return items + [text + [byte] + value[position...]]
                }
                items.append(text)
                item = []
            } else {
                item.append(byte)
            }
        }
        return (items + [trimmed(item)]).filter { !$0.isEmpty }
    }
}
