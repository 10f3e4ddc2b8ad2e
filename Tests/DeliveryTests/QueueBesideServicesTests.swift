// Every command that changes the queue, the program itself, killed or failing at each of its changes to files while a service routes
// and delivers: in the end everybody has his message once, or its sender has the report, or it was removed for all.

import Foundation
import Glibc
import Spool
import Synchronization
import Testing
import ZRouteTestKit

@Suite struct QueueBesideServicesTests {
    enum Action: String, CaseIterable {
        case hold, release, retry, retryHeld, reroute, bounce, remove, removeAside, resubmit

        /// The command, without the message.
        var words: [String] {
            switch self {
            case .retryHeld: ["queue", "retry"]
            case .remove, .removeAside: ["queue", "remove", "--yes"]
            default: ["queue", rawValue]
            }
        }

        var isAboutFilesPutAside: Bool { self == .removeAside || self == .resubmit }

        /// The users of its n-th message who have to wait for it.
        func users(_ number: Int) -> [String] {
            // Routing folds them.
            let label = "\(self == .retryHeld ? "held" : "later")-\(rawValue.lowercased())-\(number)"
            return isAboutFilesPutAside ? [label] : ["\(label)-a", "\(label)-b"]
        }
    }

    /// As many messages there are for each command, more than it makes changes.
    static let count = 36

    @Test(.timeLimit(.minutes(20)), arguments: FileFault.allCases)
    func nobodyIsLostOrServedTwice(fault: FileFault) throws {
        let site = try BusySite()
        let service = try site.site.start(["deliver", "--route", "--watch"])
        for action in Action.allCases { try site.submit(action) }
        #expect(try holds(within: 120) { try site.isTried() }, "\(service.errors)")
        for number in 0..<Self.count { try site.hold(site.message(of: .release, number)) }
        try site.mendMap()
        var points: [Action: Int] = [:]
        let injector = try FaultInjector.shared.get()
        for action in Action.allCases {
            var number = 0
            var changes = 0
            while number <= changes {
                let name = try site.message(of: action, number)
                let arguments = site.site.options(action.words + [name])
                let (result, count) = try injector.run(fault, at: number, arguments)
                let about = "\(action), \(fault) at \(number)"
                if number == 0 {
                    changes = try #require(count)
                    #expect(result.status == 0 && changes > 0 && changes < Self.count, "\(about): \(result.errorText)")
                } else if number % 2 == 0 {
                    // It was done, or is now.
                    let again = try runCommand(Programs.zroute.get(), arguments)
                    #expect([0, 66].contains(again.status), "\(about): \(again.errorText)")
                }
                number += 1
            }
            points[action] = changes
        }
        try site.mendStore()
        try site.drain(service)
        service.send(SIGTERM)
        #expect(service.wait() == 0)
        #expect(!service.errors.contains("missing"), "\(service.errors)")
        try check(site, points, fault)
    }

    private func check(_ site: BusySite, _ points: [Action: Int], _ fault: FileFault) throws {
        let record = site.server.record
        var copies: [String: Int] = [:]
        for address in record.accepted { copies[String(address.prefix { $0 != "@" }), default: 0] += 1 }
        var reports: [String: Int] = [:]
        for message in record.messages {
            for part in text(message).split(whereSeparator: \.isNewline)
            where part.contains("@example.org>: not delivered") {
                reports[String(part.dropFirst().prefix { $0 != "@" }), default: 0] += 1
            }
        }
        for action in Action.allCases {
            let changes = points[action] ?? 0
            for number in 0..<Self.count {
                let users = action.users(number)
                let served = users.map { copies[$0] ?? 0 }
                let told = users.map { reports[$0] ?? 0 }
                let about = "\(action), \(fault) at \(number): \(served), reported \(told)"
                switch action {
                case .bounce where number <= changes:
                    #expect(zip(served, told).allSatisfy { $0 + $1 == 1 }, "\(about)")
                    if number % 2 == 0 { #expect(told.allSatisfy { $0 == 1 }, "\(about)") }
                case .remove where number <= changes, .removeAside where number <= changes:
                    #expect(Set(served).count == 1 && served[0] <= 1 && told.allSatisfy { $0 == 0 }, "\(about)")
                    if number % 2 == 0 { #expect(served.allSatisfy { $0 == 0 }, "\(about)") }
                default: #expect(served.allSatisfy { $0 == 1 } && told.allSatisfy { $0 == 0 }, "\(about)")
                }
            }
        }
        let words = Action.allCases.map { "\($0) \(points[$0] ?? 0)" }.joined(separator: ", ")
        print("QueueBesideServicesTests: \(fault) at each change of \(words)")
    }
}

/// A site whose store is busy for a while, and whose map keeps some recipients waiting.
private final class BusySite: Sendable {
    let site: TestSite
    let server: ScriptedServer
    private let isMended: Box
    private let known = Mutex<[String: String]>([:])
    private let count = QueueBesideServicesTests.count

    private final class Box: Sendable {
        let value = Atomic(false)
    }

    init() throws {
        let isMended = Box()
        self.isMended = isMended
        site = try TestSite(
            [
                "zmailer.conf":
                    "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nPOSTOFFICE=@SITE@/post\nDBTYPE=text\nhostname=h.example\n"
                    + "mydomain=h.example\n",
                "db/dbases.conf": """
                fqdnroutes  $DBTYPE - -l $MAILVAR/db/fqdnroutes -lm%
                routesdb    $DBTYPE - -l $MAILVAR/db/routes -lm%:d pathalias

                """,
                "db/routes": ". error!nohost\n",
            ], spool: "post", isInMemory: true)
        var script = ServerScript()
        script.recipientReplies = ["later": "450 4.2.1 busy"]
        let busy = script
        server = try ScriptedServer(in: site.place) { [isMended] _ in
            isMended.value.load(ordering: .relaxed) ? ServerScript() : busy
        }
        try site.write(
            "smtp-lmtp/*\n    interval=1d expiry=9d command=\"smtp -M -F UNIX:\(server.path)\"\n", to: "scheduler.conf")
        let held = (0..<count).flatMap(QueueBesideServicesTests.Action.retryHeld.users).map {
            "\($0)@example.org hold!later!\($0)@example.org\n"
        }
        try site.write(
            held.joined() + "@example.org smtp-lmtp!store!%1@example.org\n", to: "db/fqdnroutes")
    }

    deinit { server.stop() }

    /// Submits the messages that a command is to be tried at.
    func submit(_ action: QueueBesideServicesTests.Action) throws {
        for number in 0..<count {
            let recipients = action.users(number).map { "to <\($0)@example.org>\n" }.joined()
            let message = "from <reports@example.org>\n\(recipients)env-end\nSubject: s\n\nbody\n"
            let name = "\(action)-\(number)"
            if action.isAboutFilesPutAside {
                try site.place.write(message, to: "post/postman/\(name)", isDatedBack: false)
                try site.place.write("why\n", to: "post/postman/\(name).reason", isDatedBack: false)
            } else {
                try site.submit(message, as: name)
            }
        }
    }

    /// Whether all that can be tried was.
    func isTried() throws -> Bool {
        guard try site.place.names("post/router").isEmpty else { return false }
        let postOffice = try site.postOffice
        let waiting = try postOffice.messages().names.compactMap { try postOffice.controlFile(of: $0) }
        let actions = QueueBesideServicesTests.Action.allCases.filter { !$0.isAboutFilesPutAside }
        return waiting.flatMap(\.recipients).count == actions.count * count * 2
            && waiting.allSatisfy { control in
                control.recipients.allSatisfy { $0.tag == .pending }
                    && (!control.diagnostics.isEmpty || control.recipients.allSatisfy { $0.address.isChannel("hold") })
            }
    }

    func hold(_ name: String) throws {
        let postOffice = try site.postOffice
        let name = try #require(MessageName(name))
        guard case .opened(let message) = try postOffice.open(name) else { throw CommandFailure("\(name) is busy") }
        let outcome = postOffice.hold(message)
        #expect(outcome == .done)
    }

    /// The name of the n-th message for a command.
    func message(of action: QueueBesideServicesTests.Action, _ number: Int) throws -> String {
        if action.isAboutFilesPutAside { return "postman/\(action)-\(number)" }
        return try #require(try names()[action.users(number)[0]])
    }

    /// The names of messages by their first users, read once: they are asked for before anything changes.
    private func names() throws -> [String: String] {
        try known.withLock { known in
            if known.isEmpty {
                for name in try site.postOffice.messages().names {
                    let user = try site.postOffice.controlFile(of: name)?.recipients.first?.address.user ?? []
                    known[String(text(user).prefix { $0 != "@" })] = name.description
                }
            }
            return known
        }
    }

    /// Gives everybody another host, and lets nobody wait for the map.
    func mendMap() throws {
        let new = try site.place.write("@example.org smtp-lmtp!moved!%1@example.org\n", to: "new", isDatedBack: false)
        #expect(rename(new, site.place.file("db/fqdnroutes")) == 0)
    }

    /// Lets the store take everything.
    func mendStore() throws { isMended.value.store(true, ordering: .relaxed) }

    /// Lets everything go that waits.
    func drain(_ service: RunningProgram) throws {
        for words in [["release"], ["resubmit"]] { #expect(try site.run(["queue"] + words + ["--all"]).status == 0) }
        let isDone = try holds(within: 300) {
            let status = try site.run(["queue", "retry", "--all"]).status
            #expect(status == 0 || status == 66 || status == 75)
            // The service looks at what is finished, or half returned, by its schedule, and at what was half split off when it
            // starts; the next run at once.
            #expect(try site.run(["deliver", "--route", "--once"]).status != 78)
            return try holds(within: 3) {
                try site.place.names("post/router").isEmpty && site.place.names("post/queue").isEmpty
            }
        }
        let left = try site.place.names("post/router") + site.place.names("post/queue")
        #expect(isDone, "\(left) \(service.errors)")
    }
}
