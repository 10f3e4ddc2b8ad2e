// The key of a lookup as search drivers want it: folded, in a buffer that is kept, with a dot before it.

import MailAddress

/// A key with a dot before it, so that `.foo.edu` need not be built from `foo.edu`.
struct DottedKey {
    /// The dot, the key, and after `end` what earlier, longer keys left.
    private(set) var bytes: [UInt8] = [UInt8(ascii: ".")]
    /// The index after the key.
    private(set) var end = 1

    /// The key itself, without the dot.
    var whole: Range<Int> { 1..<end }

    /// Takes another key.
    mutating func set(_ key: Span<UInt8>, folding: KeyFolding) {
        if bytes.count <= key.count {
            bytes.append(contentsOf: repeatElement(0, count: key.count + 1 - bytes.count))
        }
        end = key.count + 1
        // The target has room for the dot and the key, as was just made sure; both pointers stay inside the closures.
        unsafe key.withUnsafeBufferPointer { source in
            unsafe bytes.withUnsafeMutableBufferPointer { target in
                switch folding {
                case .none: for index in 0..<source.count { unsafe target[index + 1] = source[index] }
                case .lower:
                    for index in 0..<source.count { unsafe target[index + 1] = ASCII.lowercase(source[index]) }
                case .upper:
                    for index in 0..<source.count { unsafe target[index + 1] = ASCII.uppercase(source[index]) }
                }
            }
        }
    }

    /// The index of the next dot that has a label after it; of several dots in a row that is the last.
    func nextLabel(from start: Int) -> Int? {
        let dot = UInt8(ascii: ".")
        let bytes = bytes.span
        var index = start
        while index + 1 < end {
            if bytes[index] == dot, bytes[index + 1] != dot { return index }
            index += 1
        }
        return nil
    }

    /// The index of the last occurrence of a byte in the key; nil where there is none.
    func lastIndex(of byte: UInt8) -> Int? {
        bytes[whole].lastIndex(of: byte)
    }

    /// Puts another byte at an index of the key.
    mutating func replace(at index: Int, with byte: UInt8) {
        bytes[index] = byte
    }
}
