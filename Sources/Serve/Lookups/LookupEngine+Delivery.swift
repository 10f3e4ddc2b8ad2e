// The maps `transport`, `mailbox` and `access`: how an address is delivered, and whether it is at all.

import Bytes
import Delivery
import LookupProtocols
import Routing

extension LookupEngine {
    /// Answers how an address is delivered, for transport_maps.
    ///
    /// Absent is what the mailer is to do by its own rules: senders, foreign addresses, and Postfix's `*`. An address that
    /// becomes several is for `alias` to expand; a mailer that does not ask it is told to keep the mail (`retry:`), and not that
    /// the lookup failed: it asks `transport` for lists, too, before it has expanded them. An address that stands in its own list
    /// is told where its own copy goes: a mailer that has expanded it asks for that.
    mutating func answerTransport(_ key: Span<UInt8>, into reply: inout LookupReply) {
        guard !Self.isNoRecipient(key) else { return reply.set(.absent, "no recipient") }
        if let host = site.stores?.host(of: key) {
            guard !host.isEmpty else { return setNoStoreHost("error:", &reply) }
            return writeHop(hops.find(channel: Span(), host: key.extracting(host)), into: &reply)
        }
        resolveRecipient(key)
        let tally = tally()
        if tally.isDeferred { return setDeferred(&reply) }
        if tally.refusesAll { return writeRefusal("error:", tally, &reply) }
        if leavesByDefault { return reply.set(.absent, "the address goes to its own domain") }
        if let transport = site.transportTo {
            reply.begin(.found)
            return reply.append(transport.span)
        }
        guard let index = tally.firstDelivering else {
            return tally.refused == 0 ? reply.set(.found, "discard:as the route says") : setSeveral(&reply)
        }
        guard tally.delivering == 1, tally.refused == 0 else {
            guard let own = ownRoute(), Self.verdict(answer.places[own], in: answer) == .delivers else {
                return setSeveral(&reply)
            }
            return writeHop(Self.findHop(answer.places[own], of: answer, &hops), into: &reply)
        }
        let place = answer.places[index]
        let found = Self.findHop(place, of: answer, &hops)
        // A store may know the address that was asked for, and refuse it by itself; a host elsewhere surely does not.
        if !answer.ancestry.isEmpty, let known = hops[found], known.transport != nil, known.hop.store == nil {
            return setSeveral(&reply)
        }
        writeHop(found, into: &reply)
    }

    /// Whether the address is one that no map has anything to say of, and goes to its own domain.
    private var leavesByDefault: Bool {
        guard answer.ancestry.isEmpty, answer.places.count == 1, answer.places[0].end.isDefault,
            let at = Self.at(answer.asked, in: answer)
        else { return false }
        return Self.areSame(answer.places[0].host, (at + 1)..<answer.asked.upperBound, in: answer.text)
    }

    static func findHop(
        _ place: Answer.RoutePlace, of answer: borrowing Answer, _ hops: inout HopCache
    ) -> Int {
        answer.text.withSpan(place.channel) { channel in
            answer.text.withSpan(place.host) { hops.find(channel: channel, host: $0) }
        }
    }

    private func writeHop(_ place: Int, into reply: inout LookupReply) {
        guard let known = hops[place] else { return reply.set(.failed, "no server is known") }
        guard let transport = known.transport else { return reply.set(.failed, known.failure) }
        reply.begin(.found)
        reply.append(transport.span)
    }

    private func setSeveral(_ reply: inout LookupReply) {
        reply.set(
            .found,
            "retry:4.3.5 the address stands for others, which the map alias of zroute says: virtual_alias_maps has to ask it"
        )
    }

    private func setNoStoreHost(_ action: String, _ reply: inout LookupReply) {
        reply.set(.found, "\(action)5.1.2 no host stands before the domain of stores")
    }

    private func writeRefusal(_ action: String, _ tally: Tally, _ reply: inout LookupReply) {
        guard let index = tally.firstRefused else { return reply.set(.failed, "the address has no route") }
        reply.begin(.found)
        reply.append(action.utf8)
        reply.append(refusal(answer.places[index]).statusText)
    }

    /// Answers whether mail to an address has a place to go to, for virtual_mailbox_maps and relay_recipient_maps.
    ///
    /// The value is a word that no access map knows: asked as one by mistake, the map lets nobody in.
    mutating func answerMailbox(_ key: Span<UInt8>, into reply: inout LookupReply) {
        guard !Self.isNoRecipient(key) else { return reply.set(.absent, "no recipient") }
        if let host = site.stores?.host(of: key) {
            guard !host.isEmpty else { return reply.set(.absent, "no host stands before the domain of stores") }
            let place = hops.find(channel: Span(), host: key.extracting(host))
            guard let known = hops[place], known.hop.store != nil else {
                return reply.set(.failed, hops[place]?.failure ?? "no store is known")
            }
            return reply.set(.found, "mailbox")
        }
        resolveRecipient(key)
        let tally = tally()
        if tally.isDeferred { return setDeferred(&reply) }
        if tally.refusesAll { reply.set(.absent, "no mail is taken for it") } else { reply.set(.found, "mailbox") }
    }

    /// Answers with an action for check_recipient_access.
    mutating func answerAccess(_ key: Span<UInt8>, into reply: inout LookupReply) {
        guard !Self.isNoRecipient(key) else { return reply.set(.absent, "no recipient") }
        if let host = site.stores?.host(of: key) {
            guard !host.isEmpty else { return setNoStoreHost("REJECT ", &reply) }
            return reply.set(.found, "DUNNO")
        }
        resolveRecipient(key)
        let tally = tally()
        if tally.isDeferred { return setDeferred(&reply) }
        if tally.refusesAll { writeRefusal("REJECT ", tally, &reply) } else { reply.set(.found, "DUNNO") }
    }
}
