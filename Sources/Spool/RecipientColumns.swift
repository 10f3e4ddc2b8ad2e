// The columns of a recipient line: process number, delay, for an X line the set, then the route.

import MailAddress

/// A recipient line taken apart.
struct RecipientColumns {
    let process: Int32?
    let alternativeSet: Int?
    let address: ControlAddress

    /// The columns of an `r` or `X` line; nil where they are not all there.
    init?(_ line: ControlLine) {
        let fixed = ControlRecipient.processColumns + ControlRecipient.delayColumns
        guard line.tag != nil, line.text.count > fixed else { return nil }
        var rest = line.text[fixed...]
        if line.kind == .alternative {
            let digits = rest.prefix(while: ASCII.isDigit)
            guard let set = Decimal.value(digits) else { return nil }
            alternativeSet = set
            rest = rest[digits.endIndex...].drop(while: ASCII.isBlank)
        } else {
            alternativeSet = nil
        }
        guard let address = ControlAddress(parsing: rest) else { return nil }
        self.address = address
        process = Self.process(line.text[..<ControlRecipient.processColumns])
    }

    /// The process number in its columns: digits after blanks.
    static func process(_ columns: ArraySlice<UInt8>) -> Int32? {
        Decimal.value(columns.drop(while: ASCII.isBlank)).flatMap { Int32(exactly: $0) }
    }

    /// The columns for a process number, right-aligned as ZMailer's agents write them.
    ///
    /// A number of more than six digits has no place there. 1 is written then, the number of a process that is always
    /// alive, so that ZMailer's agents never take the lock of a living process for a dead one's.
    static func columns(process: Int32) -> [UInt8] {
        let digits = process > 999_999 ? "1" : "\(process)"
        let blanks = ControlRecipient.processColumns - digits.utf8.count
        return [UInt8](repeating: 0x20, count: max(blanks, 0)) + Array(digits.utf8)
    }
}
