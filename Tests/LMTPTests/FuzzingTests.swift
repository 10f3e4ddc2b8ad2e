// The entry point of fuzzing: any bytes as a server's side of a session. Link it to libFuzzer by calling it from
// `LLVMFuzzerTestOneInput`; here random bytes and damaged dialogues go through it.

import LMTP
import Testing
import ZRouteTestKit

/// Drives a session with bytes that choose its settings, its envelopes, and what the server says.
///
/// - Returns: false if a promise was broken: a transaction without exactly one report, or more than one closing.
public func fuzzClientSession(_ bytes: [UInt8]) -> Bool {
    var input = bytes[...]
    let settings = input.popFirst() ?? 0
    let counts = input.popFirst() ?? 0
    guard var options = try? ClientOptions(dialect: settings & 1 == 0 ? .lmtp : .smtp, helloName: [0x78]) else {
        return true
    }
    options.usesPipelining = settings & 2 == 0
    options.prefersChunking = settings & 4 != 0
    options.tls = settings & 8 == 0 ? .never : settings & 16 == 0 ? .opportunistic : .required
    if settings & 32 != 0 {
        options.authentication = Authentication(Credentials(user: [1], secret: [2]), isRequired: false) { $0 + $1 }
    }
    options.recordsTranscript = settings & 64 != 0
    var session = ClientSession(options: options)
    let transactions = Int(counts & 3)
    var reported = Set<Int>()
    var closings = 0
    var isSound = true
    for number in 0..<transactions {
        let users = (0..<Int(counts >> 2 & 3)).map { EnvelopeRecipient([0x61 + UInt8($0 + number)]) }
        _ = session.enqueue(Envelope(sender: [], recipients: users, bodyType: .sevenBit, length: .exact(3)))
    }
    func carryOut() {
        while let action = session.nextAction() {
            switch action {
            case .send: break
            case .sendBody: if settings & 128 == 0 { session.bodyWritten(octets: 3) }
            case .relayed, .relayEnded: break
            case .startTLS: session.tlsEstablished()
            case .finished(let report):
                if !reported.insert(report.id.rawValue).inserted { isSound = false }
                for index in report.recipients.indices { _ = report.dialogue(recipient: index) }
            case .close: closings += 1
            }
        }
    }
    session.connected()
    session.quit()
    while let size = input.popFirst() {
        let piece = Array(input.prefix(Int(size)))
        input = input.dropFirst(Int(size))
        session.receive(piece.span)
        carryOut()
    }
    session.connectionClosed("end")
    carryOut()
    _ = try? SevenBitConversion.convert(bytes)
    return isSound && closings == 1 && reported.count == transactions && session.isClosed
}

@Suite struct FuzzingTests {
    @Test func damagedDialoguesNeverBreakAPromise() {
        var random = SeededNumbers(seed: 2026)
        let lines = [
            "220 hi", "250-x", "250-PIPELINING", "250-CHUNKING", "250-STARTTLS", "250-AUTH LOGIN PLAIN CRAM-MD5",
            "250 SIZE",
            "250 ok", "250 2.1.5 ok", "354 go", "334 YQ==", "450 4.2.1 x", "550 5.1.1 x", "503 x", "421 bye", "221 bye",
            "", "x", "250", "220 go", "235 in",
        ]
        let count = 10_000
        for _ in 0..<count {
            var bytes: [UInt8] = [UInt8.random(in: 0...255, using: &random), UInt8.random(in: 0...255, using: &random)]
            for line in ["220 hi", "250-x", "250 PIPELINING"].prefix(Int.random(in: 0...3, using: &random))
                + (0..<Int.random(in: 0..<14, using: &random)).map({ _ in lines.randomElement(using: &random) ?? "" })
            {
                var text = Array((line + "\r\n").utf8)
                if Int.random(in: 0..<20, using: &random) == 0 {
                    text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                bytes += [UInt8(text.count)] + text
            }
            let isSound = fuzzClientSession(bytes)
            if !isSound { Issue.record("\(bytes)") }
        }
        print("FuzzingTests: \(count) damaged dialogues")
    }
}
