// `address TAB channel!host!user;channel!host!user`: for comparison, with the bytes preserved. Inside a field `\\`,
// `\;`, `\t`, `\n` and `\r` are escapes.

import Bytes
import Routing

/// One line an address, tab-separated.
struct TSVReport: ResolutionReport {
    func append(address: Span<UInt8>, answer: borrowing Answer, trace: Trace?, to output: inout TextArena) {
        // The first column is what was asked, byte for byte, so that input and output can be joined on it.
        Self.append(address, escapingSeparators: false, then: UInt8(ascii: "\t"), to: &output)
        var left = answer.places.count
        for place in answer.places {
            left -= 1
            let end = left == 0 ? UInt8(ascii: "\n") : UInt8(ascii: ";")
            if let whole = place.whole(in: answer.text) {
                Self.append(whole, of: answer.text, then: end, to: &output)
            } else {
                Self.append(place.channel, of: answer.text, then: UInt8(ascii: "!"), to: &output)
                Self.append(place.host, of: answer.text, then: UInt8(ascii: "!"), to: &output)
                Self.append(place.user, of: answer.text, then: end, to: &output)
            }
        }
        if answer.places.isEmpty { output.append(UInt8(ascii: "\n")) }
    }

    @inline(__always)
    private static func append(
        _ field: Range<Int>, of text: borrowing TextArena, then end: UInt8, to output: inout TextArena
    ) {
        text.withSpan(field) { append($0, escapingSeparators: true, then: end, to: &output) }
    }

    @inline(__always)
    private static func append(
        _ field: Span<UInt8>, escapingSeparators: Bool, then end: UInt8, to output: inout TextArena
    ) {
        // Hardly ever is there anything to escape. A NUL is a control character anyway.
        let separators = escapingSeparators ? (UInt8(ascii: "\\"), UInt8(ascii: ";")) : (0, 0)
        if !output.append(field, then: end, unlessControlOr: separators.0, or: separators.1) {
            appendEscaped(field, escapingSeparators, to: &output)
            output.append(end)
        }
    }

    @inline(never)
    private static func appendEscaped(_ field: Span<UInt8>, _ escapingSeparators: Bool, to output: inout TextArena) {
        for place in field.indices {
            switch field[place] {
            case UInt8(ascii: "\\") where escapingSeparators: output.append("\\\\")
            case UInt8(ascii: ";") where escapingSeparators: output.append("\\;")
            case UInt8(ascii: "\t"): output.append("\\t")
            case UInt8(ascii: "\n"): output.append("\\n")
            case UInt8(ascii: "\r"): output.append("\\r")
            default: output.append(field[place])
            }
        }
    }
}
