// The protocols of lookups as values: whole dialogues, cut into pieces of every size; what is no request; and that no status is
// ever shown as another.

import LookupProtocols
import Serve
import Testing
import ZRouteTestKit

@Suite struct ProtocolTests {
    /// What a client sends, and what it is told by an engine that finds `MAP|KEY`.
    struct Exchange: Sendable, CustomTestStringConvertible {
        let name: String
        let dialogue: @Sendable () -> any LookupDialogue
        let sent: String
        let said: String

        init(
            _ name: String, _ dialogue: @escaping @autoclosure @Sendable () -> any LookupDialogue, _ sent: String,
            _ said: String
        ) {
            (self.name, self.dialogue, self.sent, self.said) = (name, dialogue, sent, said)
        }

        var testDescription: String { name }
    }

    static let table = Array("route".utf8)
    static let exchanges = [
        Exchange("socketmap", Socketmap(), "11:alias a@b.c,", "14:OK alias|a@b.c,"),
        Exchange("socketmap, two", Socketmap(), "3:m k,5:mm kk,", "6:OK m|k,8:OK mm|kk,"),
        Exchange("socketmap, empty key", Socketmap(), "2:m ,", "5:OK m|,"),
        Exchange("socketmap, empty name", Socketmap(), "2: k,", "5:OK |k,"),
        Exchange("socketmap, key with blanks", Socketmap(), "7:m a b\tc,", "10:OK m|a b\tc,"),
        Exchange("socketmap, key with comma and colon", Socketmap(), "7:m a,b:c,", "10:OK m|a,b:c,"),
        Exchange("socketmap, leading zeros", Socketmap(), "003:m k,", "6:OK m|k,"),
        Exchange(
            "socketmap, as sendmail asks: one connection for all maps, and a key in lower case",
            Socketmap(), "18:zr key+t@d.example,21:access gone@d.example,18:zr key+t@d.example,",
            "21:OK zr|key+t@d.example,24:OK access|gone@d.example,21:OK zr|key+t@d.example,"),
        Exchange(
            "socketmap, no blank", Socketmap(), "1:m,3:m k,",
            "49:PERM a request is a map's name, a blank and a key,6:OK m|k,"),
        Exchange("socketmap, empty", Socketmap(), "0:,", "49:PERM a request is a map's name, a blank and a key,"),
        Exchange(
            "socketmap, no number", Socketmap(), "x:m k,",
            "57:PERM no netstring begins with its length and a colon here,(closed)"),
        Exchange(
            "socketmap, no length", Socketmap(), ":m k,",
            "57:PERM no netstring begins with its length and a colon here,(closed)"),
        Exchange(
            "socketmap, negative", Socketmap(), "-3:m k,",
            "57:PERM no netstring begins with its length and a colon here,(closed)"),
        Exchange(
            "socketmap, 10^18", Socketmap(), "1000000000000000000:m k,",
            "57:PERM no netstring begins with its length and a colon here,(closed)"),
        Exchange("socketmap, long", Socketmap(), "16385:m k", "38:PERM a request has at most 16384 bytes,(closed)"),
        Exchange(
            "socketmap, no comma", Socketmap(), "3:m k.", "48:PERM no comma stands at the end of the netstring,(closed)"
        ),
        Exchange("lines", Lines(), "route a@b\nalias c d\r\n\nroute e\n", "OK route|a@b\nOK alias|c d\n(closed)"),
        Exchange("lines, no blank", Lines(), "route\n", "PERM a request is a map's name, a blank and a key\n"),
        Exchange("lines, empty key", Lines(), "route \n", "OK route|\n"),
        Exchange("lines, a half", Lines(), "route a\nroute b", "OK route|a\n"),
        Exchange("tcp-table", TCPTable(map: table), "get a@b\nget c\n", "200 route|a@b\n200 route|c\n"),
        Exchange(
            "tcp-table, escaped", TCPTable(map: table), "get a%20b%25+c%2b%C3%A4\n", "200 route|a%20b%25+c+%C3%A4\n"),
        Exchange(
            "tcp-table, bad escape", TCPTable(map: table), "get a%zz\nget a%4\nget b\n",
            String(
                repeating: "400 a%20%25%20in%20a%20key%20is%20followed%20by%20two%20hexadecimal%20digits\n", count: 2)
                + "200 route|b\n"),
        Exchange(
            "tcp-table, put", TCPTable(map: table), "put a b\nGET a\nget\n",
            String(repeating: "400 a%20request%20is%20'get',%20a%20blank%20and%20a%20key\n", count: 3)),
        Exchange(
            "dict", Dict(), "H3\t2\t0\t\tzroute\nLshared/userdb/u7@e.org\tu7@e.org\nLshared/userdb/x\n",
            "Ouserdb|u7@e.org\nOuserdb|x\n"),
        Exchange(
            "dict, escaped", Dict(), "H3\t2\t0\t\tzroute\nLshared/userdb/a\u{1}tb\u{1}nc\u{1}1\u{1}0\tu\n",
            "Ouserdb|a\u{1}tb\u{1}nc\u{1}1\u{1}0\n"),
        Exchange(
            "dict, others", Dict(), "H3\t2\t0\t\tz\nB1\nSx\ty\nLpriv/x\nLshared/passdb/u\nLshared/userdb/\n",
            String(repeating: "Fonly lookups of shared/userdb/USER are answered\n", count: 5)),
        Exchange(
            "dict, no greeting", Dict(), "Lshared/userdb/u\n",
            "Fthe first line is no greeting of Dovecot's dict protocol\n(closed)"),
        Exchange(
            "http", HTTP(), "GET /route?address=a%2Bb+c@d HTTP/1.1\r\nHost: x\r\n\r\n",
            page("200 OK", "application/json", "page/route|a+b+c@d")),
        Exchange(
            "http, two, and one without body", HTTP(),
            "GET /health HTTP/1.1\r\n\r\nHEAD /metrics?x HTTP/1.1\nAccept: */*\n\n",
            page("200 OK", "text/plain; charset=utf-8", "page/health|")
                + page("200 OK", "text/plain; version=0.0.4; charset=utf-8", "page/metrics|", isHead: true)),
        Exchange(
            "http, 1.0", HTTP(), "GET /health HTTP/1.0\r\n\r\nGET /health HTTP/1.0\r\n\r\n",
            page("200 OK", "text/plain; charset=utf-8", "page/health|", isLast: true) + "(closed)"),
        Exchange(
            "http, close", HTTP(), "GET /health HTTP/1.1\r\nConnection: TE, Close\r\n\r\n",
            page("200 OK", "text/plain; charset=utf-8", "page/health|", isLast: true) + "(closed)"),
        Exchange(
            "http, unknown", HTTP(), "GET /x HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\n",
            page(
                "404 Not Found", "text/plain; charset=utf-8",
                "GET /graph, /route?address=, /trace?address=, /metrics or /health\n")
                + page("200 OK", "text/plain; charset=utf-8", "page/health|")),
        // Only what says what it may do is HTML.
        Exchange(
            "http, pictures", HTTP(), "GET / HTTP/1.1\r\n\r\nGET /graph?x HTTP/1.1\r\n\r\nGET //graph HTTP/1.1\r\n\r\n",
            String(repeating: page("200 OK", "text/plain; charset=utf-8", "page/graph|"), count: 2)
                + page(
                    "404 Not Found", "text/plain; charset=utf-8",
                    "GET /graph, /route?address=, /trace?address=, /metrics or /health\n")),
        Exchange(
            "http, no address", HTTP(), "GET /route HTTP/1.1\r\n\r\nGET /trace?address=%4 HTTP/1.1\r\n\r\n",
            page(
                "400 Bad Request", "text/plain; charset=utf-8",
                "write the address as /route?address=user@example.org\n")
                + page(
                    "400 Bad Request", "text/plain; charset=utf-8",
                    "write the address as /trace?address=user@example.org\n")),
        Exchange(
            "http, two addresses", HTTP(), "GET /route?address=a@b&x&address=c@d HTTP/1.1\r\n\r\n",
            page(
                "400 Bad Request", "text/plain; charset=utf-8",
                "write the address as /route?address=user@example.org\n")),
        Exchange(
            "http, content", HTTP(), "GET /health HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
            page("400 Bad Request", "text/plain; charset=utf-8", "a request has no content here\n", isLast: true)
                + "(closed)"),
        Exchange(
            "http, none", HTTP(), "hello\r\n\r\n",
            page(
                "400 Bad Request", "text/plain; charset=utf-8", "the first line is no request of HTTP/1.1\n",
                isLast: true)
                + "(closed)"),
    ]

    /// An answer over HTTP.
    private static func page(
        _ status: String, _ type: String, _ text: String, isHead: Bool = false, isLast: Bool = false
    ) -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(text.utf8.count)\r\n"
            + "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\(isLast ? "Connection: close\r\n" : "")\r\n"
            + (isHead ? "" : text)
    }

    @Test(arguments: counted("dialogues, in pieces of every size", exchanges))
    func saysWhatTheProtocolHas(_ exchange: Exchange) {
        for pieces in 1...exchange.sent.utf8.count {
            let said = Dialogue.play(exchange.dialogue(), exchange.sent, pieces: pieces)
            #expect(said == exchange.said, "in pieces of \(pieces)")
        }
    }

    struct Word: Sendable {
        let dialogue: @Sendable () -> any LookupDialogue
        let sent: String
        let words: [LookupStatus: String]
    }

    static let words = [
        Word(
            dialogue: { Socketmap() }, sent: "3:m k,",
            words: [.found: "6:OK ", .absent: "12:NOTFOUND ", .failed: "8:TEMP ", .refused: "8:PERM "]),
        Word(
            dialogue: { Lines() }, sent: "m k\n",
            words: [.found: "OK ", .absent: "NOTFOUND ", .failed: "TEMP ", .refused: "PERM "]),
        Word(
            dialogue: { TCPTable(map: table) }, sent: "get k\n",
            words: [.found: "200 ", .absent: "500 ", .failed: "400 ", .refused: "400 "]),
        Word(
            dialogue: { HTTP() }, sent: "GET /health HTTP/1.1\r\n\r\n",
            words: [
                .found: "HTTP/1.1 200 ", .absent: "HTTP/1.1 404 ", .failed: "HTTP/1.1 503 ",
                .refused: "HTTP/1.1 400 ",
            ]),
        Word(
            dialogue: { Dict() }, sent: "H3\nLshared/userdb/k\n",
            words: [.found: "O", .absent: "N\n", .failed: "F", .refused: "F"]),
    ]

    @Test(arguments: words) func noStatusIsShownAsAnother(_ word: Word) {
        for status in LookupStatus.allCases {
            let said = Dialogue.play(word.dialogue(), word.sent, status: status)
            #expect(said.hasPrefix(word.words[status] ?? "-"))
        }
    }

    /// What a page may do is said with it alone, and not with the next answer in the same memory.
    @Test func aPolicyIsThatOfItsAnswer() {
        var dialogue = HTTP()
        var (position, output, request, reply) = (0, [UInt8](), LookupRequest(), LookupReply())
        let sent = Array("GET /graph HTTP/1.1\r\n\r\nGET /graph HTTP/1.1\r\n\r\n".utf8)
        #expect(dialogue.next(sent.span, from: &position, into: &request, output: &output) == .request)
        reply.set(.found, "<p>x</p>")
        reply.policy = "default-src 'none'"
        dialogue.reply(reply, to: &output)
        let first = String(decoding: output, as: UTF8.self)
        #expect(first.contains("Content-Type: text/html; charset=utf-8\r\n"))
        #expect(first.contains("\r\nContent-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\n"))
        output = []
        #expect(dialogue.next(sent.span, from: &position, into: &request, output: &output) == .request)
        reply.set(.failed, "<p>x</p>")
        dialogue.reply(reply, to: &output)
        let second = String(decoding: output, as: UTF8.self)
        #expect(
            second.contains("Content-Type: text/plain; charset=utf-8\r\n") && !second.contains("Policy"), "\(second)")
    }

    /// Postfix takes a bare word for an absence, and sendmail crashes of one.
    @Test func anAnswerWithoutTextHasSome() {
        for word in Self.words {
            for status in LookupStatus.allCases {
                var dialogue = word.dialogue()
                var (position, output, request) = (0, [UInt8](), LookupRequest())
                let sent = Array(word.sent.utf8)
                #expect(dialogue.next(sent.span, from: &position, into: &request, output: &output) == .request)
                var reply = LookupReply()
                reply.begin(status)
                dialogue.reply(reply, to: &output)
                let said = String(decoding: output, as: UTF8.self)
                #expect(!said.contains(":OK,") && !said.contains(":NOTFOUND,"))
                #expect(!said.hasSuffix("OK ,") && !said.hasSuffix("OK,") && !said.hasSuffix(" \n"), "\(said)")
            }
        }
    }

    @Test func whatPostfixDoesNotTakeFails() {
        let long = String(repeating: "v", count: 99_995)
        #expect(Self.answer(Socketmap(), "3:m k,", value: long + "vv").hasPrefix("100000:OK vv"))
        #expect(Self.answer(Socketmap(), "3:m k,", value: long + "vvv").contains("TEMP the answer has more than"))
        let line = String(repeating: "v", count: 4091)
        #expect(Self.answer(TCPTable(map: Self.table), "get k\n", value: line) == "200 \(line)\n")
        #expect(Self.answer(TCPTable(map: Self.table), "get k\n", value: line + "v").hasPrefix("400 "))
        #expect(Self.answer(TCPTable(map: Self.table), "get k\n", value: line + "v", .absent) == "500 -\n")
    }

    /// A value can hold any byte; none of them may be the end of an answer.
    @Test func aValueCannotBeTwoAnswers() {
        let value = "a\r\nNOTFOUND b\n\u{0}c\u{1}\td"
        #expect(Self.answer(Lines(), "m k\n", value: value) == "OK a  NOTFOUND b  c\u{1}\td\n")
        #expect(
            Self.answer(TCPTable(map: Self.table), "get k\n", value: value)
                == "200 a%0D%0ANOTFOUND%20b%0A%00c%01%09d\n")
        #expect(
            Self.answer(Dict(), "H3\nLshared/userdb/k\n", value: value)
                == "Oa\u{1}r\u{1}nNOTFOUND b\u{1}n\u{1}0c\u{1}1\u{1}td\n")
        #expect(Self.answer(Socketmap(), "3:m k,", value: value) == "\(value.utf8.count + 3):OK \(value),")
    }

    private static func answer(
        _ dialogue: some LookupDialogue, _ sent: String, value: String, _ status: LookupStatus = .found
    ) -> String {
        var dialogue = dialogue
        var (position, output, request) = (0, [UInt8](), LookupRequest())
        _ = dialogue.next(Array(sent.utf8).span, from: &position, into: &request, output: &output)
        var reply = LookupReply()
        reply.set(status, value)
        dialogue.reply(reply, to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}
