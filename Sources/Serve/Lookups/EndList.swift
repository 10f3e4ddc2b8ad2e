// The addresses that an address ends at, as other mailers read them, each once.

import Bytes
import MailSyntax
import Routing

/// Addresses that are put together, in memory that serves again.
struct EndList: ~Copyable {
    /// An address of the list.
    struct End {
        /// Where it stands in ``EndList/text``.
        let range: Range<Int>
        /// The route that it stands for, by its place in the answer.
        let route: Int
        /// Whether it is an address of `storedomain`.
        let isStore: Bool
    }

    /// Why an expansion cannot be told.
    struct Failure: Error {
        let text: String
        /// Whether it may be told with another domain for the users of this host.
        var isAboutLocalUser = false
        /// Whether it may be told later: a map cannot be asked now.
        var isAboutNow = false
    }

    /// What a mailer takes of one address (Postfix's virtual_alias_expansion_limit, its limit for an address, and that for a
    /// reply of a socketmap without its `OK `).
    static let mostAddresses = 1_000, longestAddress = 1_000, mostBytes = 100_000 - 3

    private(set) var text = TextArena(capacity: 512)
    private(set) var ends: [End] = []
    /// Whether one of them is, or was to be, a user at a store.
    private(set) var hasStore = false
    private var known: Set<[UInt8]> = []
    private var bytes = 0

    mutating func removeAll() {
        text.removeAll()
        ends.removeAll(keepingCapacity: ends.count <= Self.mostAddresses)
        if !known.isEmpty { known = [] }
        hasStore = false
        bytes = 0
    }

    /// The most addresses that are compared one by one.
    private static let few = 16

    /// Adds a user at a store.
    mutating func add(
        user: Range<Int>, suffix: [UInt8], route: Int, of answer: borrowing Answer
    ) throws(Failure) {
        hasStore = true
        let start = text.end
        guard answer.text.withSpan(user, { LocalPart.append($0, to: &text) }) else {
            throw Failure(
                text: "the user of the route \(Self.shown(user, answer)) can be no local part; correct the entry")
        }
        text.append(suffix.span)
        try finish(start, route, isStore: true)
    }

    /// Adds the address that a route stands for.
    ///
    /// - Parameter localDomain: `@domain` for a user of this host; empty for the one that the chain knows him by.
    mutating func add(
        _ end: Answer.EndPlace, localDomain: [UInt8], route: Int, of answer: borrowing Answer
    ) throws(Failure) {
        let start = text.end
        switch end.kind {
        case .noAddress:
            throw Self.unwritable(end.address, answer)
        case .localUser:
            guard answer.text.withSpan(end.address, { LocalPart.append($0, to: &text) }) else {
                throw Self.unwritable(end.address, answer)
            }
            if localDomain.isEmpty {
                answer.text.withSpan(end.domain) { _ = text.append($0) }
            } else {
                text.append(localDomain.span)
            }
        case .address:
            guard let at = LookupEngine.at(end.address, in: answer), at > end.address.lowerBound,
                // What begins so is a source route, which mailers strip, or a command.
                let first = answer.text.first(end.address), first != UInt8(ascii: "@"), first != UInt8(ascii: "|"),
                answer.text.withSpan(end.address.lowerBound..<at, { LocalPart.append($0, to: &text) }),
                answer.text.withSpan((at + 1)..<end.address.upperBound, { Self.isDomain($0) })
            else { throw Self.unwritable(end.address, answer) }
            answer.text.withSpan(at..<end.address.upperBound) { _ = text.append($0) }
        }
        try finish(start, route, isStore: false)
    }

    private mutating func finish(_ start: Int, _ route: Int, isStore: Bool) throws(Failure) {
        let range = start..<text.end
        guard range.count <= Self.longestAddress else {
            throw Failure(
                text: "the expansion has an address of \(range.count) bytes, and Postfix takes \(Self.longestAddress);"
                    + " shorten the entry, or let mail go through the LMTP listener (--transport-to)")
        }
        guard !isKnown(range) else {
            text.removeAll(from: start)
            return
        }
        bytes += range.count + (ends.isEmpty ? 0 : 1)
        ends.append(End(range: range, route: route, isStore: isStore))
        guard ends.count <= Self.mostAddresses else {
            throw Failure(
                text:
                    "the address expands to more than \(Self.mostAddresses) addresses, which Postfix does not take; make"
                    + " the list shorter, or let its mail go through the LMTP listener (--transport-to)")
        }
        guard bytes <= Self.mostBytes else {
            throw Failure(
                text: "the expansion has more than \(Self.mostBytes) bytes, which Postfix does not take; make the list"
                    + " shorter, or let its mail go through the LMTP listener (--transport-to)")
        }
    }

    /// Whether the address at the end of the text is in the list already.
    private mutating func isKnown(_ range: Range<Int>) -> Bool {
        if ends.count < Self.few { return ends.contains { text.equals($0.range, range) } }
        if known.isEmpty { for end in ends { known.insert(text[end.range]) } }
        return !known.insert(text[range]).inserted
    }

    /// The place of an address, compared as the chain compares.
    func place(of range: Range<Int>, in other: borrowing TextArena) -> Int? {
        ends.firstIndex { end in
            text.withSpan(end.range) { mine in
                other.withSpan(range) { theirs in
                    guard mine.count == theirs.count else { return false }
                    for index in mine.indices where ASCII.lowercase(mine[index]) != ASCII.lowercase(theirs[index]) {
                        return false
                    }
                    return true
                }
            }
        }
    }

    /// Whether bytes are a domain as every mailer reads it: without blanks, control characters and what ends an address.
    private static func isDomain(_ domain: Span<UInt8>) -> Bool {
        guard !domain.isEmpty else { return false }
        let isLiteral = domain[0] == UInt8(ascii: "[") && domain[domain.count - 1] == UInt8(ascii: "]")
        for index in domain.indices {
            let byte = domain[index]
            if byte <= 0x20 || byte == 0x7F || separators.contains(byte) { return false }
            if literals.contains(byte), !isLiteral { return false }
        }
        return true
    }

    private static let separators = ByteSet("()<>,;@\\\"")
    private static let literals = ByteSet("[]:")

    private static func unwritable(_ address: Range<Int>, _ answer: borrowing Answer) -> Failure {
        Failure(
            text:
                "the expansion comes to \(shown(address, answer)), which is no address that another mailer may be given;"
                + " take it out of the list, or let its mail go through the LMTP listener (--transport-to)")
    }

    /// A piece of an answer for people: what it is of a command or a file is nobody's business.
    private static func shown(_ range: Range<Int>, _ answer: borrowing Answer) -> String {
        guard let first = answer.text.first(range) else { return "nothing" }
        if first == UInt8(ascii: "|") || answer.text.starts(range, with: "\"|") { return "a command" }
        if first == UInt8(ascii: "/") { return "a file" }
        let bytes = answer.text[range].prefix(100).map { ASCII.isControl($0) ? UInt8(ascii: "?") : $0 }
        return "'\(String(decoding: bytes, as: UTF8.self))'"
    }
}
