// Judges how the letters of a key are written where more than ASCII is in it: lookups compare bytes, and fold the letters of
// ASCII alone.

import Bytes
import Configuration
import Maps

/// The looks at letters outside of ASCII.
enum SpellingJudge {
    /// Letters in several characters, and capitals that no lookup folds.
    static func faults(ofKey key: [UInt8], folding: KeyFolding) -> [EntryFault] {
        guard key.contains(where: { $0 >= 0x80 }) else { return [] }
        return [decomposition(key), folding == .lower ? capital(key) : nil].compactMap { $0 }
    }

    /// A letter with a combining mark of U+0300 to U+036F behind it, as macOS writes names of files.
    private static func decomposition(_ key: [UInt8]) -> EntryFault? {
        let offset = key.indices.first { index in
            guard index > 0, index + 1 < key.count, isMark(key[index], key[index + 1]) else { return false }
            let before = key[index - 1]
            return before >= 0x80 || (before | 0x20) &- UInt8(ascii: "a") < 26
        }
        guard let offset else { return nil }
        let scalar = UInt32(key[offset] & 0x1F) << 6 | UInt32(key[offset + 1] & 0x3F)
        let mark = String(scalar, radix: 16, uppercase: true)
        return EntryFault(
            .decomposedKey,
            "the key '\(text(key))' has a letter of two characters, the second being U+0\(mark): the same letter in one "
                + "character does not find it; write it in one (Unicode NFC), or both spellings", severity: .warning)
    }

    /// Whether two bytes are one of U+0300 to U+036F.
    private static func isMark(_ first: UInt8, _ second: UInt8) -> Bool {
        (first == 0xCC && second & 0xC0 == 0x80) || (first == 0xCD && (0x80...0xAF).contains(second))
    }

    private static func capital(_ key: [UInt8]) -> EntryFault? {
        let capital = text(key).unicodeScalars.first { !$0.isASCII && $0.properties.isUppercase }
        guard let capital else { return nil }
        return EntryFault(
            .keyCase,
            "the key '\(text(key))' has the capital '\(Character(capital))', and only letters of ASCII are folded: "
                + "'\(capital.properties.lowercaseMapping)' in its place does not find it; write both spellings",
            severity: .warning)
    }

    private static func text(_ key: [UInt8]) -> String { String(decoding: key, as: UTF8.self) }
}
