// Where a service is told to listen.

import Service
import Testing

@Suite struct EndpointTests {
    @Test(
        arguments: [
            ("unix:/run/zroute/lmtp", .unix("/run/zroute/lmtp"), "/run/zroute/lmtp"),
            ("UNIX:relative", .unix("relative"), "relative"),
            ("127.0.0.1:2424", .tcp(.named("127.0.0.1"), port: 2424), "127.0.0.1:2424"),
            ("store.example.org:0", .tcp(.named("store.example.org"), port: 0), "store.example.org:0"),
            ("[::1]:24", .tcp(.named("::1"), port: 24), "[::1]:24"),
            ("::1:24", .tcp(.named("::1"), port: 24), "[::1]:24"),
            (":2424", .tcp(.loopback, port: 2424), ":2424"), ("*:2424", .tcp(.any, port: 2424), "*:2424"),
            ("systemd", .handedOver(name: nil), "systemd"),
            ("systemd:lmtp", .handedOver(name: "lmtp"), "systemd:lmtp"),
            ("systemd:25", .tcp(.named("systemd"), port: 25), "systemd:25"),
        ] as [(String, ListeningEndpoint, String)])
    func itIsRead(text: String, endpoint: ListeningEndpoint, shown: String) {
        #expect(ListeningEndpoint(text) == endpoint)
        #expect(endpoint.description == shown)
    }

    @Test(arguments: [
        "", "unix:", "unix:a\0b", "2424", "host", "host:", "host:x", "host:-1", "host:+1", "host:65536", "a b:1",
        "a/b:1",
        "/path:1", "systemd:", "h\u{E9}:1", "host:99999999999999999999", "[]:1",
    ])
    func whatIsNoneIsRefused(text: String) { #expect(ListeningEndpoint(text) == nil) }
}
