// The table of what a server can do at one place of a dialogue, and what must come of two recipients: derived from what
// the protocol says, not from the client.

import LMTP
import ZRouteTestKit

/// Where in a dialogue with two recipients a server misbehaves.
enum FaultPlace: String, Sendable, CaseIterable {
    case greeting, hello, startTLS, demandedTLS, authentication, mail, firstRecipient, secondRecipient, data, body
    case firstFinal, secondFinal, reset, quit

    var step: ScriptedStep {
        switch self {
        case .greeting: .greeting
        case .hello: .hello
        case .startTLS, .demandedTLS: .startTLS
        case .authentication: .authentication
        case .mail: .mail
        case .firstRecipient, .secondRecipient: .recipient
        case .data: .data
        case .body: .body
        case .firstFinal, .secondFinal: .final
        case .reset: .reset
        case .quit: .quit
        }
    }
}

/// What it does there.
enum Fault: Sendable, Hashable {
    /// A reply of a class, and the last word of its kind: `nil` where it is no verdict.
    case reply(String, Verdict?)
    /// Bytes that are no reply.
    case malformed(String)
    /// The end of the connection, or silence, after some bytes of a reply or none.
    case ending(String, ScriptedAction)

    enum Verdict: Sendable { case success, deferral, failure }

    /// What the bytes say about what they answer; nil where they say nothing, and the session is over.
    var verdict: Verdict? {
        if case .reply(_, let verdict) = self { verdict } else { nil }
    }

    var isStall: Bool {
        switch self {
        case .ending(_, .stall), .ending(_, .silence): true
        default: false
        }
    }

    /// All there are; a success is of its place.
    static let all: [Fault] =
        [
            .reply("150 wait", nil), .reply("350 more", nil), .reply("421 4.3.2 closing", nil),
            .reply("450 4.2.0 later", .deferral), .reply("451 later", .deferral), .reply("499 odd", .deferral),
            .reply("452-4.2.2 not\n452-now\n452 4.2.2 later", .deferral),
            .reply("550 5.1.1 never", .failure), .reply("554", .failure), .reply("599 odd", .failure),
            .reply("552-5.2.2 not\n552-ever\n552 5.2.2 really", .failure),
            .malformed("\r\n"), .malformed("hello\r\n"), .malformed("25\r\n"), .malformed("2500 ok\r\n"),
            .malformed("650 what\r\n"), .malformed("050 what\r\n"), .malformed("250_ok\r\n"),
            .malformed("250-a\r\n450 b\r\n"), .malformed("550-a\r\n250 b\r\n"), .malformed("250 a\rb\r\n"),
            .malformed("\u{0}\u{0}\u{0}\r\n"), .malformed("HTTP/1.1 400 Bad Request\r\n"),
            .malformed("250 " + String(repeating: "x", count: 70_000) + "\r\n"),
            .malformed(String(repeating: "x", count: 200_000)),
            .malformed(String(repeating: "250-a\r\n", count: 4_100) + "250 end\r\n"),
        ]
        + ["", "2", "250", "250 ok", "250 ok\r", "250-ok\r\n", "550-no\r\n5"].flatMap { begun in
            [ScriptedAction.close, .reset, .halfClose].map { .ending(begun, $0) }
        }
        + ["", "25", "250-ok\r\n", "550 5.1.1 no\r"].map { .ending($0, .stall) }
}

/// One line of the table.
struct FaultCase: Sendable, CustomStringConvertible {
    typealias Outcome = RecipientReport.Outcome

    let place: FaultPlace
    let fault: Fault
    let isPipelined: Bool
    let writing: Writing

    var description: String {
        let what =
            switch fault {
            case .reply(let text, _), .malformed(let text): String(text.prefix(40)).debugDescription
            case .ending(let begun, let action): "\(begun.debugDescription) then \(action)"
            }
        return "\(place): \(what), pipelined \(isPipelined), \(writing)"
    }

    /// Every fault at a place, pipelined and not, in one piece, byte by byte, and joined with its neighbours.
    static func all(at place: FaultPlace) -> [FaultCase] {
        var cases: [FaultCase] = []
        for fault in Fault.all where !(place == .body && fault.isSilence) {
            for isPipelined in [true, false] {
                for writing in Writing.allCases {
                    // Waiting for nothing is the same however nothing is written.
                    if fault.isStall, writing != .plain { continue }
                    // A hundred thousand writes of a byte show no more than a few.
                    if fault.isLong, writing == .bytewise { continue }
                    cases.append(.init(place: place, fault: fault, isPipelined: isPipelined, writing: writing))
                }
            }
        }
        return cases
    }

    /// What the two recipients must come to.
    var outcomes: [Outcome] {
        let verdict: Outcome =
            switch fault.verdict {
            case .success: .delivered
            case .failure: .failed
            case .deferral, nil: .deferred
            }
        let isBroken = fault.verdict == nil
        return switch place {
        case .greeting, .hello, .demandedTLS, .authentication: [.deferred, .deferred]
        // Without demand a refusal is put up with.
        case .startTLS: isBroken ? [.deferred, .deferred] : [.delivered, .delivered]
        case .mail, .data: [verdict, verdict]
        case .firstRecipient: isBroken ? [.deferred, .deferred] : [verdict, .delivered]
        case .secondRecipient: isBroken ? [.deferred, .deferred] : [.delivered, verdict]
        // Whatever comes before the message has ended is an answer to nothing.
        case .body: [.deferred, .deferred]
        case .firstFinal: isBroken ? [.deferred, .deferred] : [verdict, .delivered]
        case .secondFinal: [.delivered, verdict]
        // Both recipients were refused before it comes to that.
        case .reset: [.failed, .failed]
        case .quit: [.delivered, .delivered]
        }
    }

    /// The server that behaves so, on its first connection.
    var script: ServerScript {
        var script = ServerScript()
        script.keywords += ["STARTTLS", "AUTH PLAIN"]
        if !isPipelined { script.keywords.removeAll { $0 == "PIPELINING" } }
        script.writing = writing
        script.connectionLimit = 1
        let action: ScriptedAction =
            switch fault {
            case .reply(let text, _): .reply(text)
            case .malformed(let text): .bytes(text)
            case .ending("", let action): action
            case .ending(let begun, let action): .bytesThen(begun, action)
            }
        script.actions[place.step] =
            switch place {
            case .secondRecipient, .secondFinal: [.usual, action, .usual]
            default: [action, .usual]
            }
        if place == .reset { script.actions[.recipient] = [.reply("550 5.1.1 no")] }
        return script
    }
}

extension Fault {
    fileprivate var isSilence: Bool { self == .ending("", .silence) }

    fileprivate var isLong: Bool {
        if case .malformed(let text) = self { text.utf8.count > 1000 } else { false }
    }
}
