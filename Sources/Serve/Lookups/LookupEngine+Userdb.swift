// The map `userdb`, for Dovecot: whether a user exists, who he is at the store, and which host that is.

import Bytes
import Delivery
import LookupProtocols
import Routing

extension LookupEngine {
    /// Answers with a JSON object of `user` and `host`, the fields of a route that a store serves.
    ///
    /// Dovecot takes an absence for a refusal for good. An address that becomes several mailboxes, or leaves by another
    /// channel, does exist, and nothing that a userdb has could say where: it fails, and mail to it waits until it is asked of
    /// somebody who can send it there.
    mutating func answerUserdb(_ key: Span<UInt8>, into reply: inout LookupReply) {
        guard !Self.isNoRecipient(key) else { return reply.set(.absent, "no recipient") }
        resolveRecipient(key)
        let tally = tally()
        if tally.isDeferred { return setDeferred(&reply) }
        if tally.refusesAll { return reply.set(.absent, "no such user") }
        guard tally.delivering == 1, tally.refused == 0, let index = tally.firstDelivering else {
            return reply.set(
                .failed,
                "the address stands for several; let mail to it come through the LMTP front or virtual_alias_maps")
        }
        let place = answer.places[index]
        let found = Self.findHop(place, of: answer, &hops)
        let known = hops[found]
        guard known?.hop.store != nil else {
            return reply.set(
                .failed,
                known.map { $0.failure.isEmpty ? "the address is served by no store" : $0.failure }
                    ?? "no server is known")
        }
        var json = JSONText()
        json.object { json in
            json.name("user")
            json.text(answer.text[place.user])
            json.name("host")
            json.text(answer.text[place.host])
        }
        reply.begin(.found)
        reply.append(json.bytes)
    }
}
