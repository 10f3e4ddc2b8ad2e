// Postfix's transports as channels of ours, each with its clause of scheduler.conf.

import Bytes

/// Where a transport and its next hop lead, in our words.
struct NextHopChannel: Hashable, Sendable {
    /// What is done with the recipient.
    enum Way: Hashable, Sendable {
        /// A route: `channel!host`.
        case route(channel: String, host: String)
        /// A route to the recipient's own domain.
        case ownDomain(channel: String)
        /// A refusal; nobody is there where the code says so.
        case refused(isUnknown: Bool, text: String)
        /// To be tried later, until somebody changes the table.
        case waiting(text: String)
        /// Thrown away.
        case discarded
    }

    let way: Way
    /// The command of scheduler.conf; nil where the mail stays queued.
    var command: String?
    /// What of the transport could not be carried over.
    var obstacle: String?
}

/// Makes channels of transports.
struct NextHopChannels {
    private let services: MasterServices
    private let queueDirectory: String
    private var known: [PostfixRouting.Hop: NextHopChannel] = [:]
    private var hosts: [String: String] = [:]

    init(_ services: MasterServices, queueDirectory: String) {
        (self.services, self.queueDirectory) = (services, queueDirectory)
    }

    /// The channel of a transport.
    mutating func channel(_ hop: PostfixRouting.Hop) -> NextHopChannel {
        if let channel = known[hop] { return channel }
        let channel = make(hop)
        known[hop] = channel
        return channel
    }

    private mutating func make(_ hop: PostfixRouting.Hop) -> NextHopChannel {
        let name = "transport '\(hop.transport)\(hop.nextHop.map { ":\($0)" } ?? "")'"
        switch services.program(hop.transport) {
        case "error":
            let (code, text) = Self.reply(hop.nextHop ?? "")
            guard hop.transport != "retry", !code.hasPrefix("4") else {
                return NextHopChannel(way: .waiting(text: text.isEmpty ? "retry" : text))
            }
            return NextHopChannel(
                way: .refused(isUnknown: code == "5.1.1" || (code.isEmpty && text.isEmpty), text: text))
        case "discard":
            return NextHopChannel(way: .discarded)
        case "lmtp": return server(hop, name, isLMTP: true)
        case "smtp": return server(hop, name, isLMTP: false)
        case nil:
            return waiting(
                hop, "\(name) is not in master.cf, and Postfix keeps such mail queued; so it stays queued here")
        case let program?:
            return waiting(
                hop,
                "\(name) is delivered by Postfix's \(program)(8), which has no counterpart; its mail stays queued until the"
                    + " clause has a command")
        }
    }

    private mutating func waiting(_ hop: PostfixRouting.Hop, _ obstacle: String) -> NextHopChannel {
        let channel = Self.word(hop.transport)
        let reserved = ["smtp", "smtp-lmtp", "smtp-relay", "smtp-mx", "error", "hold", "bitbucket", "local", "delay"]
        return NextHopChannel(
            way: .ownDomain(
                channel: reserved.contains(channel) || channel.hasPrefix("smtp") ? "postfix-\(channel)" : channel),
            obstacle: obstacle)
    }

    /// A server that is spoken to.
    private mutating func server(_ hop: PostfixRouting.Hop, _ name: String, isLMTP: Bool) -> NextHopChannel {
        let protocolOption = isLMTP ? "-M " : ""
        let channel = isLMTP ? "smtp-lmtp" : "smtp-relay"
        guard let written = hop.nextHop else {
            guard isLMTP else {
                return NextHopChannel(
                    way: .ownDomain(channel: "smtp-mx"),
                    obstacle:
                        "\(name) finds the server by MX records, which are not looked up here; name a relay in scheduler.conf"
                )
            }
            return waiting(hop, "\(name) has no next hop; name the server in scheduler.conf")
        }
        let hops = written.split(whereSeparator: { $0 == "," || $0.isBlank }).map(String.init)
        guard let first = hops.first else { return waiting(hop, "\(name) has no next hop") }
        var obstacle: String?
        if hops.count > 1 { obstacle = "\(name) has several next hops; only '\(first)' is used" }
        if isLMTP, first.hasPrefix("unix:") {
            var path = String(first.dropFirst(5))
            // Postfix's programs work in the queue directory.
            if !path.hasPrefix("/") { path = "\(queueDirectory)/\(path)" }
            guard !path.contains(where: { $0 == "\"" || $0 == "$" || $0.isBlank }) else {
                return waiting(hop, "\(name): '\(path)' cannot stand in scheduler.conf")
            }
            let host = host(path.split(separator: "/").joined(separator: "-"), for: "\(channel) \(path)")
            return NextHopChannel(
                way: .route(channel: channel, host: host), command: "smtp -M -x -F UNIX:\(path)", obstacle: obstacle)
        }
        let text = isLMTP && first.hasPrefix("inet:") ? String(first.dropFirst(5)) : first
        guard let (server, port, isBracketed) = Self.endpoint(text, isLMTP: isLMTP) else {
            return waiting(hop, "\(name): '\(text)' is no server that is known here; name it in scheduler.conf")
        }
        if !isLMTP, !isBracketed {
            obstacle =
                "\(name) is found by the MX records of \(server), which are not looked up here: mail goes to \(server) itself;"
                + " write another server into scheduler.conf where that is not right"
        }
        let host = host(
            port == (isLMTP ? 24 : 25) ? server : "\(server)-\(port)", for: "\(channel) \(server) \(port)")
        let address = server.contains(":") ? "[ipv6.\(server)]" : "[\(server)]"
        return NextHopChannel(
            way: .route(channel: channel, host: host), command: "smtp \(protocolOption)-x -F \(address) -p \(port)",
            obstacle: obstacle)
    }

    /// A name for an endpoint that no other has.
    private mutating func host(_ wanted: String, for endpoint: String) -> String {
        let base = Self.word(wanted)
        var name = base, number = 2
        while let other = hosts[name], other != endpoint {
            name = "\(base)-\(number)"
            number += 1
        }
        hosts[name] = endpoint
        return name
    }

    /// What of a text can stand in a route and in a selector of scheduler.conf.
    private static func word(_ text: String) -> String {
        let word = String(
            text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) ? $0 : "-" })
        return word.isEmpty ? "server" : word
    }

    private static let ports = ["smtp": 25, "lmtp": 24, "submission": 587, "smtps": 465, "submissions": 465]

    /// `host`, `[host]`, either with `:port`.
    private static func endpoint(_ text: String, isLMTP: Bool) -> (server: String, port: Int, isBracketed: Bool)? {
        var host = text[...], port = isLMTP ? 24 : 25
        let isBracketed = text.hasPrefix("[")
        if isBracketed {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            if !rest.isEmpty {
                guard let number = number(rest.dropFirst()) else { return nil }
                port = number
            }
            if host.lowercased().hasPrefix("ipv6:") { host = host.dropFirst(5) }
        } else if let colon = text.firstIndex(of: ":") {
            guard let number = number(text[text.index(after: colon)...]) else { return nil }
            host = text[..<colon]
            port = number
        }
        let isName = host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_:".contains($0)) }
        return host.isEmpty || !isName ? nil : (String(host), port, isBracketed)
    }

    private static func number(_ text: Substring) -> Int? {
        if let known = ports[String(text)] { return known }
        return Decimal.value(Array(text.utf8)).flatMap { (1...65535).contains($0) ? $0 : nil }
    }

    /// The enhanced status code before a text.
    private static func reply(_ text: String) -> (code: String, text: String) {
        let word = text.prefix { !$0.isBlank }
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isNumber) }) else {
            return ("", text)
        }
        return (String(word), text[word.endIndex...].trimmingBlanks)
    }
}
