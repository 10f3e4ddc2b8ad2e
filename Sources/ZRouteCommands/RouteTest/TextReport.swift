// The form for people, close to what `exim -bt` prints: each final address, the addresses that led to it, its route.

import Bytes
import Routing

/// Several lines an address, for reading.
struct TextReport: ResolutionReport {
    /// Where the entries stand that a trace shows.
    let sources: TraceSources

    func append(address: Span<UInt8>, answer: borrowing Answer, trace: Trace?, to output: inout TextArena) {
        let typed = [UInt8](copying: address)
        let resolution = answer.resolution
        if let trace {
            for line in TraceText(trace, sources).lines() { Self.append(line, "\n", to: &output) }
        }
        for (index, route) in resolution.routes.enumerated() {
            let chain = resolution.ancestors(ofRoute: index)
            Self.append(printable(chain.first ?? typed), to: &output)
            let reason = resolution.failure?.description ?? printable(route.host)
            if route.isChannel("error") {
                Self.append(" is undeliverable: ", reason, to: &output)
            } else if route.isChannel("hold") {
                Self.append(" cannot be resolved at this time: ", reason, to: &output)
            }
            Self.append("\n", to: &output)
            for parent in chain.dropFirst() {
                Self.append("    <-- ", printable(parent), "\n", to: &output)
            }
            Self.append(
                "  channel = ", printable(route.channel), ", host = ", printable(route.host), ", user = ",
                printable(route.user), "\n", to: &output)
        }
    }

    private static func append(_ pieces: String..., to output: inout TextArena) {
        for piece in pieces { output.append(Array(piece.utf8)) }
    }
}

// `address TAB channel!host!user;channel!host!user`: for comparison, with the bytes preserved.

/// One line an address, tab-separated.
struct TSVReport: ResolutionReport {
    func append(address: Span<UInt8>, answer: borrowing Answer, trace: Trace?, to output: inout TextArena) {
        // The first column is what was asked, byte for byte, so that input and output can be joined on it.
        TSVField.append(address, escapingSeparators: false, then: UInt8(ascii: "\t"), to: &output)
        answer.appendRoutes(then: UInt8(ascii: "\n"), to: &output)
    }
}

/// Bytes as text for a terminal: what is no text, or would control the terminal, as `\xNN`.
func printable(_ bytes: some Collection<UInt8>) -> String {
    let bytes = Array(bytes)
    var text: [UInt8] = []
    var position = 0
    while position < bytes.count {
        let length = WellFormedUTF8.sequenceLength(bytes.span, at: position)
        // C1 controls are two bytes, of which the first is C2.
        let isControl =
            length == 1 && ASCII.isControl(bytes[position])
            || length == 2 && bytes[position] == 0xC2 && bytes[position + 1] < 0xA0
        if length == 0 || isControl {
            text.append(contentsOf: "\\x".utf8)
            let hex = String(bytes[position], radix: 16)
            text.append(contentsOf: (hex.count == 1 ? "0" + hex : hex).utf8)
            position += 1
        } else {
            text.append(contentsOf: bytes[position..<(position + length)])
            position += length
        }
    }
    return String(decoding: text, as: Unicode.UTF8.self)
}

// How results of route-test are shown: one protocol, one file for each form.

/// A form of output for resolutions.
protocol ResolutionReport: Sendable {
    /// Appends the report of one address.
    func append(address: Span<UInt8>, answer: borrowing Answer, trace: Trace?, to output: inout TextArena)
}
