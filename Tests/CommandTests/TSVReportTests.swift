// The TSV form of route-test against its JSON form: fields that hold separators, control characters and any other bytes
// come back as they were.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct TSVReportTests {
    let site: TestSite

    init() throws {
        site = try TestSite()
        // Without the live map, which no test here needs.
        try site.place.write(
            "fqdnroutes $DBTYPE - -l $MAILVAR/db/routes -lm%\naliases NONE - - - -\nfqdnaliases NONE - - - -\n"
                + "routesdb NONE - - - -\nthishost NONE - - - -\n", to: "db/dbases.conf")
    }

    /// The answers of both forms to the same lines of input.
    private func answers(to input: [UInt8]) throws -> (tsv: [[UInt8]], json: [[UInt8]]) {
        let tsv = try site.run(["route-test", "--format", "tsv"], input: input)
        let json = try site.run(["route-test", "--format", "json"], input: input)
        #expect([0, 67].contains(tsv.status) && tsv.status == json.status, "\(tsv.errorText)")
        return (lines(tsv.output), lines(json.output))
    }

    private func lines(_ output: [UInt8]) -> [[UInt8]] {
        output.split(separator: 0x0A).map(Array.init)
    }

    /// The address and the routes of a JSON answer, the routes as `channel!host!user`.
    private func parse(json line: [UInt8]) throws -> (address: [UInt8], routes: [[UInt8]]) {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        let routes = try #require(object["routes"] as? [[String: Any]])
        return (
            try bytes(object["address"]),
            try routes.map { route in
                Array(try ["channel", "host", "user"].map { try bytes(route[$0]) }.joined(separator: [0x21]))
            }
        )
    }

    /// Text, or what stands for it where the bytes are no text.
    private func bytes(_ value: Any?) throws -> [UInt8] {
        if let text = value as? String { return Array(text.utf8) }
        let encoded = try #require((value as? [String: String])?["base64"])
        return Array(try #require(Data(base64Encoded: encoded)))
    }

    /// The routes of the second column, their escapes resolved.
    private func parse(tsv column: some Collection<UInt8>) throws -> [[UInt8]] {
        let escapes: [UInt8: UInt8] = [0x5C: 0x5C, 0x3B: 0x3B, 0x74: 0x09, 0x6E: 0x0A, 0x72: 0x0D]
        var routes: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in column {
            if isEscaped {
                routes[routes.count - 1].append(try #require(escapes[byte], "an unknown escape"))
                isEscaped = false
            } else if byte == 0x5C {
                isEscaped = true
            } else if byte == 0x3B {
                routes.append([])
            } else {
                routes[routes.count - 1].append(byte)
            }
        }
        #expect(!isEscaped)
        return routes
    }

    private func expectSame(_ input: [UInt8], count: Int) throws {
        // Values that no owner of a map means.
        try site.succeed(["newdb", "--allow", "all"])
        let (tsv, json) = try answers(to: input)
        #expect(tsv.count == count && json.count == count)
        for (tsvLine, jsonLine) in zip(tsv, json) {
            let wanted = try parse(json: jsonLine)
            let columns = tsvLine.split(separator: 0x09, omittingEmptySubsequences: false)
            #expect(columns.count == 2)
            // The first column is for joining: what ends it is escaped, and nothing else.
            let typed = wanted.address.flatMap { $0 == 0x09 ? [0x5C, 0x74] : $0 == 0x0D ? [0x5C, 0x72] : [$0] }
            #expect(columns.first.map(Array.init) == typed)
            #expect(try parse(tsv: columns.last ?? []) == wanted.routes)
        }
    }

    @Test(arguments: [
        "smtp!host!user", "smtp;x!host!user", "smtp!ho;st!us;er", "smtp!h\\st!us\\;er", "smtp!ho\tst!user",
        "smtp!host!us\\ter\\", "smtp!host!us\u{1}er\u{7F}", ";!;!;", "smtp!host!;", "smtp!é!ü", "smtp!host!user\r",
        "smtp!a host of more than eight bytes!a user of more than eight bytes;", "error!no;body \\ here\tat all",
    ])
    func escapeWhatSeparatesInValuesOfMapsAndInAddresses(value: String) throws {
        try site.write(routes: "user@x.example \(value)\n@y.example smtp!%1!%4\n")
        let addresses = [
            "user@x.example", "\"q;u\"@y.example", "\"q\\\\u\"@y.example", "a b;\\\tc@y.example", "n@y.example",
        ]
        try expectSame(Array((addresses.joined(separator: "\n") + "\n").utf8), count: addresses.count)
    }

    @Test func ofAnyBytesAreTheAnswersInJSON() throws {
        let telling = Array(";\\!\t\r \"%a@.".utf8) + [0x01, 0x1F, 0x7F, 0x80, 0xC3, 0xA9, 0xFF]
        var generator = SystemRandomNumberGenerator()
        func text(_ lengths: ClosedRange<Int>) -> [UInt8] {
            (0..<Int.random(in: lengths, using: &generator)).map { _ in
                telling[Int.random(in: 0..<telling.count, using: &generator)]
            }
        }
        let count = 400
        var routes: [UInt8] = []
        var input: [UInt8] = []
        for number in 0..<count {
            routes += Array("u\(number)@x.example smtp!".utf8) + text(0...20) + [0x21] + text(0...20) + [0x0A]
            input += Array("u\(number)@x.example\n".utf8) + [0x61] + text(0...20) + [0x0A]
        }
        try site.place.write(routes, to: "db/routes")
        try expectSame(input, count: 2 * count)
    }
}
