// A Postfix as a site of ours: which entries say here what its tables say there.
//
// Aliases are written with all that they come to. A member for whom the address itself would be asked again, or would lose
// its extension there, is written as `domain!user@expanded.invalid`: the chain goes on with user@domain behind the aliases.

import Bytes
import System

/// Makes a site of a Postfix.
package struct PostfixConversion {
    /// The site.
    package internal(set) var draft = SiteDraft()
    /// What was not carried over, and what is otherwise.
    package internal(set) var report: ConversionReport
    /// Addresses of which Postfix and the site have to say the same.
    var compared: [PostfixAddress] = []

    let routing: PostfixRouting
    let parameters: PostfixParameters
    var channels: NextHopChannels
    /// Domains whose addresses are decided by whole addresses first.
    var plans: [[UInt8]: DomainPlan] = [:]
    /// Extensions that keys have, by the address without.
    var extensions: [[UInt8]: [[UInt8]]] = [:]
    var clauses: [String: String?] = [:]

    /// The domain of members that step A is not to see.
    static let gate = Array("expanded.invalid".utf8)
    /// An extension and a user that nobody has.
    static let probe = Array("zroute-probe".utf8)

    /// What is known of a domain.
    struct DomainPlan {
        let domainClass: PostfixRouting.DomainClass
        let target: PostfixRouting.Target
        /// Whether fqdnaliases or fqdnroutes have an entry for the whole domain.
        let hasCatchAll: Bool
        /// Whether an address that no entry has is refused.
        let refusesOthers: Bool
    }

    /// Reads a main.cf and all that it names.
    ///
    /// - Throws: where something of it cannot be read.
    package init(main path: String) throws(ConversionError) {
        parameters = PostfixParameters(try MainConfiguration(reading: path))
        var reader = PostfixMapReader(parameters)
        routing = try PostfixRouting(&reader)
        channels = NextHopChannels(
            try MasterServices(beside: path), queueDirectory: try parameters.value("queue_directory"))
        report = reader.report
        draft.origin = path
        try UncarriedParameters(parameters).note(in: &report)
        try carrySettings()
        var keys = addressKeys()
        noteExtensions(of: keys)
        keys += keysThroughDomains(keys)
        let domains = domains(keys)
        for domain in domains { carry(domain: domain) }
        for domain in domains where routing.aliases[[UInt8(ascii: "@")] + domain] != nil { carry(catchAllOf: domain) }
        carryParents()
        for key in keys { carry(key) }
        carryLocalAliases()
        finishClauses()
        for (what, map) in [
            ("aliases", draft.aliases), ("fqdnaliases", draft.fqdnaliases), ("fqdnroutes", draft.fqdnroutes),
            ("routesdb", draft.routesdb), ("thishost", draft.thishost),
        ] { report.count("entries written into \(what)", map.count) }
    }

    // MARK: Settings

    mutating func carrySettings() throws(ConversionError) {
        let name = Array(try parameters.value("myhostname").utf8).lowercased
        let isUsable = PostfixAddress.isPlainDomain(name) && [.local, .other].contains(routing.domainClass(name))
        if !isUsable {
            note(
                .differs, "myhostname",
                "'\(string(name))' is a domain of users, and the name of a host is always local here: `hostname` is"
                    + " 'host.invalid'; give the host another name")
        }
        draft.settings.append(("hostname", isUsable ? string(name) : "host.invalid"))
        let origin = PostfixAddress.isPlainDomain(routing.origin) ? string(routing.origin) : "host.invalid"
        draft.settings.append(("mydomain", origin))
        draft.settings.append(("preservetailcase", "1"))
        draft.settings.append(("localdoesdomain", "1"))
        draft.thishost.add(Self.gate, [])
        if isUsable, routing.domainClass(name) == .other {
            // What Postfix finds out when it meets itself.
            draft.fqdnroutes.add([UInt8(ascii: "@")] + name, Array("error!nosuchuser".utf8))
        }
        let isLocal = routing.deliversLocally && !routing.local.named.domains.isEmpty
        draft.everyLocalUserExists = !isLocal || routing.localRecipients.isEmpty
        if isLocal, !routing.localRecipients.isEmpty, !routing.localRecipients.hasAccounts {
            let names = routing.localRecipients.entries.map(\.key).filter {
                !$0.contains(UInt8(ascii: "@")) && !$0.contains(UInt8(ascii: ":"))
                    && PostfixAddress.isPlainLocalPart($0)
            }
            draft.localUsers = names
        }
    }

    // MARK: What is compared

    mutating func expect(_ address: PostfixAddress) { compared.append(address) }

    /// The addresses to compare: each key, with an extension and without, and an unknown user of each domain.
    func comparedAddresses() -> [PostfixAddress] {
        guard routing.delimiters.contains(UInt8(ascii: "+")) else { return compared }
        return compared
            + compared.filter { routing.divided($0.local) == nil }
            .map { $0.adding(Array("+".utf8) + Self.probe) }
    }

    /// Notes an address of which the site says something else than Postfix.
    mutating func judge(_ address: PostfixAddress, _ routes: Set<String>) {
        guard let expected = RouteExpectation(address, routing, &channels)?.routes, expected != routes else { return }
        func list(_ routes: Set<String>) -> String { routes.sorted().joined(separator: "; ") }
        let rest = Array("+".utf8) + Self.probe
        let isExtended = address.local.count > rest.count && address.local.suffix(rest.count) == rest[...]
        let asked = isExtended ? PostfixAddress(Array(address.local.dropLast(rest.count)), address.domain) : address
        report.add(
            ConversionNote(
                kind: .differs, file: parameters.main.file, key: string(asked.text),
                text: (isExtended ? "with an extension, as \(string(rest)), it " : "it ")
                    + "goes to \(list(routes)) here, and in Postfix to \(list(expected)); write its entry by hand"))
    }

    // MARK: Notes

    mutating func note(_ kind: ConversionNote.Kind, _ parameter: String, _ text: String) {
        report.add(
            ConversionNote(
                kind: kind, file: parameters.main.file, line: parameters.line(parameter), parameter: parameter,
                text: text))
    }

    mutating func noteTransport(_ hop: PostfixRouting.Hop, _ text: String, isLost: Bool) {
        report.add(
            ConversionNote(
                kind: isLost ? .leftOut : .differs, file: parameters.main.file, parameter: "transport", text: text))
    }

    mutating func leaveOut(_ map: PostfixMap, _ key: [UInt8], _ reason: String) {
        if let entry = map.entry(key) { return leaveOut(entry, map, reason) }
        report.add(
            ConversionNote(
                kind: .leftOut, file: parameters.main.file, line: parameters.line(map.parameter),
                parameter: map.parameter,
                key: string(key), text: reason))
    }

    mutating func leaveOut(_ entry: PostfixMap.Entry, _ map: PostfixMap, _ reason: String) {
        note(.leftOut, entry, map, reason)
    }

    mutating func note(
        _ kind: ConversionNote.Kind, _ entry: PostfixMap.Entry, _ map: PostfixMap, _ reason: String
    ) {
        report.add(
            ConversionNote(
                kind: kind, file: entry.table.readFile ?? parameters.main.file,
                line: entry.line ?? (entry.table.readFile == nil ? parameters.line(map.parameter) : nil),
                parameter: map.parameter, map: entry.table.description, key: string(entry.key), text: reason))
    }
}
