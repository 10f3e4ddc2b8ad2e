// Searches in bytes, many at a time: what a loop over single bytes would do at four times the price.

public import Glibc

extension Span<UInt8> {
    /// The place of the first such byte.
    @inlinable
    public func firstIndex(of byte: UInt8) -> Int? {
        unsafe withUnsafeBytes { bytes in
            // The search stays inside the bytes, which outlive it.
            guard let base = bytes.baseAddress, let found = unsafe memchr(base, Int32(byte), bytes.count) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}
