// What each served map answers for a key: one worker's engine. The maps of addresses are in the other files of this name; here
// is what they share: which keys are no recipients, how a key is read, and what the chain's answer comes to.

import Bytes
import Delivery
package import LookupProtocols
import MailSyntax
package import Maps
package import Routing
import Site

/// Answers lookups of one site, for one worker.
///
/// An ordinary answer costs no allocation: the memory of one serves for the next.
package struct LookupEngine: ~Copyable {
    let site: ServedSite
    var resolver: Resolver
    /// The chain's answer to the key.
    var answer = Answer()
    /// Its answer to an address of that answer, asked for again.
    var again = Answer()
    var hops: HopCache
    /// What the reply is put together in.
    var ends = EndList()
    /// The same for an address that is asked for again.
    var endsAgain = EndList()
    var scratch = TextArena(capacity: 512)
    let relations: [NamedRelation]
    let policies: [NamedRelation]

    /// An engine over a site's maps.
    ///
    /// - Parameters:
    ///   - texts: what reads text maps, shared among workers.
    ///   - watch: watches the worker for lookups that hang; nil where nobody does.
    ///   - trace: where steps and lookups are recorded.
    package init(_ site: ServedSite, texts: TextTableLoader, watch: CallWatch?, trace: Trace? = nil) {
        self.site = site
        hops = HopCache(site)
        resolver = site.site.makeResolver(texts: texts, watch: watch, trace: trace)
        var named: [NamedRelation] = []
        for name in site.maps.relations { named.append(resolver.relation(named: name)) }
        relations = named
        policies = zip(site.maps.relations, named).filter { RelationName.policies.contains($0.0) }.map(\.1)
    }

    /// Answers a key of a map.
    package mutating func answer(_ map: ServedMap, _ key: Span<UInt8>, into reply: inout LookupReply) {
        switch map {
        case .alias: answerAlias(key, asStores: false, into: &reply)
        case .storeAlias: answerAlias(key, asStores: true, into: &reply)
        case .transport: answerTransport(key, into: &reply)
        case .mailbox: answerMailbox(key, into: &reply)
        case .access: answerAccess(key, into: &reply)
        case .domain: answerDomain(key, into: &reply)
        case .route: answerRoutes(key, .recipient, into: &reply)
        case .sender: answerRoutes(key, .sender, into: &reply)
        case .userdb: answerUserdb(key, into: &reply)
        case .page: reply.set(.refused, "pages are for HTTP")
        case .relation(let position): answerRelation(position, key, into: &reply)
        }
    }

    /// Resolves an address that was not asked for as a key: as the chain does, but for quotes that its local part does not
    /// need, and that Postfix takes away before it asks.
    package mutating func resolve(_ address: Span<UInt8>, _ request: Resolver.Request) -> Resolution {
        if let bare = LocalPart.withoutNeedlessQuotes(address) { return resolve(bare.span, request) }
        resolver.resolve(address, request, into: &answer)
        return answer.resolution
    }

    // MARK: Keys

    /// What whoever asks for an address may do: he hands on what others submitted.
    static let request: Resolver.Request = {
        var request = Resolver.Request()
        request.isSubmitted = true
        return request
    }()

    /// Whether a key is certainly no recipient: empty, the null sender, Postfix's `*` for any, or `@domain`, which Postfix asks
    /// for when somebody writes `""@domain`, and which must not find the entry for all of the domain; and `a..b@domain`, which
    /// Postfix asks for behind `"a..b"@domain`, the address that is meant.
    static func isNoRecipient(_ key: Span<UInt8>) -> Bool {
        guard key.count > 1 else { return key.isEmpty || key[0] == UInt8(ascii: "*") }
        if key[0] == UInt8(ascii: "@") { return key.firstIndex(of: UInt8(ascii: ":"), from: 0) == nil }
        var at = key.count - 1
        while at > 0, key[at] != UInt8(ascii: "@") { at -= 1 }
        return at > 0 ? LocalPart.hasMisplacedDot(key.extracting(..<at)) : key.isEqual(to: "<>")
    }

    /// Asks the chain for a recipient.
    ///
    /// A key that is no address as RFC 5321 writes it is read as Postfix and Exim write addresses within themselves: with
    /// whatever stands before the last `@` for the local part, without its quotes. `a b@d` is asked for behind `"a b"@d`, and
    /// comes to the same. (`a..b@d` needs no such reading: `isNoRecipient`.)
    mutating func resolveRecipient(_ key: Span<UInt8>) {
        resolver.resolve(key, Self.request, into: &answer)
        guard case .syntax(.some) = answer.failure else { return }
        var at = key.count - 1
        while at > 0, key[at] != UInt8(ascii: "@") { at -= 1 }
        guard at > 0, at + 1 < key.count else { return }
        let local = [UInt8](copying: key.extracting(..<at))
        let quoted = QuotedString.quoted(local) + [UInt8](copying: key.extracting(at...))
        resolver.resolve(quoted.span, Self.request, into: &answer)
    }

    // MARK: Answers

    /// What the routes of an answer come to.
    struct Tally {
        var delivering = 0, discarded = 0, refused = 0
        /// The first route that delivers, and the first that refuses.
        var firstDelivering: Int?, firstRefused: Int?
        var isDeferred = false

        /// Whether nothing of a message to the address would have a place to go to.
        var refusesAll: Bool { delivering == 0 && discarded == 0 }
    }

    /// Counts the routes of the chain's answer.
    func tally() -> Tally {
        var tally = Tally()
        for (index, place) in answer.places.enumerated() {
            switch Self.verdict(place, in: answer) {
            case .deferred: tally.isDeferred = true
            case .discarded: tally.discarded += 1
            case .refused, .refusedLocalForm:
                tally.refused += 1
                if tally.firstRefused == nil { tally.firstRefused = index }
            case .delivers:
                tally.delivering += 1
                if tally.firstDelivering == nil { tally.firstDelivering = index }
            }
        }
        return tally
    }

    /// The verdict on a route.
    static func verdict(_ place: Answer.RoutePlace, in answer: borrowing Answer) -> RouteVerdict {
        answer.text.withSpan(place.channel) { channel in
            answer.text.withSpan(place.user) { RouteVerdict(channel: channel, user: $0) }
        }
    }

    /// Says why an answer is deferred.
    func setDeferred(_ reply: inout LookupReply) {
        reply.set(.failed, Self.reason(ofDeferred: answer))
    }

    static func reason(ofDeferred answer: borrowing Answer) -> String {
        if let failure = answer.failure { return failure.description }
        for place in answer.places where answer.text.equals(place.channel, "hold") {
            let host = String(decoding: answer.text[place.host], as: UTF8.self)
            return "the route is hold!\(host), and mail waits until the map says otherwise"
        }
        return "the answer is not known now"
    }

    /// Why a route is refused.
    func refusal(_ place: Answer.RoutePlace) -> RouteRefusal {
        Self.verdict(place, in: answer) == .refusedLocalForm
            ? .localForm : RouteRefusal(host: answer.text[place.host], user: answer.text[place.user])
    }

    /// The place of the last `@` of a piece of the answer's text.
    static func at(_ address: Range<Int>, in answer: borrowing Answer) -> Int? {
        answer.text.lastIndex(of: UInt8(ascii: "@"), in: address)
    }

    /// Whether two pieces of a text are the same but for the case of ASCII letters, as the chain compares keys.
    static func areSame(_ first: Range<Int>, _ second: Range<Int>, in text: borrowing TextArena) -> Bool {
        guard first != second else { return true }
        guard first.count == second.count else { return false }
        for index in 0..<first.count
        where ASCII.lowercase(text[first.lowerBound + index]) != ASCII.lowercase(text[second.lowerBound + index]) {
            return false
        }
        return true
    }
}

extension RouteRefusal {
    /// So many bytes of a text are told: a reply to a mailer's client has 512 with all that the mailer adds (RFC 5321
    /// 4.5.3.1.5).
    private static let longestText = 300

    /// `5.1.1 text`, the form of transport_maps and access maps; the mailer adds the address.
    var statusText: [UInt8] {
        var words = text
        if words.utf8.count > Self.longestText {
            var bytes = 0
            words = String(
                text.prefix { character in
                    bytes += character.utf8.count
                    return bytes <= Self.longestText
                })
        }
        return Array("\(code) \(words)".utf8)
    }
}
