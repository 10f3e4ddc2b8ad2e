// Whatever stands in router/: a clear outcome for it, nothing lost, and the rest goes on.

import Bytes
import Glibc
import Maps
import QueueRouting
import Routing
import Spool
import Testing
import ZRouteTestKit

@Suite struct HostileTests {
    private static let good = "from <a@b.example>\nto <alice@example.org>\nenv-end\nSubject: s\n\nbody\n"

    @Test func whatIsNoFileIsPassedOver() throws {
        let site = try TestSite()
        let router = "\(site.spool)/router"
        try site.write("secret", to: "outside")
        #expect(symlink("\(site.path)/outside", "\(router)/link") == 0)
        #expect(symlink("\(router)/nowhere", "\(router)/dangling") == 0)
        #expect(mkfifo("\(router)/fifo", 0o600) == 0)
        #expect(mkdir("\(router)/directory", 0o700) == 0)
        try site.submit(Self.good)
        try site.submit("half written", as: ".hidden")
        #expect(try site.route().map(\.isRouted) == [true])
        #expect(try site.names("router") == [".hidden", "dangling", "directory", "fifo", "link"])
        let refused = try PostOffice(path: site.spool).submissions().refused
        #expect(
            refused.map(\.reason).sorted() == [
                "a directory", "a symbolic link", "a symbolic link", "not a regular file",
            ])
        // Named all the same, they are refused one by one.
        let reports = Reports()
        try site.spoolRun().route(["link", "fifo", "directory"].compactMap { MessageName($0) }, hooks: reports.hooks)
        #expect(reports.all.compactMap(\.postponement).count == 3)
    }

    @Test(
        arguments: [
            [], Array("\n".utf8), Array("garbage".utf8), (0...255).map { UInt8($0) },
            [UInt8](repeating: 0, count: 100_000),
            Array("env-end\n\n".utf8),
            Array("from\nto <c@d>\n\nx".utf8), Array(repeating: 0xFF, count: 40_000), Array("from <a@b>\n\nx\n".utf8),
            Array("todsn \0\nfrom <a@b>\nto <c@d>\nenvid \0\nenv-end\n\nx\n".utf8),
        ] as [[UInt8]])
    func whatIsNoMessageIsPutAsideWhole(content: [UInt8]) throws {
        let site = try TestSite()
        try site.put(content, at: "postoffice/router/bad")
        try site.submit(Self.good)
        let reports = try site.route()
        #expect(reports.count { $0.isRouted } == 1)
        #expect(reports.count { $0.rejection != nil } == 1)
        let name = try #require(try site.names("postman").first)
        #expect(try site.read("postman/\(name)") == content)
        #expect(try !site.read("postman/\(name).reason").isEmpty)
        #expect(try site.names("router").isEmpty && site.names("transport").count == 1)
    }

    @Test func aHeaderOfAMegabyteAndABodyOfFifty() throws {
        let site = try TestSite()
        let field = "X-Long: " + String(repeating: "0123456789 abcdef\n ", count: 60_000) + "end\n"
        var message = Array("from <a@b.example>\nto <alice@example.org>\nenv-end\n\(field)\n".utf8)
        message += [UInt8](repeating: UInt8(ascii: "x"), count: 50 << 20)
        try site.put(message, at: "postoffice/router/large")
        #expect(try site.route().map(\.isRouted) == [true])
        let control = try #require(try site.controlFiles().first)
        let header = try #require(control.recipients.first.flatMap { control.header(of: $0) })
        #expect(text(header).contains(field))
        #expect(control.bodyOffset == message.count - (50 << 20))
    }

    @Test func tenThousandRecipients() throws {
        let site = try TestSite()
        let recipients = (0..<10_000).map { "to <user\($0)@virt.example>\n" }.joined()
        try site.submit("from <a@b.example>\n\(recipients)env-end\n\nx\n")
        #expect(try site.route().first?.deliveries.count == 10_000)
        let control = try #require(try site.controlFiles().first)
        let expected = (0..<10_000).map { "smtp-lmtp!cyrus!user\($0)@virt.example" }
        #expect(control.recipients.map { text(of: $0.address) } == expected)
    }

    @Test func runsAtOnceRouteEveryMessageOnce() async throws {
        let site = try TestSite()
        for number in 0..<300 {
            try site.submit("from <a@b.example>\nto <user\(number)@virt.example>\nenv-end\n\nx\n", as: "s\(number)")
        }
        let routed = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<3 {
                group.addTask { try site.route(jobs: 4).count { $0.isRouted } }
            }
            return try await group.reduce(0, +)
        }
        #expect(routed == 300)
        #expect(try site.pending() == (0..<300).map { "smtp-lmtp!cyrus!user\($0)@virt.example" }.sorted())
        #expect(try site.names("router").isEmpty)
        #expect(try site.names("queue") == site.names("transport"))
    }

    @Test func aWriterMayTakeItsTimeWhereTheRunWaitsForIt() throws {
        let site = try TestSite()
        try site.submit("from <a@b.example>\n")
        var options = SpoolRunOptions()
        options.settling = 3600
        let reports = Reports()
        try site.spoolRun(options).route([try #require(MessageName("message"))], hooks: reports.hooks)
        #expect(reports.all.first?.postponement?.contains("left for later") == true)
        #expect(try site.names("router") == ["message"])
        try site.submit(Self.good)
        #expect(try site.route().map(\.isRouted) == [true])
    }

    @Test(arguments: [0, 60] as [Int64])
    func aFileDatedByAnotherClockDoesNotWaitForEver(settling: Int64) throws {
        let site = try TestSite()
        try site.submit("from <a@b.example>\n")
        let future = timespec(tv_sec: time(nil) + 3600, tv_nsec: 0)
        #expect(utimensat(AT_FDCWD, site.spool + "/router/message", [future, future], 0) == 0)
        var options = SpoolRunOptions()
        options.settling = settling
        let reports = Reports()
        try site.spoolRun(options).route([try #require(MessageName("message"))], hooks: reports.hooks)
        #expect(try site.names("router").isEmpty && site.names("postman").count == 2)
    }

    /// A message has up to thousands of answers at a time: none may keep what its address was on the way.
    @Test func answersHoldOnlyTheirRoutes() throws {
        let site = try TestSite()
        let makeResolver = try site.resolverMaker()
        let here = String(repeating: "%store.example.net", count: 50) + "@store.example.net"
        let address = Array((String(repeating: "u", count: 1000) + here).utf8)
        let routers: [any AddressRouter] = [
            ResolverRouter(makeResolver()),
            SupervisedRouter(health: ResourceHealth(deadline: .seconds(60))) { _ in makeResolver() },
        ]
        for router in routers {
            let answers = router.resolve([AddressQuestion([address, address], Resolver.Request())])
            #expect(answers.first?.count == 2)
            for answer in answers.joined() {
                #expect(answer.failure == nil)
                let kept = answer.routes.reduce(0) { $0 + $1.channel.count + $1.host.count + $1.user.count }
                #expect(answer.routes.count == 1 && kept <= 4 * address.count)
            }
        }
        withExtendedLifetime(site) {}
    }
}
