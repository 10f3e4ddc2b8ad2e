// A route as a test file expects it: the fields of `channel!host!user` as `route-test --format tsv` writes them, each of which
// may be `*` for anything.

import Bytes
import Routing

/// A route that an answer is compared with.
struct RoutePattern: Sendable, Hashable {
    /// What stands between the `!`, escapes undone.
    private let parts: [[UInt8]]

    private static let anything = [UInt8(ascii: "*")]

    /// Reads a route; nil where it has no three fields.
    ///
    /// - Parameter text: the route, escapes undone.
    init?(_ text: some Collection<UInt8>) {
        parts = text.split(separator: UInt8(ascii: "!"), omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count >= 3 else { return nil }
    }

    /// Whether it stands for a route.
    ///
    /// A field may have `!` in it, so which part of the text belongs to which field is known only from the route.
    func matches(_ route: Route) -> Bool {
        for channel in Self.lengths(route.channel) where channel <= parts.count - 2 {
            for host in Self.lengths(route.host) where channel + host < parts.count {
                let rest = parts[(channel + host)...]
                if Self.field(parts[..<channel], matches: route.channel, blankAt: .beginning),
                    Self.field(parts[channel..<(channel + host)], matches: route.host, blankAt: .nowhere)
                        || isSameHold(route, Array(parts[channel..<(channel + host)].joined())),
                    Self.field(rest, matches: route.user, blankAt: .end)
                {
                    return true
                }
            }
        }
        return false
    }

    /// How many parts a field may take: as many as it has itself, or one for `*`.
    private static func lengths(_ field: ArraySlice<UInt8>) -> [Int] {
        let own = field.count { $0 == UInt8(ascii: "!") } + 1
        return own == 1 ? [1] : [1, own]
    }

    /// A route on channel `hold` names the time until which it holds, which is another one each time.
    private func isSameHold(_ route: Route, _ host: [UInt8]) -> Bool {
        route.isChannel("hold") && Decimal.value(host) != nil && Decimal.value(route.host) != nil
    }

    private enum Blank {
        case beginning, end, nowhere
    }

    /// Whether parts stand for a field; people put blanks around routes, which count only where the field has them.
    private static func field(_ parts: ArraySlice<[UInt8]>, matches field: ArraySlice<UInt8>, blankAt place: Blank)
        -> Bool
    {
        let text = Array(parts.joined(separator: CollectionOfOne(UInt8(ascii: "!"))))
        if text.elementsEqual(field) { return true }
        let trimmed: ArraySlice<UInt8> =
            switch place {
            case .beginning: text.drop(while: ASCII.isBlank)
            case .end: text[..<((text.lastIndex { !ASCII.isBlank($0) }).map { $0 + 1 } ?? 0)]
            case .nowhere: text[...]
            }
        return trimmed.elementsEqual(field) || trimmed.elementsEqual(anything)
    }
}
