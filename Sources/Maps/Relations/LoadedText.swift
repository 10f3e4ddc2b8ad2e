// One text map, asked without going through its table: the step that the many lookups of an address share.

import MailAddress

/// What one text map has loaded, without counting references to it.
@safe
struct LoadedText {
    /// Kept by the `LoadedTexts` that it came from, until that forgets it.
    let storage: Unmanaged<TextTableStorage>

    /// Searches in its index.
    var search: EntryIndex.Search { unsafe storage._withUnsafeGuaranteedRef { $0.search } }

    /// How many entries it has.
    var count: Int { unsafe storage._withUnsafeGuaranteedRef { $0.count } }

    /// Gives the hash of each key.
    func forEachHash(_ body: (UInt32) -> Void) {
        unsafe storage._withUnsafeGuaranteedRef { $0.search.forEachHash(body) }
    }

    /// Whether some key begins with a dot.
    @inline(__always)
    var hasDottedKeys: Bool { unsafe storage._withUnsafeGuaranteedRef { $0.search.hasDottedKeys } }

    /// Whether some key of a length may begin with a dot.
    @inline(__always)
    func mayHaveDottedKeys(ofLength length: Int) -> Bool {
        unsafe storage._withUnsafeGuaranteedRef { $0.search.mayHaveDottedKeys(ofLength: length) }
    }

    /// The user whose authority an expansion from the file carries.
    @inline(__always)
    var privilege: UInt32 { unsafe storage._withUnsafeGuaranteedRef { $0.privilege } }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameters:
    ///   - hash: the key's hash, where somebody has it.
    ///   - place: the slot of the index to begin with, where somebody has that.
    /// - Returns: where the text has the value now; nil where there is none.
    @inline(__always)
    func value(
        of key: Range<Int>, _ hash: KeyHash? = nil, from place: Int? = nil, in text: inout ByteBlock
    ) -> Range<Int>? {
        unsafe storage._withUnsafeGuaranteedRef { $0.value(of: key, hash, from: place, in: &text) }
    }
}
