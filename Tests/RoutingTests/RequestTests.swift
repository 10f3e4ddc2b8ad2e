// Senders, error messages, and the settings that change an answer.

import Routing
import Testing

@Suite struct RequestTests {
    static let site = MemorySite([
        "thishost": ["here.example": ""],
        "aliases": ["alice": "elsewhere@x.example"],
        "fqdnaliases": ["bob@a.example": "alice"],
        "fqdnroutes": ["carol@a.example": "smtp-lmtp!n!Carol%2"],
        "routesdb": [
            ".:recipient": "smtp!rcpt", ".:sender": "smtp!sndr", ".:ERROR": "smtp!err", "x.example:sender": "uucp!x",
            "late.example": "delay!300",
        ],
    ])

    private func routes(_ address: String, _ change: (inout Resolver.Request) -> Void) throws -> [String] {
        var request = Resolver.Request()
        change(&request)
        return try Self.site.routes(address, request)
    }

    @Test(arguments: [
        ("alice", "local!alice!alice@here.example"), ("bob@a.example", "smtp!sndr!bob@a.example"),
        ("carol@a.example", "smtp!sndr!carol@a.example"), ("u@x.example", "uucp!x!u@x.example"),
        ("u@here.example", "local!u@here.example!u@here.example"),
        (":include:/x", "local!:include:/x!:include:/x@here.example"),
        ("<>", "error!<>!<>"),
    ])
    func aSenderIsNotExpanded(address: String, route: String) throws {
        #expect(try routes(address) { $0.role = .sender } == [route])
    }

    @Test func theNullSenderHasNotFailed() throws {
        var resolver = try Self.site.makeResolver()
        var request = Resolver.Request()
        request.role = .sender
        #expect(resolver.resolve(Array("<>".utf8).span, request).status == .routed)
    }

    @Test func theNullSenderHasNoNoticesOfTheAddressBefore() throws {
        var site = Self.site
        site.entries["aliases"]?["broken"] = "fg..dot"
        var resolver = try site.makeResolver()
        let notices = resolver.resolve(Array("broken".utf8).span).notices
        #expect(notices.count == 1)
        var request = Resolver.Request()
        request.role = .sender
        #expect(resolver.resolve(Array("<>".utf8).span, request).notices.isEmpty)
    }

    @Test func anErrorMessageHasADefaultRouteOfItsOwn() throws {
        #expect(try routes("u@y.example") { _ in } == ["smtp!rcpt!u@y.example"])
        // The key is stored as it stands here; a map compiled with -l would have folded it.
        #expect(try routes("u@y.example") { $0.isErrorMessage = true } == ["smtp!err!u@y.example"])
    }

    @Test func aDelayIsHeldUntilItsTime() throws {
        #expect(try routes("u@late.example") { _ in } == ["hold!1300!u@late.example"])
    }

    @Test func aTailKeepsItsCaseWhereTheSettingSaysSo() throws {
        var site = Self.site
        #expect(try site.routes("Carol+Work@A.example") == ["smtp-lmtp!n!Carol+work"])
        site.settings["preservetailcase"] = "1"
        #expect(try site.routes("Carol+Work@A.example") == ["smtp-lmtp!n!Carol+Work"])
    }

    @Test func aTraceHasEveryStepEveryLookupAndTheRoute() throws {
        let trace = Trace()
        var resolver = try Self.site.makeResolver(trace: trace)
        _ = resolver.resolve(Array("carol+t@a.example".utf8).span)
        let steps = trace.events.compactMap { event -> StepName? in
            if case .step(let name) = event { name } else { nil }
        }
        let lookups = trace.events.count { if case .lookup = $0 { true } else { false } }
        #expect(steps == [.exactAddress, .baseAddress])
        #expect(lookups == 4)
        guard case .route(let route, node: 0)? = trace.events.last else {
            Issue.record("the trace does not end with the route")
            return
        }
        #expect(route.text == "smtp-lmtp!n!Carol+t")
    }
}
