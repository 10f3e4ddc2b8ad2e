// Canonicalisation, first half (SEMANTICS 7): which host of an address is the one to look at now.

import MailAddress

/// The part of an address that decides where it goes next, as places in the text.
enum Focus {
    /// `local@domain`: the place of the last `@` outside quotes.
    case domain(at: Int)
    /// `@host:rest` or `@host,rest`: the host, and where the rest begins.
    case route(host: Piece, rest: Int)
    /// `host!rest`: the place of the first `!`.
    case bang(at: Int)
    /// `local%host`: the place of the last `%`.
    case percent(at: Int)
    /// A local part without any host, or a command, a file or an include.
    case localForm

    init(_ address: Piece, of text: borrowing ByteBlock, isUnquoted: Bool) {
        guard let first = text.first(address), !isUnquoted, first != UInt8(ascii: "|") else {
            self = .localForm
            return
        }
        if first == UInt8(ascii: "@") {
            self = Focus.route(in: address, of: text)
            return
        }
        if text.starts(address, with: ":include:") {
            self = .localForm
            return
        }
        var places = (at: -1, bang: -1, percent: -1)
        var inQuotes = false
        var escaped = false
        for place in address {
            let byte = text[place]
            if escaped {
                escaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\\") where inQuotes: escaped = true
            case UInt8(ascii: "\""): inQuotes.toggle()
            case _ where inQuotes: break
            case UInt8(ascii: "@"): places.at = place
            case UInt8(ascii: "!") where places.bang < 0: places.bang = place
            case UInt8(ascii: "%"): places.percent = place
            default: break
            }
        }
        if places.at >= 0 {
            self = .domain(at: places.at)
        } else if first == UInt8(ascii: "/") {
            self = .localForm
        } else if places.bang >= 0 {
            self = .bang(at: places.bang)
        } else if places.percent >= 0 {
            self = .percent(at: places.percent)
        } else {
            self = .localForm
        }
    }

    /// The first host of a source route; separators inside a domain literal are part of it.
    private static func route(in address: Piece, of text: borrowing ByteBlock) -> Focus {
        var inLiteral = false
        let start = address.lowerBound + 1
        for place in start..<address.upperBound {
            switch text[place] {
            case UInt8(ascii: "["): inLiteral = true
            case UInt8(ascii: "]"): inLiteral = false
            case UInt8(ascii: ":"), UInt8(ascii: ","):
                if !inLiteral { return .route(host: start..<place, rest: place + 1) }
            default: break
            }
        }
        return .localForm
    }
}
