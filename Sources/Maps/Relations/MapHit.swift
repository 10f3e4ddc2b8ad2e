// What a lookup found. The caller owns one and hands it to every lookup, so that its buffers are allocated once.

import MailAddress

/// The answer of a relation, reused from lookup to lookup; of no meaning after one that found nothing.
public struct MapHit: Sendable {
    /// The value; after `lookUp` with its `%N` substituted.
    public internal(set) var value: [UInt8] = []
    /// The stored key that matched, as folding and the search driver made it.
    public internal(set) var key: [UInt8] = []
    /// The place of the map in its relation, counted from 0.
    public internal(set) var map = 0
    /// The user whose authority an expansion from this value carries.
    public internal(set) var privilege: UInt32 = 0

    /// Whether the value may hold `%N` that is still to be substituted.
    var isTemplate = false
    /// What `%0` stands for, where `isTemplate`.
    var argumentZero: [UInt8] = []
    private var scratch: [UInt8] = []

    /// An answer to be filled.
    public init() {}

    /// Substitutes `%N` in the value, where the map has the flag `%` and this was not done yet.
    ///
    /// - Parameter arguments: `%1` to `%9`; `%0` is known from the lookup.
    public mutating func substitute(_ arguments: SubstitutionArguments) {
        guard isTemplate else { return }
        isTemplate = false
        scratch.removeAll(keepingCapacity: true)
        if arguments.substitute(in: value, argumentZero: argumentZero, into: &scratch) {
            swap(&value, &scratch)
        }
    }

    /// Puts the key in the place of the value, for the flags `-b` and `-n`.
    mutating func answerKey(_ dottedKey: borrowing DottedKey) {
        value.removeAll(keepingCapacity: true)
        value.append(from: dottedKey.bytes.span, dottedKey.whole)
        isTemplate = false
    }

    /// Notes the stored key that matched, and what `%0` stands for.
    mutating func setKey(_ bytes: Span<UInt8>, argumentZero zero: Span<UInt8>) {
        setKey(bytes)
        argumentZero.removeAll(keepingCapacity: true)
        argumentZero.append(from: zero)
    }

    /// Notes the stored key that matched.
    mutating func setKey(_ bytes: Span<UInt8>) {
        key.removeAll(keepingCapacity: true)
        key.append(from: bytes)
    }
}
