// The maps `alias` and `store-alias`: what an address expands to, as addresses that come to themselves when they are asked for
// again, which Postfix does with each of them.

import Bytes
import Delivery
import LookupProtocols
import MailSyntax
import Routing

extension LookupEngine {
    /// Answers with the addresses that a recipient ends at.
    ///
    /// - Parameter asStores: whether what a store serves is written as `USER@HOST.STOREDOMAIN`.
    mutating func answerAlias(_ key: Span<UInt8>, asStores: Bool, into reply: inout LookupReply) {
        if asStores {
            guard site.stores != nil else {
                return reply.set(
                    .failed,
                    "the setting storedomain is not set, below which stores are written; set it in zmailer.conf")
            }
            guard site.plan != nil else { return reply.set(.failed, StoreAddresses.withoutPlan) }
        }
        guard !Self.isNoRecipient(key) else { return reply.set(.absent, "no recipient") }
        if let stores = site.stores, stores.host(of: key) != nil {
            return reply.set(.absent, "an address of a store is its own end")
        }
        resolveRecipient(key)
        let tally = tally()
        if tally.isDeferred { return setDeferred(&reply) }
        if tally.delivering == 0, tally.refused == 0 || tally.discarded == 0 {
            return reply.set(.absent, "it expands to nobody")
        }
        if isItsOwnEnd, !asStores || tally.delivering == 0 { return reply.set(.absent, "the address is its own end") }
        var first: EndList.Failure?
        for domain in site.localDomains {
            do throws(EndList.Failure) {
                if try collect(localDomain: domain, asStores: asStores) {
                    return reply.set(.absent, "the address is its own end")
                }
                try verify(localDomain: domain)
                return write(into: &reply)
            } catch {
                if error.isAboutNow { return reply.set(.failed, error.text) }
                if first == nil { first = error }
                guard error.isAboutLocalUser else { break }
            }
        }
        // What is rewritten alone, as `user%host` is, may as well stay as it is: `transport` knows where it leads.
        if answer.ancestry.isEmpty, !ends.hasStore {
            return reply.set(.absent, "the address is its own end")
        }
        reply.set(.failed, first?.text ?? "the expansion cannot be told")
    }

    /// Whether nothing was expanded or rewritten: the chain comes to the address that it was asked for.
    private var isItsOwnEnd: Bool {
        guard answer.ancestry.isEmpty, answer.places.count == 1 else { return false }
        switch answer.places[0].end.kind {
        case .address: return Self.areSame(answer.places[0].end.address, answer.asked, in: answer.text)
        case .localUser: return true
        case .noAddress: return false
        }
    }

    /// Puts the ends of the answer together.
    ///
    /// - Returns: whether the address is the only one.
    private mutating func collect(localDomain: [UInt8], asStores: Bool) throws(EndList.Failure) -> Bool {
        ends.removeAll()
        for (index, place) in answer.places.enumerated() {
            let verdict = Self.verdict(place, in: answer)
            guard verdict != .discarded else { continue }
            if asStores, verdict == .delivers, !place.end.isDefault,
                let suffix = try Self.storeSuffix(place, of: answer, &hops)
            {
                try ends.add(user: place.user, suffix: suffix, route: index, of: answer)
            } else if isItsOwnEnd {
                return true
            } else {
                guard verdict != .refusedLocalForm else {
                    throw EndList.Failure(
                        text:
                            "the expansion has a command or a file, which no other mailer is given; take it out of the list"
                    )
                }
                try ends.add(place.end, localDomain: localDomain, route: index, of: answer)
            }
        }
        guard ends.ends.count == 1, !ends.ends[0].isStore, let place = ends.place(of: answer.asked, in: answer.text)
        else {
            return false
        }
        return place == 0
    }

    /// The route of the address's own copy, where it stands in the list that it expands to.
    ///
    /// - Returns: its index; nil where it does not stand there.
    mutating func ownRoute() -> Int? {
        for domain in site.localDomains {
            guard (try? collect(localDomain: domain, asStores: false)) != nil else { continue }
            if let own = ends.place(of: answer.asked, in: answer.text) { return ends.ends[own].route }
        }
        return nil
    }

    /// The domain of an address of the store that has a route; nil where no store has it.
    private static func storeSuffix(
        _ place: Answer.RoutePlace, of answer: borrowing Answer, _ hops: inout HopCache
    ) throws(EndList.Failure) -> [UInt8]? {
        let found = answer.text.withSpan(place.channel) { channel in
            answer.text.withSpan(place.host) { hops.find(channel: channel, host: $0, isWritten: true) }
        }
        guard let known = hops[found] else { return nil }
        switch known.hop {
        case .lmtp:
            guard let suffix = known.suffix else { throw EndList.Failure(text: known.failure, isAboutNow: true) }
            return suffix
        case .smtp, .exchanger: return nil
        case .none(let reason): throw EndList.Failure(text: reason, isAboutNow: true)
        }
    }

    /// Makes sure that each end comes to itself, and leads where it does here, when it is asked for by itself.
    private mutating func verify(localDomain: [UInt8]) throws(EndList.Failure) {
        for index in ends.ends.indices where !ends.ends[index].isStore {
            let end = ends.ends[index]
            ends.text.withSpan(end.range) { resolver.resolve($0, Self.request, into: &again) }
            if again.status == .deferred {
                throw EndList.Failure(text: Self.reason(ofDeferred: again), isAboutNow: true)
            }
            guard let place = try placeOfItself(end, localDomain: localDomain) else {
                throw failure(end, "is no end: asked for by itself it expands to other addresses")
            }
            guard Self.leadsAlike(answer.places[end.route], of: answer, again.places[place], of: again) else {
                throw failure(end, "goes another way when it is asked for by itself: to \(Self.shown(again, place))")
            }
        }
    }

    /// The route of an end that was asked for again and came to itself.
    ///
    /// A member of its own list expands again, to the same list: Postfix takes such an address for an end.
    ///
    /// - Returns: nil where it comes to others.
    private mutating func placeOfItself(_ end: EndList.End, localDomain: [UInt8]) throws(EndList.Failure) -> Int? {
        guard !again.ancestry.isEmpty else {
            guard again.places.count == 1 else { return nil }
            let place = again.places[0].end
            let isItself =
                place.kind == .localUser || again.failure != nil
                || Self.areSame(place.address, again.asked, in: again.text)
            return isItself ? 0 : nil
        }
        endsAgain.removeAll()
        for (index, place) in again.places.enumerated() where Self.verdict(place, in: again) != .discarded {
            try endsAgain.add(place.end, localDomain: localDomain, route: index, of: again)
        }
        var itself: Int?
        for other in endsAgain.ends {
            guard let known = ends.place(of: other.range, in: endsAgain.text) else { return nil }
            if ends.ends[known].range == end.range { itself = other.route }
        }
        return itself
    }

    /// Whether two routes lead to the same server, and for a user of this host to the same user.
    ///
    /// His address is one of our making. Of other addresses a server is told the address itself, and not the user of the route.
    private static func leadsAlike(
        _ first: Answer.RoutePlace, of answer: borrowing Answer, _ second: Answer.RoutePlace, of other: borrowing Answer
    ) -> Bool {
        func equal(_ range: Range<Int>, _ otherRange: Range<Int>) -> Bool {
            answer.text.withSpan(range) { mine in other.text.withSpan(otherRange) { mine.isEqual(to: $0) } }
        }
        guard equal(first.channel, second.channel) else { return false }
        // Both are refused, in whatever words.
        if answer.text.equals(first.channel, "error") { return true }
        // The host of a local route is the address that was asked for.
        guard answer.text.equals(first.channel, "local") || equal(first.host, second.host) else { return false }
        return first.end.kind != .localUser || equal(first.user, second.user)
            || isSameMailbox(answer.text[first.user], other.text[second.user])
    }

    /// Whether two users are the same but for quotes that stand for nothing.
    private static func isSameMailbox(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        let at = UInt8(ascii: "@")
        let (end, otherEnd) = (first.lastIndex(of: at) ?? first.count, second.lastIndex(of: at) ?? second.count)
        return first[end...] == second[otherEnd...]
            && LocalPart.areSame(first.span.extracting(..<end), second.span.extracting(..<otherEnd))
    }

    private func failure(_ end: EndList.End, _ what: String) -> EndList.Failure {
        let address = String(decoding: ends.text[end.range], as: UTF8.self)
        let isLocal = answer.places[end.route].end.kind == .localUser
        let remedy =
            isLocal
            ? "let mydomain be a domain of thishost that the fqdn maps have no entry '@domain' for"
            : "write what it leads to into the list"
        return EndList.Failure(
            text: "'\(address)' of the expansion \(what); \(remedy), or let mail go through the LMTP listener"
                + " (--transport-to)", isAboutLocalUser: isLocal)
    }

    private static func shown(_ answer: borrowing Answer, _ place: Int) -> String {
        let route = answer.places[place]
        return [route.channel, route.host, route.user]
            .map { String(decoding: answer.text[$0].prefix(200), as: UTF8.self) }.joined(separator: "!")
    }

    private mutating func write(into reply: inout LookupReply) {
        reply.begin(.found)
        var isFirst = true
        for end in ends.ends {
            if !isFirst { reply.append(CollectionOfOne(UInt8(ascii: ","))) }
            isFirst = false
            ends.text.withSpan(end.range) { reply.append($0) }
        }
    }
}
