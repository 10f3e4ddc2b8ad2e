// Dovecot's dict protocol, as far as a userdb of `driver = dict` speaks it: who exists, and where.

import Bytes

/// One connection of Dovecot's dict client.
///
/// `Lshared/userdb/USER` is answered `O{json}` where the user exists, `N` where he certainly does not, and `F text` where
/// it cannot be told: Dovecot's LMTP answers 250, 550 and 451 then. Other commands than lookups fail.
package struct Dict: LineDialogue {
    private static let escape: UInt8 = 1
    /// The map that is asked.
    private static let map = Array("userdb".utf8)

    private var hasGreeted = false

    /// Begins a connection.
    package init() {}

    mutating func take(
        _ line: Span<UInt8>, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LineStep {
        guard hasGreeted else {
            // Version 3 is what Dovecot 2.3 speaks; what it says of itself changes nothing here.
            hasGreeted = line.count > 1 && line[0] == UInt8(ascii: "H") && line[1] >= UInt8(ascii: "2")
            if hasGreeted { return .done }
            refuse("the first line is no greeting of Dovecot's dict protocol", to: &output)
            return .close
        }
        if takeLookup(line, into: &request) { return .request }
        refuse("only lookups of shared/userdb/USER are answered", to: &output)
        return .done
    }

    func refuse(_ text: StaticString, to output: inout [UInt8]) {
        Self.write(UInt8(ascii: "F"), [UInt8](text).span, to: &output)
    }

    /// Reads `L`, a path, and for Dovecot 2.3 a tab and the user it is asked for.
    private func takeLookup(_ line: Span<UInt8>, into request: inout LookupRequest) -> Bool {
        guard !line.isEmpty, line[0] == UInt8(ascii: "L") else { return false }
        let end = line.firstIndex(of: ASCII.tab, from: 0) ?? line.count
        let prefix = Array("Lshared/userdb/".utf8)
        guard end > prefix.count, line.holds(prefix.span, at: 0) else { return false }
        request.set(map: Self.map.span, key: line.extracting(0..<0))
        var position = prefix.count
        while position < end {
            var byte = line[position]
            position += 1
            if byte == Self.escape {
                guard position < end else { return false }
                switch line[position] {
                case UInt8(ascii: "0"): byte = 0
                case UInt8(ascii: "1"): byte = Self.escape
                case UInt8(ascii: "t"): byte = ASCII.tab
                case UInt8(ascii: "r"): byte = ASCII.carriageReturn
                case UInt8(ascii: "n"): byte = ASCII.lineFeed
                default: return false
                }
                position += 1
            }
            request.key.append(byte)
        }
        return true
    }

    package mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8]) {
        switch reply.status {
        case .found: Self.write(UInt8(ascii: "O"), reply.text.span, to: &output)
        case .absent: output.append("N\n")
        case .failed, .refused: Self.write(UInt8(ascii: "F"), reply.text.span, to: &output)
        }
    }

    /// A connection that is closed fails what Dovecot has asked.
    package mutating func farewell(isAsking: Bool, to output: inout [UInt8]) {}

    private static func write(_ letter: UInt8, _ text: Span<UInt8>, to output: inout [UInt8]) {
        output.append(letter)
        for position in text.indices {
            let escaped: UInt8? =
                switch text[position] {
                case 0: UInt8(ascii: "0")
                case escape: UInt8(ascii: "1")
                case ASCII.tab: UInt8(ascii: "t")
                case ASCII.carriageReturn: UInt8(ascii: "r")
                case ASCII.lineFeed: UInt8(ascii: "n")
                default: nil
                }
            if let escaped {
                output.append(escape)
                output.append(escaped)
            } else {
                output.append(text[position])
            }
        }
        output.append(ASCII.lineFeed)
    }
}
