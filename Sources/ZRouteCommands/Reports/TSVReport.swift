// `address TAB channel!host!user;channel!host!user`: for comparison, with the bytes preserved. Inside a field `\\`,
// `\;`, `\t`, `\n` and `\r` are escapes.

import MailAddress
import Routing

/// One line an address, tab-separated.
struct TSVReport: ResolutionReport {
    func append(address: Span<UInt8>, resolution: Resolution, trace: Trace?, to output: inout [UInt8]) {
        for place in 0..<address.count { Self.append(address[place], escaping: false, to: &output) }
        output.append(UInt8(ascii: "\t"))
        var isFirst = true
        for route in resolution.routes {
            if !isFirst { output.append(UInt8(ascii: ";")) }
            isFirst = false
            Self.append(route.channel, to: &output)
            output.append(UInt8(ascii: "!"))
            Self.append(route.host, to: &output)
            output.append(UInt8(ascii: "!"))
            Self.append(route.user, to: &output)
        }
        output.append(UInt8(ascii: "\n"))
    }

    private static func append(_ field: ArraySlice<UInt8>, to output: inout [UInt8]) {
        for byte in field { append(byte, escaping: true, to: &output) }
    }

    /// The first column is what was asked, byte for byte, so that input and output can be joined on it.
    private static func append(_ byte: UInt8, escaping: Bool, to output: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\\") where escaping: output.append(contentsOf: "\\\\".utf8)
        case UInt8(ascii: ";") where escaping: output.append(contentsOf: "\\;".utf8)
        case UInt8(ascii: "\t"): output.append(contentsOf: "\\t".utf8)
        case UInt8(ascii: "\n"): output.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): output.append(contentsOf: "\\r".utf8)
        default: output.append(byte)
        }
    }
}
