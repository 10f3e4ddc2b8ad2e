// What an administrator does with a queue while delivery works on it: an attempt before its time, messages on hold, messages that
// are returned.

import Delivery
import Foundation
import Glibc
import Service
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct QueueHandlingTests {
    /// A site whose store is always busy for `later`, and a schedule by which nothing is tried a second time while a test runs.
    private final class BusySite {
        let spool: DeliverySpool
        let server: ScriptedServer

        init() throws {
            spool = try DeliverySpool([
                "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nPOSTOFFICE=@SITE@/post\nhostname=h.example\n"
            ])
            var script = ServerScript()
            script.recipientReplies = ["later": "450 4.2.1 busy"]
            server = try ScriptedServer(script, in: spool.place)
            try spool.place.write(
                "smtp-lmtp/*\n    interval=1d expiry=9d command=\"smtp -M -F UNIX:\(server.path)\"\n",
                to: "scheduler.conf")
        }

        deinit { server.stop() }

        /// How often `later` was tried.
        var attempts: Int { server.record.commands.count { $0.hasPrefix("RCPT") && $0.contains("later") } }
    }

    @Test func aServiceTriesWhatItIsAskedFor() throws {
        let site = try BusySite()
        let program = try site.spool.site.start(["deliver", "--watch"])
        let name = try site.spool.add([recipient("later")])
        #expect(try holds { site.attempts == 1 }, "\(program.errors)")
        for turn in 2...4 {
            #expect(try site.spool.site.run(["queue", "retry", name.description]).status == 0)
            #expect(try holds { site.attempts == turn }, "\(program.errors)")
            #expect(try holds { try !site.spool.postOffice.isAttemptAskedFor(at: name) })
        }
        // Asking for what is gone by then leaves nothing.
        program.send(SIGTERM)
        #expect(program.wait() == 0)
        #expect(site.attempts == 4)
    }

    @Test func aRunTriesWhatItIsAskedFor() throws {
        let site = try BusySite()
        let name = try site.spool.add([recipient("later")])
        let other = try site.spool.add([recipient("later", host: "other")])
        func deliver() throws { #expect(try site.spool.site.run(["deliver", "--once"]).status == 0) }
        try deliver()
        #expect(site.attempts == 2)
        try deliver()
        #expect(site.attempts == 2, "nothing is due")
        try site.spool.postOffice.askForAttempt(at: name)
        try deliver()
        #expect(site.attempts == 3)
        try deliver()
        #expect(site.attempts == 3)
        #expect(try site.spool.postOffice.messages().names == [name, other].sorted())
    }

    @Test func aServiceLeavesWhatIsOnHold() throws {
        let site = try BusySite()
        let name = try site.spool.add([recipient("later")])
        #expect(try site.spool.site.run(["queue", "hold", name.description]).status == 0)
        let program = try site.spool.site.start(["deliver", "--watch"])
        try site.spool.add([recipient("x")])
        #expect(try holds { site.server.record.accepted == ["x"] }, "\(program.errors)")
        #expect(site.attempts == 0)
        #expect(try site.spool.site.run(["queue", "release", name.description]).status == 0)
        #expect(try holds { site.attempts == 1 }, "\(program.errors)")
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    /// What a process leaves that is killed between the two names that it takes away.
    @Test func aServiceRemovesWhatIsHalfRemovedAndSaysNothing() throws {
        let site = try BusySite()
        let program = try site.spool.site.start(["deliver", "--watch"])
        let name = try site.spool.add([recipient("later")])
        #expect(try holds { site.attempts == 1 }, "\(program.errors)")
        let post = site.spool.postOffice.path
        #expect(rename("\(post)/queue/\(name)", "\(post)/queue/.finished-\(name)") == 0)
        #expect(try site.spool.site.run(["queue", "list"]).text == "nothing waits\n")
        // Whoever asks for an attempt at it makes the service look.
        try site.spool.postOffice.askForAttempt(at: name)
        let isGone = try holds {
            try site.spool.place.names("post/queue").isEmpty
                && !site.spool.place.names("post/transport").contains(name.description)
        }
        #expect(isGone)
        program.send(SIGTERM)
        #expect(program.wait() == 0 && !program.errors.contains(name.description), "\(program.errors)")
    }

    /// Kills or fails the returning of messages at each file operation; then it is done again, or mail is delivered instead.
    @Test(arguments: ["kill", "\(ENOSPC)", "\(EIO)"], [false, true])
    func whoeverIsReturnedIsReportedOnce(mode: String, isRepeated: Bool) throws {
        let runner = try Programs.path("DeliveryFaultRunner")
        let users = ["a", "b", "c", "d"]
        var number = 0
        while true {
            let about = "\(mode) at \(number)"
            let spool = try DeliverySpool(isInMemory: true)
            let server = try ScriptedServer(ServerScript(), in: spool.place)
            defer { server.stop() }
            try spool.add([recipient("a"), recipient("b")])
            try spool.add([recipient("c"), recipient("d")])
            let onHold = try #require(try spool.postOffice.messages().names.last)
            guard case .opened(let message) = try spool.postOffice.open(onHold) else {
                throw CommandFailure("not opened")
            }
            let held = spool.postOffice.hold(message)
            #expect(held == .done)
            let first = try runCommand(runner, [spool.postOffice.path, "bounce", "\(number)", mode])
            if !isRepeated {
                for name in try spool.postOffice.messages().onHold {
                    guard case .opened(let message) = try spool.postOffice.open(name, onHold: true) else { continue }
                    let released = spool.postOffice.release(message)
                    #expect(released == .done)
                }
                let delivered = try runCommand(runner, [spool.postOffice.path, server.path, "none"])
                #expect(delivered.status == 0, "\(about): \(delivered.text)")
            }
            let second = try runCommand(runner, [spool.postOffice.path, "bounce", "none"])
            #expect(second.status == 0 && !second.text.contains("error"), "\(about): \(second.text)")
            let reports = try spool.reports()
            let reported = users.flatMap { user in
                reports.flatMap { $0.ranges(of: "<\(user)>: not delivered") }.map { _ in user }
            }
            #expect(
                (reported + server.record.accepted).sorted() == users,
                "\(about): \(reported), \(server.record.accepted)")
            if isRepeated { #expect(server.record.accepted.isEmpty, "\(about)") }
            let listing = try spool.postOffice.messages()
            #expect(listing.names.isEmpty && listing.onHold.isEmpty, "\(about)")
            if first.status == 0, (Int(first.text.split(separator: "\n").last ?? "") ?? .max) <= number { break }
            number += 1
        }
        print(
            "QueueHandlingTests: bounce, \(mode)\(isRepeated ? "" : ", mail goes on"): \(number) fault points, each recipient"
                + " reported or served once")
        #expect(number > 20)
    }
}
