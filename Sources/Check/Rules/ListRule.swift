// Whether the lists of aliases and fqdnaliases lead to somebody: each entry's key is asked as mail would ask it.

import Bytes
import Configuration
import MailSyntax
import Maps
import Routing

/// Asks for the key of each list.
struct ListRule {
    let site: CheckedSite
    private let entries: [EntryPlace]

    /// Chooses the entries that decide for their keys.
    init(_ site: CheckedSite) {
        self.site = site
        var entries: [EntryPlace] = []
        for relation in [RelationName.aliases, .fqdnaliases] {
            let maps = site.maps(of: relation)
            for (position, map) in maps.enumerated() where site.maps[map].definition?.flags.driver == SearchDriver.none
            {
                let checked = site.maps[map]
                for index in 0..<checked.count {
                    let key = checked.source.bytes.span.extracting(checked.source.place(of: index).key)
                    let isHidden = maps[..<position].contains { site.maps[$0].source.index(of: key) != nil }
                    if !isHidden { entries.append(EntryPlace(map: map, entry: index)) }
                }
            }
        }
        self.entries = entries
    }

    /// What the answers show.
    func findings(_ found: (Finding?) -> Void) {
        let questions = AddressQuestions(site: site)
        let servesLocalUsers = ServiceRule(site)?.servesLocalUsers ?? true
        let answers = questions.ask(
            entries.count, address: { question(entries[$0]) },
            judge: { ListAnswer($0, servesLocalUsers: servesLocalUsers) })
        var loops: [Set<[UInt8]>: [EntryPlace]] = [:]
        var beyondLimits: [(place: EntryPlace, reason: String)] = []
        for (number, answer) in answers {
            let place = entries[number]
            switch answer.failure {
            case .limit(let reason): beyondLimits.append((place, reason))
            case .include(let file, let reason): found(include(place, file, reason))
            case nil: break
            }
            if let notice = answer.notice { found(badInclude(place, notice)) }
            // What a map would say that cannot be read is not known.
            guard site.isComplete(.aliases, .fqdnaliases, .fqdnroutes, .routesdb, .thishost) else { continue }
            for oddity in answer.oddities {
                if case .loop(let way) = oddity {
                    // Where the last address has a route of its own the mail arrives.
                    if let last = way.first, site.entry(of: last, in: .fqdnroutes) == nil {
                        loops[Set(way), default: []].append(place)
                    }
                } else {
                    found(finding(oddity, place))
                }
            }
        }
        for (way, places) in loops { found(loop(way, places)) }
        limits(beyondLimits, found)
        hiddenRoutes(questions, found)
    }

    /// The address that mail for an entry has.
    private func question(_ place: EntryPlace) -> [UInt8]? {
        let key = site.key(place)
        return key.first == UInt8(ascii: "@") ? Array("user".utf8) + key : key
    }

    private func finding(_ oddity: ListAnswer.Oddity, _ place: EntryPlace) -> Finding? {
        let key = site.key(place)
        switch oddity {
        case .nobody(let target, let route):
            // Who the targets are depends on the address.
            guard key.first != UInt8(ascii: "@") || !site.value(place).contains(UInt8(ascii: "%")) else { return nil }
            return site.finding(
                .unresolvedTarget, .warning, at: place,
                "the target '\(string(target))' of '\(string(key))' leads to nobody (\(route)), so mail for it is returned; correct or"
                    + " remove it")
        case .tailLost(let target, let route):
            let folded = target.map(ASCII.lowercase)
            let withPlus = Array(folded[...(folded.firstIndex(of: UInt8(ascii: "+")) ?? 0)])
            // Who has an entry of its own with the tail decides where it goes.
            guard site.entry(of: folded, in: .fqdnaliases) == nil, site.entry(of: folded, in: .fqdnroutes) == nil,
                site.entry(of: folded, in: .aliases) == nil, site.entry(of: withPlus, in: .aliases) == nil
            else { return nil }
            return site.finding(
                .tailLost, .warning, at: place,
                "the target '\(string(target))' of '\(string(key))' loses its tail on the way (\(route)); write %2 in the route that it"
                    + " comes to, or leave the tail out here")
        case .localUser(let target, let route):
            return site.finding(
                .unservedRoute, .error, at: place,
                "the target '\(string(target))' of '\(string(key))' is a user of this host (\(route)), and no clause of scheduler.conf"
                    + " with a command fits channel 'local', so its mail would stay queued; write an address that has a route, or add a"
                    + " clause")
        case .loop: return nil
        }
    }

    /// A loop is told once, at its first line.
    private func loop(_ way: Set<[UInt8]>, _ places: [EntryPlace]) -> Finding? {
        let ordered = places.sorted { left, right in
            let (one, other) = (
                site.maps[left.map].source.place(of: left.entry).line ?? 0,
                site.maps[right.map].source.place(of: right.entry).line ?? 0
            )
            return left.map == right.map ? one < other : left.map < right.map
        }
        guard let first = ordered.first else { return nil }
        let others = ordered.dropFirst().map { site.text($0) }
        let text =
            others.isEmpty
            ? "the only target of '\(string(site.key(first)))' is itself, so the list is passed over; write who is to get the mail"
            : "the list of '\(string(site.key(first)))' leads back to itself by \(others.joined(separator: ", ")), and to nobody on the"
                + " way; take one of the targets out"
        return site.finding(.aliasLoop, .warning, at: first, text)
    }

    private func include(_ place: EntryPlace, _ file: String, _ reason: String) -> Finding? {
        // A list that leads to this one is not at fault.
        guard string(site.value(place)).contains(":include:\(file)") else { return nil }
        return site.finding(
            .unusableInclude, .error, at: place,
            "\(file), which '\(string(site.key(place)))' includes, cannot be used: \(reason); until then all mail for it is held"
        )
    }

    /// A list that is included, and is none: the entry's own value was judged where it was read.
    private func badInclude(_ place: EntryPlace, _ notice: String) -> Finding? {
        guard string(site.value(place)).contains(":include:") else { return nil }
        return site.finding(
            .unusableInclude, .error, at: place,
            "what '\(string(site.key(place)))' includes is no list of addresses: \(notice)")
    }

    /// Entries beyond the limits, but for those that only lead to one that is.
    private func limits(_ all: [(place: EntryPlace, reason: String)], _ found: (Finding?) -> Void) {
        let places = Set(all.map(\.place))
        let roots = all.filter { !leadsOn($0.place, to: places) }
        for (place, reason) in roots.isEmpty ? Array(all.prefix(1)) : roots {
            found(
                site.finding(
                    .expansionLimit, .error, at: place,
                    "mail for '\(string(site.key(place)))' is returned: \(reason)"))
        }
    }

    private func leadsOn(_ place: EntryPlace, to places: Set<EntryPlace>) -> Bool {
        let value = site.value(place)
        guard let members = try? AddressList.members(of: value.span, includes: true, atMost: 10_000) else {
            return false
        }
        return members.contains { member in
            let key = member.map(ASCII.lowercase)
            let next = site.entry(of: key, in: key.contains(UInt8(ascii: "@")) ? .fqdnaliases : .aliases)
            return next.map { $0 != place && places.contains($0) } ?? false
        }
    }

    /// Routes whose addresses have lists that do not lead back to them.
    private func hiddenRoutes(_ questions: AddressQuestions, _ found: (Finding?) -> Void) {
        let rule = ShadowRule(site: site)
        let pairs = rule.routesBehindLists
        let answers = questions.ask(pairs.count, address: { question(pairs[$0].list) }) { answer -> Bool? in
            // What cannot be resolved says nothing.
            if answer.failure != nil { return nil }
            guard let root = answer.ancestry.first else { return nil }
            let asked = answer.text[root.address].map(ASCII.lowercase)
            for node in answer.ancestry.dropFirst() where answer.text[node.address].map(ASCII.lowercase) == asked {
                return nil
            }
            return true
        }
        for (number, _) in answers { found(rule.finding(route: pairs[number].route, list: pairs[number].list)) }
    }
}
