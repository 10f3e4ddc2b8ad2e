// The maps that a lookup server answers to, by their names.

import Bytes
package import LookupProtocols

/// What a client asks of a key.
package enum ServedMap: Sendable, Hashable {
    /// The addresses that an address ends at, for virtual_alias_maps.
    case alias
    /// The same, each that a store serves as the user that the store knows.
    case storeAlias
    /// How an address is delivered, for transport_maps.
    case transport
    /// Whether mail to an address has a place to go to.
    case mailbox
    /// The same as an action, for check_recipient_access.
    case access
    /// Whether a domain is served here.
    case domain
    /// The routes of a recipient.
    case route
    /// The routes of a sender.
    case sender
    /// Who a user is at his store, and where that is, for Dovecot's userdb.
    case userdb
    /// The value of one relation, by its position in ``ServedMaps/relations``.
    case relation(Int)
    /// A page of the HTTP door.
    case page(ServedPage)
}

/// The names that a site's lookup server knows.
package struct ServedMaps: Sendable {
    /// The relations of dbases.conf, in the order of their first lines.
    package let relations: [String]
    private let relationNames: [[UInt8]]

    /// The names for a site with these relations.
    package init(relations: [String]) {
        self.relations = relations
        relationNames = relations.map { Array("relation/\($0)".utf8) }
    }

    /// All names, for messages.
    package var names: [String] {
        ServedMap.named.map { "\($0.name)" } + relations.map { "relation/\($0)" }
    }

    /// The map of a name; nil where there is none.
    package func map(named name: Span<UInt8>) -> ServedMap? {
        for known in ServedMap.named where name.isEqual(to: known.name) { return known.map }
        if let position = relationNames.firstIndex(where: { name.isEqual(to: $0.span) }) { return .relation(position) }
        return ServedPage(rawValue: String(decoding: [UInt8](copying: name), as: UTF8.self)).map { .page($0) }
    }

    /// The name of a map.
    package func name(of map: ServedMap) -> String {
        if case .relation(let position) = map {
            return relations.indices.contains(position) ? "relation/\(relations[position])" : "relation"
        }
        if case .page(let page) = map { return page.rawValue }
        return ServedMap.named.first { $0.map == map }.map { "\($0.name)" } ?? ""
    }
}

extension ServedMap {
    fileprivate static let named: [(name: StaticString, map: ServedMap)] = [
        ("alias", .alias), ("transport", .transport), ("mailbox", .mailbox), ("access", .access), ("domain", .domain),
        ("route", .route), ("sender", .sender), ("userdb", .userdb), ("store-alias", .storeAlias),
    ]
}
