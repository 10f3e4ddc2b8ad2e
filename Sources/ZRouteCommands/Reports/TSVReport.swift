// `address TAB channel!host!user;channel!host!user`: for comparison, with the bytes preserved. Inside a field `\\`,
// `\;`, `\t`, `\n` and `\r` are escapes.

import MailAddress
import Routing

/// One line an address, tab-separated.
struct TSVReport: ResolutionReport {
    func append(address: Span<UInt8>, resolution: Resolution, trace: Trace?, to output: inout ByteBlock) {
        // The first column is what was asked, byte for byte, so that input and output can be joined on it.
        Self.append(address, escapingSeparators: false, to: &output)
        output.append(UInt8(ascii: "\t"))
        var isFirst = true
        for place in resolution.places {
            if !isFirst { output.append(UInt8(ascii: ";")) }
            isFirst = false
            let text = resolution.text.bytes.span
            if let whole = place.whole(in: resolution.text) {
                Self.append(text.extracting(whole), escapingSeparators: true, to: &output)
                continue
            }
            Self.append(text.extracting(place.channel), escapingSeparators: true, to: &output)
            output.append(UInt8(ascii: "!"))
            Self.append(text.extracting(place.host), escapingSeparators: true, to: &output)
            output.append(UInt8(ascii: "!"))
            Self.append(text.extracting(place.user), escapingSeparators: true, to: &output)
        }
        output.append(UInt8(ascii: "\n"))
    }

    @inline(__always)
    private static func append(_ field: Span<UInt8>, escapingSeparators: Bool, to output: inout ByteBlock) {
        // Hardly ever is there anything to escape.
        if field.containsControl(or: UInt8(ascii: "\\"), or: UInt8(ascii: ";")) {
            appendEscaped(field, escapingSeparators, to: &output)
        } else {
            output.append(field)
        }
    }

    @inline(never)
    private static func appendEscaped(_ field: Span<UInt8>, _ escapingSeparators: Bool, to output: inout ByteBlock) {
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
