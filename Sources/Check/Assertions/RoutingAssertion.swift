// One line of a test file: an address, and where it is to go.

import Bytes
package import Routing

/// What a site is expected to answer for one address.
package struct RoutingAssertion: Sendable, Hashable {
    /// What may be expected.
    private enum Expectation: Sendable, Hashable {
        /// That the address cannot be looked up now.
        case deferred
        /// These routes, in this order.
        case routes([RoutePattern])
    }

    /// Why a line is no assertion.
    enum Mistake: Error {
        /// There is an address and nothing behind it.
        case noExpectation
        /// One of the routes has no three fields.
        case noRoute([UInt8])
    }

    /// The address.
    package let address: [UInt8]
    /// The line of the file, counted from 1.
    package let line: Int
    /// What is expected, as it is written.
    package let written: [UInt8]
    /// What is expected: more than one where what looks like a comment may be a part of a route, too.
    private let expectations: [Expectation]

    /// Reads a line.
    ///
    /// - Parameter text: the line without its end.
    /// - Returns: nil for an empty line and a comment.
    init?(_ text: ArraySlice<UInt8>, line: Int) throws(Mistake) {
        let tab = text.firstIndex(of: ASCII.tab)
        let isBlank = text.allSatisfy(ASCII.isBlank)
        // An address may begin with `#`, and route-test writes it without a blank: then it is one with a route.
        let isComment = text.drop(while: ASCII.isBlank).first == UInt8(ascii: "#")
        let isTableLine = tab.map { Self.isTableLine(text, tab: $0) } ?? false
        if isBlank || (isComment && !isTableLine) { return nil }
        let end = isTableLine ? tab ?? text.endIndex : Self.addressEnd(text)
        let start = isTableLine ? text.startIndex : text.firstIndex { !ASCII.isBlank($0) } ?? text.startIndex
        let field = text[start..<end]
        let rest = text[min(end + 1, text.endIndex)...]
        let trimmed = rest.drop(while: ASCII.isBlank)
        written = Self.withoutBlanksAtEnd(trimmed)
        self.line = line
        guard !written.isEmpty, written.first != UInt8(ascii: "#") else { throw .noExpectation }
        let whole = rest.first.map(ASCII.isBlank) ?? false ? trimmed : rest
        let readings = [whole, Self.withoutComment(whole)].compactMap { $0 }
        let read = readings.map(Self.expectation)
        expectations = read.compactMap { try? $0.get() }
        // Without its comment a line is more likely what was meant.
        if expectations.isEmpty, case .failure(let mistake)? = read.last { throw mistake }
        address = Self.address(field, routes: Self.routes(in: whole))
    }

    /// Whether an answer is what is expected.
    package func holds(for resolution: Resolution) -> Bool {
        expectations.contains { expectation in
            switch expectation {
            case .deferred: resolution.status == .deferred
            case .routes(let patterns):
                patterns.count == resolution.routes.count
                    && zip(patterns, resolution.routes).allSatisfy { $0.matches($1) }
            }
        }
    }

    /// Whether an answer has the routes that are expected, in another order.
    func holdsInAnotherOrder(for resolution: Resolution) -> Bool {
        guard case .routes(let patterns)? = expectations.last, patterns.count == resolution.routes.count else {
            return false
        }
        var left = resolution.routes
        for pattern in patterns {
            guard let index = left.firstIndex(where: { pattern.matches($0) }) else { return false }
            left.remove(at: index)
        }
        return true
    }

    // MARK: Reading

    /// Whether a line is one that `route-test --format tsv` wrote: there, what stands behind the tab begins with a route.
    private static func isTableLine(_ text: ArraySlice<UInt8>, tab: Int) -> Bool {
        let rest = text[(tab + 1)...]
        guard text.first != UInt8(ascii: "#") else {
            // What people comment out looks much alike; a blank tells it.
            let isWhole = routes(in: rest).allSatisfy { RoutePattern($0) != nil }
            return isWhole && text.dropFirst().first.map { !ASCII.isBlank($0) && $0 != UInt8(ascii: "#") } ?? false
        }
        return text.first.map { !ASCII.isBlank($0) || tab == text.startIndex } ?? false
    }

    /// Where the address ends that a line begins with: before the first blank outside quotes.
    private static func addressEnd(_ text: ArraySlice<UInt8>) -> Int {
        var isQuoted = false, isEscaped = false, hasBegun = false
        for index in text.indices {
            let byte = text[index]
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), isQuoted {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
                hasBegun = true
            } else if ASCII.isBlank(byte), !isQuoted {
                if hasBegun { return index }
            } else {
                hasBegun = true
            }
        }
        // A quote that does not close is a byte like others.
        guard isQuoted, let start = text.firstIndex(where: { !ASCII.isBlank($0) }) else { return text.endIndex }
        return text[start...].firstIndex(where: ASCII.isBlank) ?? text.endIndex
    }

    private static func withoutBlanksAtEnd(_ text: ArraySlice<UInt8>) -> [UInt8] {
        Array(text[..<(text.lastIndex { !ASCII.isBlank($0) }.map { $0 + 1 } ?? text.startIndex)])
    }

    /// What stands before a comment at the end of a line; nil where there is none.
    private static func withoutComment(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        for index in text.indices.dropFirst()
        where text[index] == UInt8(ascii: "#") && ASCII.isBlank(text[index - 1]) {
            return text[..<index]
        }
        return nil
    }

    private static func expectation(_ text: ArraySlice<UInt8>) -> Result<Expectation, Mistake> {
        if withoutBlanksAtEnd(text).elementsEqual("deferred".utf8) { return .success(.deferred) }
        var patterns: [RoutePattern] = []
        for route in routes(in: text) {
            guard let pattern = RoutePattern(route) else { return .failure(.noRoute(route)) }
            patterns.append(pattern)
        }
        return .success(.routes(patterns))
    }

    /// The routes of a field, escapes undone (`TSVField`).
    private static func routes(in field: ArraySlice<UInt8>) -> [[UInt8]] {
        var routes: [[UInt8]] = [[]]
        var index = field.startIndex
        while index < field.endIndex {
            let byte = field[index]
            index += 1
            if byte == UInt8(ascii: ";") {
                routes.append([])
                continue
            }
            guard byte == UInt8(ascii: "\\"), index < field.endIndex, let plain = plain(field[index]) else {
                routes[routes.count - 1].append(byte)
                continue
            }
            routes[routes.count - 1].append(plain)
            index += 1
        }
        return routes
    }

    /// A field without its escapes.
    static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        Array(routes(in: field).joined(separator: CollectionOfOne(UInt8(ascii: ";"))))
    }

    /// What a backslash and a byte stand for; nil where they are no escape.
    private static func plain(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: ";"): byte
        case UInt8(ascii: "t"): ASCII.tab
        case UInt8(ascii: "n"): ASCII.lineFeed
        case UInt8(ascii: "r"): ASCII.carriageReturn
        default: nil
        }
    }

    /// The address of a field.
    ///
    /// The field has `\t` for a tab and for a backslash with a `t` as well. Only an address that is not valid has a tab, a line
    /// feed or a carriage return; its answer names it, and tells one from the other.
    private static func address(_ field: ArraySlice<UInt8>, routes: [[UInt8]]) -> [UInt8] {
        let refusal = Array("error!syntax!".utf8)
        guard let route = routes.first, routes.count == 1, route.starts(with: refusal) else { return Array(field) }
        let named = Array(route.dropFirst(refusal.count))
        var shown = TextArena(capacity: named.count)
        TSVField.append(named.span, escapingSeparators: false, then: 0, to: &shown)
        return shown.array.dropLast().elementsEqual(field) ? named : Array(field)
    }
}
