// The few pages that are read over HTTP/1.1 (RFC 9112): for people and monitoring. Nothing is taken but GET and HEAD.

import Bytes

/// A page of the HTTP door; its name stands where other protocols have a map's.
package enum ServedPage: String, Sendable, Hashable, CaseIterable {
    /// The routes of an address, as JSON.
    case route = "page/route"
    /// The same with every step, as JSON.
    case trace = "page/trace"
    /// The server's counts, in Prometheus's text format.
    case metrics = "page/metrics"
    /// Whether every map can be asked.
    case health = "page/health"
    /// The site as a picture that addresses can be asked at, as HTML.
    case graph = "page/graph"

    /// The page of a path; nil where there is none.
    fileprivate init?(path: Span<UInt8>) {
        if path.isEqual(to: "/") {
            self = .graph
            return
        }
        for page in Self.allCases where path.isEqual(to: Array("/\(page.rawValue.dropFirst(5))".utf8).span) {
            self = page
            return
        }
        return nil
    }

    fileprivate var hasAddress: Bool { self == .route || self == .trace }

    fileprivate var contentType: StaticString {
        switch self {
        case .route, .trace: "application/json"
        case .metrics: "text/plain; version=0.0.4; charset=utf-8"
        case .health: "text/plain; charset=utf-8"
        case .graph: "text/html; charset=utf-8"
        }
    }
}

/// One connection of an HTTP client.
package struct HTTP: LookupDialogue {
    /// How a page is answered.
    private enum Status: String {
        case ok = "200 OK"
        case badRequest = "400 Bad Request"
        case notFound = "404 Not Found"
        case methodNotAllowed = "405 Method Not Allowed"
        case headTooLarge = "431 Request Header Fields Too Large"
        case unavailable = "503 Service Unavailable"
    }

    private static let help = "GET /graph, /route?address=, /trace?address=, /metrics or /health\n"

    private var page = ServedPage.health
    private var isHead = false
    private var isClosing = false

    /// Begins a connection.
    package init() {}

    package mutating func next(
        _ input: Span<UInt8>, from position: inout Int, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LookupStep {
        while !isClosing {
            var lines: [Range<Int>] = []
            var end = position
            while true {
                guard let feed = input.firstIndex(of: ASCII.lineFeed, from: end),
                    feed - position <= LookupLimits.request
                else {
                    guard input.count - position > LookupLimits.request else { return .incomplete }
                    refuse(.headTooLarge, "a request has at most \(LookupLimits.request) bytes\n", &output)
                    return .close
                }
                let line = end..<(feed > end && input[feed - 1] == ASCII.carriageReturn ? feed - 1 : feed)
                end = feed + 1
                // An empty line before a request is none (RFC 9112 2.2).
                if line.isEmpty, !lines.isEmpty { break }
                if line.isEmpty { position = end } else { lines.append(line) }
            }
            position = end
            if take(input, lines, into: &request, &output) { return .request }
        }
        return .close
    }

    /// Reads a request.
    ///
    /// - Returns: false where it was answered already.
    private mutating func take(
        _ input: Span<UInt8>, _ lines: [Range<Int>], into request: inout LookupRequest, _ output: inout [UInt8]
    ) -> Bool {
        isHead = false
        let words = [UInt8](copying: input.extracting(lines[0])).split(separator: ASCII.space, maxSplits: 3)
        guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8), words[2].count == 8 else {
            refuse(.badRequest, "the first line is no request of HTTP/1.1\n", &output)
            return false
        }
        isClosing = words[2].last == UInt8(ascii: "0")
        for line in lines.dropFirst() {
            let text = [UInt8](copying: input.extracting(line)).map(ASCII.lowercase)
            guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
                refuse(.badRequest, "a line of the header has no colon\n", &output)
                return false
            }
            let value = text[(colon + 1)...].filter { !ASCII.isBlank($0) }
            switch text[..<colon] {
            case ArraySlice("connection".utf8):
                let options = value.split(separator: UInt8(ascii: ","))
                if options.contains(ArraySlice("close".utf8)) { isClosing = true }
                if options.contains(ArraySlice("keep-alive".utf8)) { isClosing = false }
            case ArraySlice("transfer-encoding".utf8):
                refuse(.badRequest, "a request has no content here\n", &output)
                return false
            case ArraySlice("content-length".utf8) where value != Array("0".utf8):
                refuse(.badRequest, "a request has no content here\n", &output)
                return false
            default: break
            }
        }
        isHead = words[0].elementsEqual("HEAD".utf8)
        guard isHead || words[0].elementsEqual("GET".utf8) else {
            refuse(.methodNotAllowed, Self.help, &output)
            return false
        }
        return ask(words[1], into: &request, &output)
    }

    private mutating func ask(
        _ target: ArraySlice<UInt8>, into request: inout LookupRequest, _ output: inout [UInt8]
    ) -> Bool {
        let parts = target.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let page = ServedPage(path: Array(parts[0]).span) else {
            write(.notFound, "text/plain; charset=utf-8", Array(Self.help.utf8).span, to: &output)
            return false
        }
        self.page = page
        request.set(map: Array(page.rawValue.utf8).span, key: Span())
        guard page.hasAddress else { return true }
        let fields = parts.count == 2 ? parts[1].split(separator: UInt8(ascii: "&")) : []
        let named = fields.filter { $0.starts(with: "address=".utf8) }
        // Of two it could not be told which one is answered.
        guard named.count == 1, let field = named.first, let address = Self.decode(field.dropFirst(8))
        else {
            let text = "write the address as /\(page.rawValue.dropFirst(5))?address=user@example.org\n"
            write(.badRequest, "text/plain; charset=utf-8", Array(text.utf8).span, to: &output)
            return false
        }
        request.key = address
        return true
    }

    /// Undoes `%XX`; a plus sign is itself, since addresses have it.
    private static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap({ ASCII.hexadecimalValue(ASCII.uppercase($0)) }),
                let low = rest.popFirst().flatMap({ ASCII.hexadecimalValue(ASCII.uppercase($0)) })
            else { return nil }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    package mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8]) {
        let status: Status =
            switch reply.status {
            case .found: .ok
            case .absent: .notFound
            case .failed: .unavailable
            case .refused: .badRequest
            }
        // Only a page that says what it may do is HTML.
        let isPlain = page == .graph && reply.policy.isEmpty
        write(
            status, isPlain ? "text/plain; charset=utf-8" : page.contentType, reply.text.span, policy: reply.policy,
            to: &output)
    }

    package mutating func farewell(isAsking: Bool, to output: inout [UInt8]) {
        guard isAsking else { return }
        isClosing = true
        write(
            .unavailable, "text/plain; charset=utf-8", Array("the server ends this connection\n".utf8).span, to: &output
        )
    }

    private mutating func refuse(_ status: Status, _ text: String, _ output: inout [UInt8]) {
        isClosing = true
        write(status, "text/plain; charset=utf-8", Array(text.utf8).span, to: &output)
    }

    private func write(
        _ status: Status, _ type: StaticString, _ text: Span<UInt8>, policy: String = "", to output: inout [UInt8]
    ) {
        output.append(contentsOf: "HTTP/1.1 \(status.rawValue)\r\nContent-Type: \(type)\r\n".utf8)
        output.append(contentsOf: "Content-Length: \(text.count)\r\nCache-Control: no-store\r\n".utf8)
        output.append("X-Content-Type-Options: nosniff\r\n")
        if !policy.isEmpty {
            output.append(contentsOf: "Content-Security-Policy: \(policy)\r\nReferrer-Policy: no-referrer\r\n".utf8)
        }
        if status == .methodNotAllowed { output.append("Allow: GET, HEAD\r\n") }
        if isClosing { output.append("Connection: close\r\n") }
        output.append("\r\n")
        if !isHead { output.append(from: text) }
    }
}
