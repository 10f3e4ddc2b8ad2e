// What `%N` stands for in the values of a relation (SEMANTICS 5b), as far as it can be known before an address comes.

import Bytes
import Configuration
import Maps

/// The arguments of one relation's values, with samples of what they may be.
struct Placeholders {
    /// A text for each argument that is given, for each way in which the key may be found.
    private let samples: [[Int: [UInt8]]]
    private let relation: RelationName

    /// The arguments for the values of a key.
    init(relation: RelationName, key: [UInt8]) {
        self.relation = relation
        func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
        switch relation {
        case .fqdnroutes:
            let at = key.lastIndex(of: UInt8(ascii: "@")) ?? 0
            let user = at == 0 ? bytes("user") : Array(key[..<at])
            var found = [0: key, 1: user, 2: [], 3: Array(key[at...])]
            found[4] = user + key[at...]
            found[5] = found[4]
            var withTail = found
            withTail[2] = bytes("+tail")
            // No tail is taken off for a whole domain.
            samples = at == 0 ? [found] : [found, withTail]
        case .fqdnaliases:
            let at = key.lastIndex(of: UInt8(ascii: "@")) ?? 0
            samples = [[0: key, 1: at == 0 ? bytes("user") : Array(key[..<at])]]
        default:
            // The part before a suffix has a dot in front. For the domain itself it is empty, which documented values
            // do not mind.
            samples = [[0: key.first == UInt8(ascii: ".") ? bytes(".sub") : key]]
        }
    }

    /// A value with its arguments substituted, once for each way in which the key may be found.
    func variants(of value: [UInt8]) -> [[UInt8]] { samples.map { Self.substitute($0, in: value) } }

    /// What is wrong with the arguments that a value names.
    func fault(in value: [UInt8]) -> EntryFault? {
        for number in Self.references(in: value) where samples.allSatisfy({ $0[number] == nil }) {
            let known = relation == .fqdnroutes ? "%0 to %5" : relation == .fqdnaliases ? "%0 and %1" : "%0"
            return EntryFault(
                .argumentNeverGiven,
                "%\(number) is never given here: it stays as it is, or becomes empty; \(relation.rawValue) gives \(known) alone"
            )
        }
        return nil
    }

    /// Two percent signs: nothing escapes one here (SEMANTICS 5b).
    static func doubledPercent(in value: [UInt8]) -> EntryFault? {
        let percent = UInt8(ascii: "%")
        guard let offset = zip(value, value.dropFirst()).enumerated().first(where: { $1 == (percent, percent) })?.offset
        else { return nil }
        let next = offset + 2 < value.count ? value[offset + 2] : 0
        let then =
            ASCII.isDigit(next)
            ? "the first stays, and %\(Character(Unicode.Scalar(next))) is replaced" : "both stay"
        return EntryFault(
            .doubledPercent, "'%%' is no escape for a percent sign: \(then); write one '%'", severity: .warning)
    }

    /// A value with one percent sign wherever it has several in a row.
    static func withSinglePercents(_ value: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in value where byte != UInt8(ascii: "%") || result.last != byte { result.append(byte) }
        return result
    }

    /// What is wrong with a value that names arguments in a map that gives none.
    static func faultWithoutFlag(in value: [UInt8]) -> EntryFault? {
        guard let number = references(in: value).first else { return nil }
        return EntryFault(
            .percentWithoutFlag,
            "%\(number) stays as it is, as the map has not the flag %; add -% to its flags in dbases.conf, or remove it"
        )
    }

    /// The numbers of `%N`, but for a `%` that can divide a user from a host whose name begins with a digit.
    private static func references(in value: [UInt8]) -> [Int] {
        value.indices.compactMap { offset in
            guard value[offset] == UInt8(ascii: "%"), offset + 1 < value.count, ASCII.isDigit(value[offset + 1]) else {
                return nil
            }
            let next = offset + 2 < value.count ? value[offset + 2] : 0
            let goesOn = (next | 0x20) &- UInt8(ascii: "a") < 26 || ASCII.isDigit(next) || next == UInt8(ascii: "-")
            return goesOn ? nil : Int(value[offset + 1] - UInt8(ascii: "0"))
        }
    }

    private static func substitute(_ arguments: [Int: [UInt8]], in value: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var refersToSomething = false
        var offset = 0
        while offset < value.count {
            if value[offset] == UInt8(ascii: "%"), offset + 1 < value.count, ASCII.isDigit(value[offset + 1]) {
                let argument = arguments[Int(value[offset + 1] - UInt8(ascii: "0"))]
                if argument != nil { refersToSomething = true }
                result += argument ?? []
                offset += 2
            } else {
                result.append(value[offset])
                offset += 1
            }
        }
        return refersToSomething ? result : value
    }
}
