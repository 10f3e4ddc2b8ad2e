// Both services as their manager sees them, and with a spool that is moved under them.

import Foundation
import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct SpoolServiceTests {
    private static func start(
        _ service: RoutingService, _ site: TestSite, _ listener: NotificationListener, watchdog: Int? = nil
    ) throws -> RunningProgram {
        var environment = ["NOTIFY_SOCKET": listener.path]
        if let watchdog { environment["WATCHDOG_USEC"] = "\(watchdog)" }
        return try site.start(service.arguments(deliveringTo: "/none"), environment: environment)
    }

    /// Readiness, the watchdog, a reload, and the end.
    @Test(arguments: RoutingService.allCases)
    func itTellsItsManagerHowItFares(service: RoutingService) throws {
        let site = try TestSite(.text)
        let listener = try NotificationListener(site.place.file("notify"))
        let program = try Self.start(service, site, listener, watchdog: 400_000)
        #expect(try listener.next()?.hasPrefix("READY=1") == true)
        func hears(_ state: String) throws -> Bool {
            while let next = try listener.next() { if next.hasPrefix(state) { return true } }
            return false
        }
        #expect(try hears("WATCHDOG=1") && (try hears("WATCHDOG=1")))
        #expect(program.errors.contains("zroute: start command="), "\(program.errors)")
        #expect(program.errors.contains("fqdnroutes (text:\(site.place.file("db/fqdnroutes")))"))
        // Another map.
        try site.place.write("@example.org smtp-lmtp!other!%1@example.org\n", to: "db/second")
        let maps = try String(contentsOfFile: site.place.file("db/dbases.conf"), encoding: .utf8)
        try site.place.write(maps.replacing("db/fqdnroutes", with: "db/second"), to: "db/dbases.conf")
        program.send(SIGHUP)
        #expect(try hears("RELOADING=1") && (try hears("READY=1")))
        #expect(program.errors.contains("zroute: reload command="), "\(program.errors)")
        try site.submit(to: "one", as: "one")
        #expect(try holds { program.output.contains("route=smtp-lmtp!other!one@example.org") }, "\(program.errors)")
        // Its text maps are watched as those at the start were.
        try site.place.write("@example.org smtp-lmtp!other!%1@example.org\nnonsense x\n", to: "db/second")
        #expect(try holds { program.errors.contains("db/second:2: ") }, "\(program.errors)")
        try site.place.write("@example.org smtp-lmtp!other!%1@example.org\n", to: "db/second")
        // It stays with its spool.
        let settings = try String(contentsOfFile: site.place.file("zmailer.conf"), encoding: .utf8)
        try site.place.write(settings.replacing("/post\n", with: "/another\n"), to: "zmailer.conf")
        program.send(SIGHUP)
        #expect(try hears("RELOADING=1") && (try hears("READY=1")))
        #expect(program.errors.contains("/another now, and the service stays with \(site.place.file("post"))"))
        let effect = try #require(program.errors.split(separator: "\n").last { $0.contains("zroute: reload ") })
        #expect(effect.contains("spool=\(site.place.file("post")) "), "\(effect)")
        try site.submit(to: "two", as: "two")
        #expect(try holds { program.output.contains("route=smtp-lmtp!other!two@example.org") }, "\(program.errors)")
        program.send(SIGTERM)
        #expect(program.wait() == 0)
        #expect(try listener.rest().contains { $0.hasPrefix("STOPPING=1") })
        #expect(program.errors.contains("zroute: stop command="))
    }

    /// A configuration that cannot be used: where it is, and what is wrong with it; nil where it is not there.
    struct Unusable: Sendable {
        let file: String
        var content: String?
        let reason: String

        static let all = [
            Unusable(file: "zmailer.conf", reason: "zmailer.conf: does not exist"),
            Unusable(file: "zmailer.conf", content: "POSTOFFICE=$HERE/post\n", reason: "MAILVAR is not set"),
            Unusable(file: "zmailer.conf", content: "MAILVAR=$HERE\n", reason: "POSTOFFICE is not set"),
            Unusable(
                file: "zmailer.conf", content: "MAILVAR=$HERE\nPOSTOFFICE=$HERE/post\nexpansiondepth=many\n",
                reason: "zmailer.conf:3: "),
            Unusable(
                file: "zmailer.conf", content: String(repeating: "# much\n", count: 200_000), reason: "larger than"),
            Unusable(file: "db/dbases.conf", reason: "db/dbases.conf: cannot be read"),
            Unusable(file: "db/dbases.conf", content: "nonsense\n", reason: "dbases.conf:1: "),
        ]
    }

    /// It is reported, the old one stands, and the next one is taken again.
    @Test(arguments: RoutingService.allCases, Unusable.all)
    func anUnusableConfigurationChangesNothing(service: RoutingService, unusable: Unusable) throws {
        let site = try TestSite(.text)
        let listener = try NotificationListener(site.place.file("notify"))
        let program = try Self.start(service, site, listener)
        #expect(try listener.next()?.hasPrefix("READY=1") == true)
        let file = site.place.file(unusable.file)
        let usable = try readFile(file, limit: 1 << 20).bytes
        if let content = unusable.content {
            try site.place.write(content.replacing("$HERE", with: site.place.path), to: unusable.file)
        } else {
            #expect(unlink(file) == 0)
        }
        for _ in 0..<2 {
            program.send(SIGHUP)
            #expect(try listener.next()?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true)
            #expect(try listener.next() == "READY=1")
        }
        #expect(program.errors.contains(unusable.reason), "\(program.errors)")
        #expect(program.errors.ranges(of: "; the old configuration stands").count == 2, "\(program.errors)")
        #expect(!program.errors.contains("zroute: reload "))
        try site.submit(to: "one", as: "one")
        #expect(try holds { program.output.contains("route=smtp-lmtp!store!one@example.org") }, "\(program.errors)")
        try site.place.write(usable, to: unusable.file)
        program.send(SIGHUP)
        #expect(try listener.next()?.hasPrefix("RELOADING=1") == true)
        #expect(try listener.next() == "READY=1")
        #expect(program.errors.contains("zroute: reload "), "\(program.errors)")
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    /// A spool that is moved away, or of which a part is, is missed aloud, and worked again when it is there, brought back or
    /// made anew.
    @Test(arguments: RoutingService.allCases, ["", "/router", "/transport", "/queue"])
    func aSpoolThatIsMovedIsWorkedAgain(service: RoutingService, directory: String) throws {
        let site = try TestSite(.text)
        let listener = try NotificationListener(site.place.file("notify"))
        let program = try Self.start(service, site, listener)
        #expect(try listener.next()?.hasPrefix("READY=1") == true)
        try site.submit(to: "one", as: "one")
        #expect(try holds { program.output.contains("to=<one@example.org>") }, "\(program.errors)")
        let path = site.place.file("post") + directory
        for (turn, name) in ["two", "three"].enumerated() {
            #expect(rename(path, site.place.file("elsewhere")) == 0)
            #expect(
                try holds { program.errors.ranges(of: "the spool is not in its place").count == turn + 1 },
                "\(program.errors)")
            if name == "two" {
                #expect(rename(site.place.file("elsewhere"), path) == 0)
            } else {
                try PostOffice.create(path: site.place.file("post"))
            }
            #expect(
                try holds { program.errors.ranges(of: "work goes on there").count == turn + 1 }, "\(program.errors)")
            try site.submit(to: name, as: name)
            #expect(try holds { program.output.contains("to=<\(name)@example.org>") }, "\(program.errors)")
        }
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }
}
