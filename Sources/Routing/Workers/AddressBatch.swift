// Addresses on their way to a worker: one block of memory, whether they came as lines of a file or one by one.

import Glibc

/// Addresses that one worker resolves one after another.
public struct AddressBatch: Sendable {
    /// How the bytes fall into addresses.
    private enum Division: Sendable {
        /// Each ends with a line end (LF or CRLF); the last may lack it.
        case lines
        /// Each ends where the list says.
        case ends([Int])
    }

    /// The bytes that the addresses' ranges count in.
    public let bytes: [UInt8]
    private let division: Division

    /// Addresses that stand one a line.
    public init(lines: [UInt8]) {
        bytes = lines
        division = .lines
    }

    /// Addresses of any bytes.
    public init(_ addresses: [[UInt8]]) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for address in addresses {
            bytes.append(contentsOf: address)
            ends.append(bytes.count)
        }
        self.bytes = bytes
        division = .ends(ends)
    }

    /// A place between two addresses.
    struct Place: Sendable {
        fileprivate var offset = 0
        fileprivate var index = 0
    }

    /// The range of the address after a place, which moves behind it; nil at the end.
    @inline(__always)
    func next(after place: inout Place) -> Range<Int>? {
        let start = place.offset
        switch division {
        case .lines:
            guard start < bytes.count else { return nil }
            let newline = newline(from: start)
            var end = newline ?? bytes.count
            place.offset = end + (newline == nil ? 0 : 1)
            if newline != nil, end > start, bytes[end - 1] == 0x0D { end -= 1 }
            return start..<end
        case .ends(let ends):
            guard ends.indices.contains(place.index) else { return nil }
            place.offset = ends[place.index]
            place.index += 1
            return start..<place.offset
        }
    }

    @inline(__always)
    private func newline(from start: Int) -> Int? {
        unsafe bytes.withUnsafeBytes { bytes in
            // start < count, so the search stays inside.
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + start, 0x0A, bytes.count - start)
            else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}
