// Tails (SEMANTICS 3): `user+tail` and `user--tail` are the user `user` with the tail `+tail`.

import MailAddress

/// Where a local part divides into a base and a tail.
///
/// The last `--` counts as a `+`; then the first `+` divides. The base has at least one byte.
struct TailSplit: Equatable {
    /// Where the base ends.
    let baseEnd: Int
    /// Where the `--` stands that counts as a `+`.
    private let dashes: Int?

    /// Divides the bytes before `end`.
    ///
    /// - Returns: nil if there is no tail, or no base before it; a quoted string is never divided.
    init?(_ bytes: Span<UInt8>, before end: Int) {
        var plus: Int?
        var dashes: Int?
        guard end > 0, bytes[0] != UInt8(ascii: "\"") else { return nil }
        var previous: UInt8 = 0
        for place in 0..<end {
            let byte = bytes[place]
            if byte == UInt8(ascii: "+"), plus == nil { plus = place }
            if byte == UInt8(ascii: "-"), previous == byte, place >= 2 { dashes = place - 1 }
            previous = byte
        }
        guard plus != nil || dashes != nil, plus != 0 else { return nil }
        baseEnd = min(plus ?? end, dashes ?? end)
        self.dashes = dashes
    }

    /// The tail, with its `+`, of bytes that are divided in the same places.
    func tail(of bytes: Span<UInt8>, before end: Int) -> [UInt8] {
        guard let dashes else {
            return [UInt8](copying: bytes.extracting(baseEnd..<end))
        }
        var tail: [UInt8] = []
        tail.append(from: bytes, baseEnd..<dashes)
        tail.append(UInt8(ascii: "+"))
        tail.append(from: bytes, (dashes + 2)..<end)
        return tail
    }

    /// A name with its last `--` as a `+`, as the local part step reads it: nothing stays before the first byte.
    static func replacingDashes(in name: [UInt8]) -> [UInt8] {
        guard name.count > 2,
            let dashes = (1...(name.count - 2)).last(where: {
                name[$0] == UInt8(ascii: "-") && name[$0 + 1] == name[$0]
            })
        else { return name }
        return name[..<dashes] + [UInt8(ascii: "+")] + name[(dashes + 2)...]
    }
}
