// One line of a log, or of a list: which recipients' addresses it has.

import Bytes
import MailSyntax

/// What a line says of addresses.
enum LogLine {
    /// It names recipients.
    case addresses([[UInt8]], AddressFormat)
    /// It is one of a known format, and names none.
    case nothing
    /// It is in none of the formats.
    case unknown

    /// Reads a line without its end.
    init(_ text: ArraySlice<UInt8>) {
        let content = text.drop(while: ASCII.isBlank)
        guard let first = content.first else {
            self = .nothing
            return
        }
        if first == UInt8(ascii: "{"), let line = Self.object(content) {
            self = line
        } else if let line = Self.equates(content) ?? Self.table(text) ?? Self.dialogue(content) {
            self = line
        } else {
            self = Self.listed(content)
        }
    }

    /// The time that a line of a log begins with, or the `time` of an object; nil where there is none.
    static func time(_ text: ArraySlice<UInt8>) -> String? {
        let bytes = Array(text.prefix(200))
        if let place = bytes.position(of: timeMember) {
            return value(bytes[(place + timeMember.count)...]).map { String(decoding: $0, as: Unicode.UTF8.self) }
        }
        // `2026-11-28T16:22:08...`, or `Nov 28 16:22:08`.
        let words = bytes.split(separator: ASCII.space)
        if let first = words.first, first.count >= 19, ASCII.isDigit(first[first.startIndex]),
            first[first.startIndex + 10] == UInt8(ascii: "T")
        {
            return String(decoding: first, as: Unicode.UTF8.self)
        }
        guard words.count > 3, words[0].count == 3, Decimal.value(words[1]) != nil,
            words[2].count == 8, words[2].count(where: { $0 == UInt8(ascii: ":") }) == 2
        else { return nil }
        return words[..<3].map { String(decoding: $0, as: Unicode.UTF8.self) }.joined(separator: " ")
    }

    private static let timeMember = Array("\"time\":".utf8)

    // MARK: Lists and tables

    /// A line of `route-test --format tsv`, of a test file, or of a map's source.
    private static func table(_ text: ArraySlice<UInt8>) -> LogLine? {
        guard let tab = text.firstIndex(of: ASCII.tab), tab > text.startIndex,
            text[(tab + 1)...].count(where: { $0 == UInt8(ascii: "!") }) >= 2,
            let assertion = try? RoutingAssertion(text, line: 0)
        else { return nil }
        return .addresses([assertion.address], .table)
    }

    private static func listed(_ content: ArraySlice<UInt8>) -> LogLine {
        guard content.first != UInt8(ascii: "#") else { return .nothing }
        let end = content.lastIndex { !ASCII.isBlank($0) }.map { $0 + 1 } ?? content.startIndex
        let line = content[..<end]
        if line.contains(where: ASCII.isBlank), let assertion = try? RoutingAssertion(line, line: 0) {
            return .addresses([assertion.address], .table)
        }
        let isAddress = (try? EnvelopeAddress(Array(line))) != nil
        // What is not valid is an address all the same where somebody meant it for one.
        let isMeant = line.contains(UInt8(ascii: "@")) && !line.contains(where: ASCII.isBlank)
        return isAddress || isMeant ? .addresses([Array(line)], .list) : .unknown
    }

    // MARK: Logs of words and their values: `to=<a@b>`

    private static let to = Array("to=<".utf8), from = Array("from=<".utf8), original = Array("orig_to=<".utf8)
    private static let relay = Array("rrelay=".utf8), rejected = Array("; from=<".utf8), delay = Array("delay=".utf8)
    private static let recipient = Array(" recipient: ".utf8), information = Array(" info: recipients ".utf8)
    private static let message = Array(" file: ".utf8), route = Array(" route=".utf8)

    private static func equates(_ text: ArraySlice<UInt8>) -> LogLine? {
        if let start = postfixMessage(text) { return postfix(text[start...]) }
        let bytes = Array(text)
        if let place = bytes.position(of: recipient) { return routed(bytes[(place + recipient.count)...]) }
        if bytes.position(of: relay) != nil || bytes.position(of: information) != nil { return .nothing }
        if let place = bytes.position(of: from), let end = bracketEnd(bytes, from: place + from.count) {
            let rest = bytes[min(end + 1, bytes.count)...]
            guard rest.starts(with: " to=<".utf8) else { return nil }
            let start = rest.startIndex + 5
            guard let close = bracketEnd(bytes, from: start) else { return nil }
            guard bytes[(close + 1)...].starts(with: route) else { return nil }
            return .addresses([unescaped(bytes[start..<close])], .zroute)
        }
        if let place = bytes.position(of: to), place > 0, ASCII.isBlank(bytes[place - 1]) {
            return agent(bytes, from: place)
        }
        if isServiceLine(bytes) { return .nothing }
        return bytes.position(of: message) != nil && bytes.first == UInt8(ascii: "<") ? .nothing : nil
    }

    /// Where the message of Postfix's begins: behind `postfix/smtp[123]: `.
    private static func postfixMessage(_ text: ArraySlice<UInt8>) -> Int? {
        let name = Array("postfix".utf8)
        let bytes = Array(text.prefix(200))
        guard let place = bytes.position(of: name), place == 0 || ASCII.isBlank(bytes[place - 1]) else { return nil }
        guard let open = bytes[place...].firstIndex(of: UInt8(ascii: "[")),
            bytes[place..<open].contains(UInt8(ascii: "/")), !bytes[place..<open].contains(where: ASCII.isBlank),
            let close = bytes[open...].firstIndex(of: UInt8(ascii: "]")),
            Decimal.value(bytes[(open + 1)..<close]) != nil, bytes[(close + 1)...].starts(with: ": ".utf8)
        else { return nil }
        return text.startIndex + close + 3
    }

    private static func postfix(_ text: ArraySlice<UInt8>) -> LogLine {
        let bytes = Array(text)
        // `4Fc2: to=<a@b>, orig_to=<c>, relay=...`: the one that was asked for is the original.
        if let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            bytes[..<colon].allSatisfy({ !ASCII.isBlank($0) }), bytes[(colon + 1)...].starts(with: " to=<".utf8)
        {
            let start = colon + 6
            guard let end = bracketEnd(bytes, from: start) else { return .unknown }
            let rest = bytes[(end + 1)...]
            guard rest.starts(with: ", orig_to=<".utf8) else {
                return .addresses([Array(bytes[start..<end])], .postfix)
            }
            let first = rest.startIndex + 2 + original.count
            guard let last = bracketEnd(bytes, from: first) else { return .unknown }
            return .addresses([Array(bytes[first..<last])], .postfix)
        }
        // `NOQUEUE: reject: RCPT from h[1.2.3.4]: 550 5.1.1 ...; from=<> to=<a@b> proto=ESMTP helo=<h>`: the words of the reply
        // come before, and may say anything.
        guard let place = bytes.lastPosition(of: rejected) else { return .nothing }
        guard let end = bracketEnd(bytes, from: place + rejected.count) else { return .unknown }
        guard bytes[(end + 1)...].starts(with: " to=<".utf8) else { return .nothing }
        guard let last = bracketEnd(bytes, from: end + 6) else { return .unknown }
        return .addresses([Array(bytes[(end + 6)..<last])], .postfix)
    }

    /// `S8412AbCd: to=<a@b>,<c@d>, delay=00:00:01, xdelay=00:00:00, mailer=smtp, ...`: ZMailer's agents, and sendmail alike.
    private static func agent(_ bytes: [UInt8], from place: Int) -> LogLine? {
        var addresses: [[UInt8]] = []
        var start = place + to.count
        while let end = bracketEnd(bytes, from: start) {
            addresses.append(Array(bytes[start..<end]))
            guard bytes[(end + 1)...].starts(with: ",<".utf8) else { break }
            start = end + 3
        }
        guard !addresses.isEmpty, bytes.position(of: delay) != nil else { return nil }
        return .addresses(addresses, .zmailer)
    }

    /// `... recipient: CHANNEL HOST USER` of ZMailer's router: on channel `local` the host is the address that was asked for.
    private static func routed(_ fields: ArraySlice<UInt8>) -> LogLine {
        let words = fields.split(whereSeparator: ASCII.isBlank)
        guard words.count >= 3 else { return .unknown }
        let isLocal = words[0].elementsEqual("local".utf8)
        let address = isLocal && !words[1].elementsEqual("-".utf8) ? words[1] : words[2]
        return .addresses([Array(address)], .zmailer)
    }

    /// Events of zroute without recipients: `2026-11-28T16:22:08.123Z 16517015: removed`, `... zroute: text`.
    private static func isServiceLine(_ bytes: [UInt8]) -> Bool {
        var text = bytes[...]
        if let blank = text.firstIndex(of: ASCII.space), blank - text.startIndex >= 20,
            ASCII.isDigit(text[text.startIndex]), text[blank - 1] == UInt8(ascii: "Z")
        {
            text = text[(blank + 1)...]
        }
        if text.starts(with: "zroute: ".utf8) { return true }
        let events = ["removed", "completed", "rejected", "postponed", "kept", "reported", "start", "reload", "stop"]
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")),
            text[..<colon].allSatisfy({ !ASCII.isBlank($0) }), text.count > colon + 1 - text.startIndex,
            text[colon + 1] == ASCII.space
        else { return false }
        let word = text[(colon + 2)...].prefix { !ASCII.isBlank($0) && $0 != UInt8(ascii: ":") }
        return events.contains { word.elementsEqual($0.utf8) }
    }

    /// Where the `>` stands that ends an address: outside quotes, where quotes close.
    private static func bracketEnd(_ bytes: [UInt8], from start: Int) -> Int? {
        guard start <= bytes.count else { return nil }
        var isQuoted = false
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ">") where !isQuoted: return index
            default: break
            }
            index += 1
        }
        return bytes[start...].firstIndex(of: UInt8(ascii: ">"))
    }

    /// An address as zroute's log shows it, with `\xNN` for bytes that are no text.
    private static func unescaped(_ shown: ArraySlice<UInt8>) -> [UInt8] {
        guard shown.contains(UInt8(ascii: "\\")) else { return Array(shown) }
        var plain: [UInt8] = []
        var index = shown.startIndex
        while index < shown.endIndex {
            if shown[index...].starts(with: "\\x".utf8), index + 3 < shown.endIndex,
                let high = ASCII.hexadecimalValue(shown[index + 2]), let low = ASCII.hexadecimalValue(shown[index + 3]),
                ASCII.isControl(high << 4 | low) || high >= 8
            {
                plain.append(high << 4 | low)
                index += 4
            } else {
                plain.append(shown[index])
                index += 1
            }
        }
        return plain
    }

    // MARK: Objects of zroute's log

    private static let recipientMember = Array("\"recipient\":".utf8)
    private static let keyMember = Array("\"key\":".utf8)

    /// An event as an object; inside a member's value no name of a member can stand, since quotes are escaped there.
    private static func object(_ text: ArraySlice<UInt8>) -> LogLine? {
        let bytes = Array(text)
        guard bytes.starts(with: "{\"event\":\"".utf8) else { return nil }
        let isAnswer = bytes.starts(with: "{\"event\":\"answer\"".utf8)
        guard let place = bytes.position(of: isAnswer ? keyMember : recipientMember) else { return .nothing }
        let start = place + (isAnswer ? keyMember : recipientMember).count
        guard let address = value(bytes[start...]) else { return .unknown }
        // Other maps are asked for domains.
        return isAnswer && !address.contains(UInt8(ascii: "@")) ? .nothing : .addresses([address], .zroute)
    }

    private static func value(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let encoded = Array("{\"base64\":\"".utf8)
        if text.starts(with: encoded) {
            let content = text.dropFirst(encoded.count).prefix { $0 != UInt8(ascii: "\"") }
            return Base64.decode(content)
        }
        guard text.first == UInt8(ascii: "\"") else { return nil }
        var plain: [UInt8] = []
        var index = text.startIndex + 1
        while index < text.endIndex {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "\"") { return plain }
            guard byte == UInt8(ascii: "\\"), index < text.endIndex else {
                plain.append(byte)
                continue
            }
            if text[index...].starts(with: "u00".utf8), index + 4 < text.endIndex,
                let high = ASCII.hexadecimalValue(text[index + 3]), let low = ASCII.hexadecimalValue(text[index + 4])
            {
                plain.append(high << 4 | low)
                index += 5
            } else {
                plain.append(text[index])
                index += 1
            }
        }
        return nil
    }

    // MARK: Dialogues

    /// `RCPT TO:<a@b>` anywhere in a line.
    private static func dialogue(_ text: ArraySlice<UInt8>) -> LogLine? {
        let bytes = Array(text)
        let command = Array("rcpt to:<".utf8)
        guard let place = bytes.map(ASCII.lowercase).position(of: command),
            let end = bracketEnd(bytes, from: place + command.count)
        else { return nil }
        return .addresses([Array(bytes[(place + command.count)..<end])], .dialogue)
    }
}

extension [UInt8] {
    /// Where other bytes stand for the first time.
    fileprivate func position(of other: [UInt8]) -> Int? {
        guard let first = other.first else { return 0 }
        let bytes = span
        var start = 0
        while let place = bytes.firstIndex(of: first, from: start) {
            if bytes.holds(other.span, at: place) { return place }
            start = place + 1
        }
        return nil
    }

    /// Where other bytes stand for the last time.
    fileprivate func lastPosition(of other: [UInt8]) -> Int? {
        indices.last { span.holds(other.span, at: $0) }
    }
}
