// What a table answers, as text.

package import Maps

extension Table {
    /// The value of a key as text; nil where it certainly does not exist.
    package func text(of key: String) throws(MapError) -> String? { try text(of: Array(key.utf8)) }

    /// The value of a key of bytes as text; nil where it certainly does not exist.
    package func text(of key: [UInt8]) throws(MapError) -> String? {
        var value: [UInt8] = []
        return try lookUp(key.span, into: &value) ? String(decoding: value, as: UTF8.self) : nil
    }

    /// Why a key cannot be looked up; nil where it can.
    package func failure(of key: String) -> MapError? {
        do throws(MapError) {
            _ = try text(of: key)
            return nil
        } catch {
            return error
        }
    }

    /// What becomes of the lookup of a key.
    package func outcome(of key: String) -> LookupOutcome {
        do throws(MapError) { return try text(of: key).map { .found($0) } ?? .absent } catch {
            return .failed(error.text)
        }
    }
}

/// What became of a lookup.
package enum LookupOutcome: Equatable, Sendable {
    case found(String)
    case absent
    case failed(String)
}
