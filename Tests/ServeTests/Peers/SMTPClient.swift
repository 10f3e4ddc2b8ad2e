// Speaks SMTP (RFC 5321) to another mailer, as the outside does.

import Foundation
import Synchronization
import ZRouteTestKit

/// A reply, all its lines.
struct SMTPReply: Sendable, CustomStringConvertible {
    let description: String

    /// The first digit: 2 taken, 4 not now, 5 never.
    var kind: Character { description.first ?? "0" }
}

/// A connection to an SMTP server on this machine.
final class SMTPClient {
    private let stream: LocalStream

    /// Connects to `127.0.0.1:PORT`.
    init(_ endpoint: String) throws {
        guard let port = endpoint.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw CommandFailure("'\(endpoint)' has no port")
        }
        stream = try LocalStream(port: port)
        for reply in [try read(), try command("EHLO client.example.net")] where reply.kind != "2" {
            throw CommandFailure("the server does not greet: \(reply)")
        }
    }

    /// Sends a line.
    ///
    /// - Returns: the reply to it.
    func command(_ line: String) throws -> SMTPReply {
        try stream.write(line + "\r\n")
        return try read()
    }

    private func read() throws -> SMTPReply {
        var lines: [String] = []
        repeat { lines.append(try stream.readLine()) } while lines[lines.count - 1].dropFirst(3).first == "-"
        return SMTPReply(description: lines.joined(separator: "\n"))
    }

    /// Asks whether a recipient is taken, and takes everything back.
    func ask(_ recipient: String, from sender: String = "sender@example.org") throws -> SMTPReply {
        let reply = try command("MAIL FROM:<\(sender)>")
        defer { _ = try? command("RSET") }
        return reply.kind == "2" ? try command("RCPT TO:<\(recipient)>") : reply
    }

    /// Sends a message.
    ///
    /// - Returns: the reply that decided: the first that is no success, or that to the message.
    func send(
        to recipients: [String], subject: String, from sender: String = "sender@example.org"
    ) throws -> SMTPReply {
        var reply = try command("MAIL FROM:<\(sender)>")
        for recipient in recipients where reply.kind == "2" { reply = try command("RCPT TO:<\(recipient)>") }
        if reply.kind == "2" { reply = try command("DATA") }
        guard reply.kind == "3" else {
            _ = try command("RSET")
            return reply
        }
        return try command("From: <\(sender)>\r\nTo: undisclosed-recipients:;\r\nSubject: \(subject)\r\n\r\nbody\r\n.")
    }
}

/// Asks a server for many recipients, or sends it many messages, over as many connections at a time: it may think over each.
struct SMTPClients: Sendable {
    /// `127.0.0.1:PORT`.
    let endpoint: String

    /// Asks for each recipient.
    func ask(_ recipients: [String]) throws -> [SMTPReply] {
        try together(recipients) { try $0.ask($1) }
    }

    /// Sends a message to each recipient; `PREFIX-NUMBER` is its subject, by its place.
    func send(_ recipients: [String], subjects prefix: String) throws -> [SMTPReply] {
        try together(Array(recipients.enumerated())) {
            try $0.send(to: [$1.element], subject: "\(prefix)-\($1.offset)")
        }
    }

    private func together<Item: Sendable>(
        _ items: [Item], _ body: @Sendable (SMTPClient, Item) throws -> SMTPReply
    ) throws -> [SMTPReply] {
        let results = Mutex<[Int: Result<SMTPReply, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: items.count) { index in
            let result = Result { try body(SMTPClient(endpoint), items[index]) }
            results.withLock { $0[index] = result }
        }
        return try results.withLock { results in try items.indices.compactMap { try results[$0]?.get() } }
    }
}
