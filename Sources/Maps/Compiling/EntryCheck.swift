// The rules of sources for entries that come one at a time, or from a dump.

import Configuration
import MailAddress

/// Looks at single entries as the reader of sources does.
package struct EntryCheck {
    private let judge: (any EntryJudge)?

    /// Looks at entries whose use a judge knows.
    package init(judge: (any EntryJudge)?) { self.judge = judge }

    /// What is wrong with an entry as it is stored, a NUL behind its key and its value.
    ///
    /// Nothing is known of entries whose use nobody knows: other programs' keys may be of any bytes.
    package func faults(ofStoredKey key: [UInt8], value: [UInt8]) -> [EntryFault] {
        guard judge != nil else { return [] }
        guard key.last == 0 else {
            let text = String(decoding: key, as: UTF8.self)
            return [
                EntryFault(
                    .missingNUL,
                    "nothing ever asks for the key '\(text)': it lacks the NUL that ends keys; add it")
            ]
        }
        return faults(ofKey: Array(key.dropLast()), value: value.last == 0 ? Array(value.dropLast()) : value)
    }

    /// What is wrong with an entry.
    package func faults(ofKey key: [UInt8], value: [UInt8]) -> [EntryFault] {
        for part in [key, value] {
            let intruders = SourceCharacters.intruders(in: part.span, isComment: false, isFirst: false)
            if let first = intruders.first { return [EntryFault(first.name, first.text)] }
        }
        if let character = InvisibleCharacter.first(in: key.span) {
            let text = String(decoding: key, as: UTF8.self)
            return [EntryFault(.invisibleCharacter, "\(character) is part of the key '\(text)'; remove it")]
        }
        return judge?.faults(ofKey: key.span, value: value.span) ?? []
    }
}
