// The library's door: a site is opened, and asked where addresses go.

import Configuration
import Maps
import Routing
import Site

/// A site as ZMailer's files describe it: settings, maps, and the chain of lookups through them.
///
/// Opening a site reads its configuration and no map. Maps are opened when an address first needs them, and changed files are
/// noticed between addresses as their flags in `dbases.conf` say.
public struct MailSite: Sendable {
    private let site: Site

    /// Opens a site.
    ///
    /// - Parameters:
    ///   - configuration: the path of `zmailer.conf`; nil for the one that `ZCONFIG` in the environment names, or the
    ///     first of `/etc/zmailer/zmailer.conf` and `/etc/zmailer.conf` that exists.
    ///   - overrides: settings that stand before those in the files, such as `["hostname": "mx.example.org"]`.
    /// - Throws: ``SiteError`` for what cannot be read or cannot have been meant.
    public init(
        configuration: String? = nil, overrides: KeyValuePairs<String, String> = [:]
    ) throws(SiteError) {
        do throws(ConfigurationError) {
            site = try Site(
                settings: Settings.load(
                    file: configuration, overrides: overrides.map { (name: $0.key, value: $0.value) }))
        } catch {
            throw SiteError(error)
        }
    }

    /// What the site's files probably do not mean, and what to do about it; whoever opens a site should show it to people.
    ///
    /// The settings, `dbases.conf` and the files that its lines name are judged, and what only delivery reads is not. Files
    /// are looked at each time.
    public var findings: [SiteFinding] {
        // Not those of `Check`, which reads all files anew, and those of delivery: a program that asks for routes would
        // have to be built with the whole of delivery, its network library and TLS.
        site.allFindings.map(SiteFinding.init)
    }

    /// The routes of one address; for many addresses ``withRouter(_:)`` is faster by far.
    ///
    /// - Throws: ``RoutingFailure`` where the address has no answer of its own; see ``AddressRouter/routes(of:as:)-(String,_)``.
    public func routes(of address: String, as role: AddressRole = .recipient) throws(RoutingFailure) -> [MailRoute] {
        try withRouter { router throws(RoutingFailure) in try router.routes(of: address, as: role) }
    }

    /// Lends a router, whose maps stay open until the closure returns.
    ///
    /// Each thread borrows its own; they share what text maps hold in memory only through the system's cache of files.
    ///
    /// - Returns: what the closure returns.
    public func withRouter<Answer, Failure: Error>(
        _ body: (inout AddressRouter) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        var router = AddressRouter(site)
        do throws(Failure) {
            let answer = try body(&router)
            router.close()
            return answer
        } catch {
            router.close()
            throw error
        }
    }
}

/// Asks a site for one address after another.
///
/// Lookups are made in a thread of their own, so that one that hangs is given up after the setting `lookuptimeout`.
public struct AddressRouter: ~Copyable {
    private typealias Answer = Result<[MailRoute], RoutingFailure>

    private var pool: ResolverPool<Answer>

    /// What stands until there is an answer: without one nothing is known of the address.
    private static let noAnswer = RoutingFailure.map(
        FailedMap(
            MapError(
                table: TableName(relation: "all", backEnd: "worker", file: "-"),
                text: "the lookups of the address have ended without an answer; ask again")))

    init(_ site: Site) {
        let texts = TextTableLoader()
        pool = ResolverPool(
            workers: 1, health: site.makeHealth(),
            work: ResolverPool.Work(
                makeResolver: { site.makeResolver(texts: texts, watch: $0) },
                emptyProduct: { _ in .failure(Self.noAnswer) },
                report: { _, answer, _, product in
                    let resolution = answer.resolution
                    product =
                        if let failure = resolution.failure {
                            .failure(RoutingFailure(failure))
                        } else {
                            .success(resolution.routes.map(MailRoute.init))
                        }
                }))
    }

    consuming func close() { pool.close() }

    /// The routes of an address: each gets the message.
    ///
    /// A route on channel `error` refuses the mail for good, one on channel `hold` asks for patience; both say so
    /// (``MailRoute/meaning``). What no map can say is never among them: it is thrown.
    ///
    /// - Parameters:
    ///   - address: an address as an envelope has it, `user@example.org`.
    ///   - role: whether mail goes to the address or comes from it.
    /// - Throws: ``RoutingFailure/map(_:)`` where a map could not be asked: ask again later, and never take it for an
    ///   address that does not exist. Other failures are for good.
    public mutating func routes(
        of address: String, as role: AddressRole = .recipient
    ) throws(RoutingFailure) -> [MailRoute] {
        try routes(of: Array(address.utf8), as: role)
    }

    /// The routes of an address of any bytes; see ``routes(of:as:)-(String,_)``.
    public mutating func routes(
        of address: [UInt8], as role: AddressRole = .recipient
    ) throws(RoutingFailure) -> [MailRoute] {
        var request = Resolver.Request()
        request.role = role == .sender ? .sender : .recipient
        pool.submit(AddressBatch([address]), request)
        guard let answer = pool.next() else { throw Self.noAnswer }
        return try answer.get()
    }
}
