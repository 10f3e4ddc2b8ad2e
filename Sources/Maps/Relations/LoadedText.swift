// One text map, asked without going through its table: the step that the many lookups of an address share.

import MailAddress

/// What one text map has loaded, without counting references to it.
@safe
struct LoadedText {
    /// Kept by the `LoadedTexts` that it came from, until that forgets it.
    let storage: Unmanaged<TextTableStorage>

    /// Whether some key may begin with a byte.
    @inline(__always)
    func mayHaveKeys(beginningWith byte: UInt8) -> Bool {
        unsafe storage._withUnsafeGuaranteedRef { $0.search.mayHaveKeys(beginningWith: byte) }
    }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameter hash: the key's hash, where somebody has it.
    /// - Returns: where the text has the value now; nil where there is none.
    @inline(__always)
    func value(of key: Range<Int>, _ hash: KeyHash? = nil, in text: inout ByteBlock) -> Range<Int>? {
        unsafe storage._withUnsafeGuaranteedRef { $0.value(of: key, hash, in: &text) }
    }
}
