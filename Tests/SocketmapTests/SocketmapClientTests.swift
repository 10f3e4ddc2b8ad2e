// The client's half of the protocol, byte for byte: what is asked, and what each answer means.

import LookupProtocols
import Testing
import ZRouteTestKit

/// What an answer has to mean.
enum Meaning: Sendable, Equatable {
    case found(String)
    case absent
    /// A failure after which the connection goes on.
    case failed
    /// A failure after which it does not.
    case broken

    init?(_ answer: SocketmapClient.Answer?) {
        switch answer {
        case .found(let value): self = .found(String(decoding: value, as: UTF8.self))
        case .absent: self = .absent
        case .failed: self = .failed
        case .broken: self = .broken
        case nil: return nil
        }
    }
}

/// Answers in netstrings, and what they mean.
private let words: [(String, Meaning)] = [
    ("OK v", .found("v")), ("OK  v", .found(" v")), ("OK smtp-lmtp!n!u v", .found("smtp-lmtp!n!u v")),
    ("OK ü", .found("ü")),
    ("NOTFOUND ", .absent), ("NOTFOUND", .absent), ("NOTFOUND no such key", .absent), ("TEMP later", .failed),
    ("TEMP", .failed),
    ("TEMP ", .failed), ("TIMEOUT x", .failed), ("PERM x", .failed), ("OK", .failed), ("OK ", .failed),
    ("OK a\0b", .failed),
    ("OK a\nb", .failed), ("OK a\r", .failed), ("ok v", .broken), ("OKv", .broken), ("OK\tv", .broken),
    ("notfound ", .broken), ("NOTFOUND\0", .broken), ("", .broken), (" OK v", .broken), ("450 later", .broken),
    ("ERROR", .broken), ("NOT FOUND", .broken), ("NOTFOUNDx", .broken),
]

/// What is no netstring, or more than one.
private let noNetstrings: [String] = [
    "4:OK v;", "04:OK v,", " 4:OK v,", "-4:OK v,", "+4:OK v,", ":OK v,", "OK v\n", "4 :OK v,", "3:OK v,", "100001:",
    "1000000:",
    "99999999999999999999:", "9:NOTFOUND ,9:NOTFOUND ,", "9:NOTFOUND ,\n", "8:NOTFOUND ,",
]

/// Answers as bytes, and what they mean.
let meanings: [(answer: [UInt8], meaning: Meaning)] = {
    var rows: [(answer: [UInt8], meaning: Meaning)] = words.map { (netstring($0.0), $0.1) }
    for text in noNetstrings { rows.append((Array(text.utf8), .broken)) }
    let longest = String(repeating: "v", count: 99_997)
    rows.append((netstring("OK " + longest), .found(longest)))
    return rows
}()

extension SocketmapClient {
    /// What some bytes come to; nil where more has to come.
    fileprivate mutating func meaning(of bytes: some Sequence<UInt8>) -> Meaning? {
        let bytes = Array(bytes)
        let answer = take(bytes.span)
        return Meaning(answer)
    }
}

@Suite struct SocketmapClientTests {
    private func request(_ map: String, _ key: [UInt8]) -> [UInt8]? { SocketmapClient.request(map: map, key: key.span) }

    @Test func aRequestIsANetstringOfMapBlankAndKey() {
        let rows: [(map: String, key: String, request: String)] = [
            ("tr", "user@d.example", "17:tr user@d.example,"), ("", "", "1: ,"), ("m", "a b\tü", "8:m a b\tü,"),
        ]
        for row in rows { #expect(request(row.map, Array(row.key.utf8)) == Array(row.request.utf8)) }
        #expect(request("m", Array("a\0b".utf8)) == nil)
        #expect(request("m", [UInt8](repeating: 97, count: 99_999)) == nil)
        #expect(request("m", [UInt8](repeating: 97, count: 99_998)) != nil)
    }

    @Test(arguments: meanings)
    func anAnswerMeansWhatItSays(row: (answer: [UInt8], meaning: Meaning)) {
        var client = SocketmapClient()
        let whole = client.meaning(of: row.answer)
        #expect(whole == row.meaning)
        // Byte by byte the same, as soon as that is certain. What is in step after its last byte is not seen yet.
        client = SocketmapClient()
        var answers: [Meaning] = []
        for byte in row.answer {
            if let answer = client.meaning(of: [byte]) {
                answers.append(answer)
                break
            }
        }
        let isSurplus = row.answer.starts(with: Array("9:NOTFOUND ,".utf8))
        #expect(answers == [isSurplus ? .absent : row.meaning])
    }

    @Test func whatIsCutAtAnyByteIsNoAnswer() {
        var cuts = 0
        for (answer, _) in meanings {
            for length in 0..<min(answer.count, 300) {
                var client = SocketmapClient()
                guard let early = client.meaning(of: answer[..<length]) else {
                    cuts += 1
                    guard case .broken = client.isCutShort else {
                        Issue.record("cut at \(length)")
                        continue
                    }
                    continue
                }
                // What was wrong before the cut already, and what was whole.
                let isWhole = answer.starts(with: Array("9:NOTFOUND ,".utf8)) && length == 12
                #expect(early == .broken || isWhole, "\(String(decoding: answer, as: UTF8.self)) cut at \(length)")
            }
        }
        print("socketmap: \(meanings.count) answers, cut at \(cuts) places")
    }
}
