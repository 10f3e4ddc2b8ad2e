// Three hosts, two providers that copy from each other, two stores: links are cut, hosts killed and brought back, a provider comes back
// with an old copy, and nobody is told that a user does not exist who does; no mail is lost.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct ReplicatedHostsTests {
    private static let users = ReplicatedTraffic.users

    @Test(.timeLimit(.minutes(15)))
    func nobodyIsUnknownAndNothingIsLost() throws {
        guard let network = try NetworkHosts(7, for: "ReplicatedHostsTests") else { return }
        let providerHosts = [network[3], network[4]]
        let stores = try [network[5], network[6]].map { try ReplicatedStore($0) }
        let providers = try Self.makeProviders(providerHosts)
        let backup = try providers[0].makeBackup()
        let hosts = try (0..<3).map {
            try ReplicatedHost(network[$0], providers: providerHosts, stores: [network[5], network[6]])
        }
        for host in hosts { try host.start() }
        let directory = ReplicatedDirectory()
        try directory.check(hosts, "at the start")

        let traffic = ReplicatedTraffic()
        for (number, host) in hosts.enumerated() { traffic.ask(host, seed: UInt64(number)) }
        traffic.submit(hosts, seed: 10)
        traffic.submit(hosts, seed: 11)

        try directory.storm(at: providers[0])
        try directory.check(hosts, "after a storm of changes")
        // The second provider began without anything: it has to know the users before it is the only one.
        try directory.wait(for: providers)

        try providerHosts[0].cut()
        try directory.change(at: providers[1])
        try directory.check(hosts, "with one provider cut off")
        try providerHosts[0].join()
        // What is tested is not how soon providers find each other again.
        try directory.change(at: providers[0])
        try directory.wait(for: providers)
        try directory.check(hosts, "with that provider joined again")

        try hosts[0].network.cut()
        #expect(try holds { try hosts[0].metric("zroute_copy_following") == "0" }, "a host without providers says so")
        #expect(hosts[0].ask("mailbox user0@example.org")?.hasPrefix("OK ") == true)
        #expect(hosts[0].ask("mailbox ghost0@example.org")?.hasPrefix("NOTFOUND") == true)
        try directory.change(at: providers[1])
        try directory.check([hosts[1], hosts[2]], "with one host cut off")
        try hosts[0].network.join()
        try directory.check(hosts, "with that host joined again")

        hosts[1].kill()
        try directory.change(at: providers[0])
        try hosts[1].start()
        try directory.check(hosts, "with a host killed and started again")

        stores[0].kill()
        try directory.change(at: providers[0])
        try stores[0].start()

        providers[0].kill()
        try directory.change(at: providers[1])
        try providers[0].restore(backup)
        try directory.check(hosts, "with a provider from an old copy")
        try directory.wait(for: providers)
        try directory.change(at: providers[0])
        try directory.check(hosts, "with that provider up to date")

        providers[0].kill()
        providers[1].kill()
        #expect(try holds { try hosts.allSatisfy { try $0.metric("zroute_copy_following") == "0" } })
        for host in hosts { #expect(host.ask("mailbox user1@example.org")?.hasPrefix("OK ") == true) }
        try providers[1].start()
        try providers[0].start()
        try directory.change(at: providers[0])
        try directory.check(hosts, "with both providers started again")

        traffic.end()
        let counts = traffic.counts
        let isDelivered = try holds(within: 120) {
            let arrived = try stores.reduce(into: Set<Int>()) { try $0.formUnion($1.messages()) }
            return counts.accepted.isSubset(of: arrived)
        }
        let lost = try counts.accepted.subtracting(stores.flatMap { try $0.messages() })
        #expect(isDelivered, "lost: \(lost)")
        #expect(counts.wrong.isEmpty, "\(counts.wrong.prefix(10))")
        #expect(counts.found > 100 && counts.absent > 100 && counts.accepted.count > 50)
        print(
            "ReplicatedHostsTests: \(counts.found) found, \(counts.absent) absent, \(counts.deferred) deferred,"
                + " \(counts.unanswered) while a host was down, \(counts.wrong.count) wrong;"
                + " \(counts.accepted.count) messages accepted, \(counts.refusals) put off, \(lost.count) lost;"
                + " changes in effect after \(directory.slowest) s at the most")
    }

    /// Two providers, each of which copies what the other is told.
    private static func makeProviders(_ hosts: [NetworkHost]) throws -> [LDAPServer] {
        var people = (0..<users).map { (mail: "user\($0)@example.org", routes: [ReplicatedDirectory.route($0, 0)]) }
        people.append((mail: "@example.org", routes: ["error!nosuchuser!none"]))
        return try hosts.enumerated().map { number, host in
            var setup = LDAPServer.Setup()
            setup.number = number + 1
            setup.host = host
            setup.database = """
                syncrepl rid=00\(2 - number) provider=ldap://\(hosts[1 - number].address) type=refreshAndPersist
                  retry="1 +" searchbase="\(LDAPServer.suffix)" bindmethod=simple binddn="\(LDAPServer.administrator)"
                  credentials=secret keepalive=2:2:1 network-timeout=2 timeout=2
                multiprovider on
                """
            // The second one copies all it has.
            return number == 0
                ? try LDAPServer(setup, entries: LDAPServer.people(people)) : try LDAPServer(setup, isFilled: false)
        }
    }
}

/// What the directory is to say, and how soon every host says it.
final class ReplicatedDirectory {
    private var generation = 0
    private var changed = 0
    private(set) var slowest = 0.0

    /// The route of a user in a generation: to one store or to the other.
    static func route(_ user: Int, _ generation: Int) -> String {
        "smtp-lmtp!store\((user + generation) % 2)!user\(user).g\(generation)"
    }

    /// Moves all users.
    func storm(at provider: LDAPServer) throws { try change(Array(0..<ReplicatedTraffic.users), at: provider) }

    /// Moves the first user.
    func change(at provider: LDAPServer) throws { try change([0], at: provider) }

    private func change(_ users: [Int], at provider: LDAPServer) throws {
        generation += 1
        let changes = users.map { user in
            """
            dn: uid=p\(user),\(LDAPServer.suffix)
            changetype: modify
            replace: mailLocalAddress
            mailLocalAddress: \(Self.route(user, generation))


            """
        }
        try provider.change(changes.joined())
        changed = users.count - 1
    }

    /// Waits until every provider has what was changed last.
    func wait(for providers: [LDAPServer]) throws {
        let route = Self.route(0, generation)
        for provider in providers {
            let isThere = try holds(within: 120) {
                try provider.search(["-b", LDAPServer.suffix, "(uid=p0)", "mailLocalAddress"]).contains(route)
            }
            #expect(isThere, "a provider did not get \(route) from the other")
        }
    }

    /// Waits until every host says what was changed last.
    func check(_ hosts: [ReplicatedHost], _ when: String) throws {
        let begin = Date()
        for user in Set([0, changed]) {
            let route = Self.route(user, generation)
            for host in hosts {
                let isThere = try holds { host.ask("route user\(user)@example.org")?.contains(route) ?? false }
                #expect(isThere, "\(when): \(host.ask("route user\(user)@example.org") ?? "no answer"), not \(route)")
            }
        }
        if generation > 0 { slowest = max(slowest, Date().timeIntervalSince(begin)) }
        print("ReplicatedHostsTests: \(when): in effect after \(Date().timeIntervalSince(begin)) s")
    }
}

/// A store on a host.
final class ReplicatedStore {
    private let host: NetworkHost
    private let place: TemporaryDirectory
    private var program: RunningProgram?

    init(_ host: NetworkHost) throws {
        self.host = host
        place = try TemporaryDirectory(isInMemory: true)
        try place.makeDirectory("mail")
        try start()
    }

    func start() throws {
        program = try host.start(
            Programs.zroute.get(), ["lmtp-sink", "--listen", "\(host.address):24", "--maildir", place.file("mail")])
    }

    func kill() {
        program?.send(SIGKILL)
        _ = program?.wait()
    }

    /// The numbers of the messages that it has.
    func messages() throws -> Set<Int> {
        let files = try FileManager.default.subpathsOfDirectory(atPath: place.file("mail")).filter {
            $0.contains("/new/")
        }
        return Set(
            files.compactMap { name in
                guard let bytes = FileManager.default.contents(atPath: place.file("mail/\(name)")) else { return nil }
                let text = String(decoding: bytes, as: UTF8.self)
                return text.split(separator: "number ").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
            })
    }
}
