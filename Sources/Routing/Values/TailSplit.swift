// Tails (SEMANTICS 3): `user+tail` and `user--tail` are the user `user` with the tail `+tail`.

import MailAddress

/// Where a local part divides into a base and a tail.
///
/// The last `--` counts as a `+`; then the first `+` divides. The base has at least one byte.
struct TailSplit {
    /// Where the base ends.
    let baseEnd: Int
    /// Where the `--` stands that counts as a `+`.
    private let dashes: Int?

    /// Divides a user.
    ///
    /// - Returns: nil if there is no tail, or no base before it; a quoted string is never divided.
    init?(_ user: Piece, of text: borrowing ByteBlock) {
        guard let first = text.first(user), first != UInt8(ascii: "\"") else { return nil }
        // Most users have neither of the two.
        guard let sign = text.firstIndex(of: UInt8(ascii: "+"), or: UInt8(ascii: "-"), in: user) else { return nil }
        let plus = text.firstIndex(of: UInt8(ascii: "+"), in: sign..<user.upperBound)
        let dashes = text.lastPair(of: UInt8(ascii: "-"), in: user.dropFirst())
        guard plus != nil || dashes != nil, plus != user.lowerBound else { return nil }
        baseEnd = min(plus ?? user.upperBound, dashes ?? user.upperBound)
        self.dashes = dashes
    }

    /// The tail, with its `+`, of a user that is divided as this one was, at most in another case.
    func tail(of user: Piece, dividedLike other: Piece, in text: inout ByteBlock) -> Piece {
        let distance = user.lowerBound - other.lowerBound
        guard let dashes else { return (baseEnd + distance)..<user.upperBound }
        let start = text.end
        text.append(copyOf: (baseEnd + distance)..<(dashes + distance))
        text.append(UInt8(ascii: "+"))
        text.append(copyOf: (dashes + distance + 2)..<user.upperBound)
        return start..<text.end
    }

    /// A name with its last `--` as a `+`, as the local part step reads it: nothing stays before the first byte.
    static func replacingDashes(in name: Piece, of text: inout ByteBlock) -> Piece {
        guard let dashes = text.lastPair(of: UInt8(ascii: "-"), in: name.dropFirst()) else { return name }
        let start = text.end
        text.append(copyOf: name.lowerBound..<dashes)
        text.append(UInt8(ascii: "+"))
        text.append(copyOf: (dashes + 2)..<name.upperBound)
        return start..<text.end
    }
}
