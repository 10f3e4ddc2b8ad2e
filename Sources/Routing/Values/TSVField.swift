// Routes as one field of text, which is what `route-test --format tsv` and a lookup server say of an address: for comparison,
// with the bytes preserved. Inside a field of a route `\\`, `\;`, `\t`, `\n` and `\r` are escapes.

public import Bytes

extension Answer {
    /// Appends the routes as `channel!host!user`, joined by `;`, and one byte behind them.
    public borrowing func appendRoutes(then last: UInt8, to output: inout TextArena) {
        var left = places.count
        for place in places {
            left -= 1
            let end = left == 0 ? last : UInt8(ascii: ";")
            if let whole = place.whole(in: text) {
                append(whole, then: end, to: &output)
            } else {
                append(place.channel, then: UInt8(ascii: "!"), to: &output)
                append(place.host, then: UInt8(ascii: "!"), to: &output)
                append(place.user, then: end, to: &output)
            }
        }
        if places.isEmpty { output.append(last) }
    }

    @inline(__always)
    private borrowing func append(_ field: Range<Int>, then end: UInt8, to output: inout TextArena) {
        text.withSpan(field) { TSVField.append($0, escapingSeparators: true, then: end, to: &output) }
    }
}

/// A field between tabs.
public enum TSVField {
    /// Appends a field and one byte behind it.
    ///
    /// - Parameter escapingSeparators: whether what separates routes is escaped, too.
    @inline(__always)
    public static func append(
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
