// How the protocol searches bytes and joins them to a buffer, kept in one place because both need a pointer.

import Glibc

extension Span<UInt8> {
    /// Where the next such byte is, from a place on; the count where there is none.
    func index(of byte: UInt8, from start: Int) -> Int {
        guard start < count else { return count }
        // The pointers are used only within the closure, while the span is borrowed; what is searched lies in it.
        return unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + start, Int32(byte), count - start)
            else { return count }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}

extension [UInt8] {
    /// Appends a span's bytes with one copy.
    mutating func append(_ span: borrowing Span<UInt8>) {
        // The pointer is used only within the closure, while the span it comes from is borrowed.
        unsafe span.withUnsafeBufferPointer { buffer in
            unsafe append(contentsOf: buffer)
        }
    }
}

// A queue that gives up its elements as they leave and keeps its storage: one exists for each connection, in use for
// each message.

/// First in, first out, without an allocation in the steady state.
struct FIFO<Element: Sendable>: Sendable {
    /// A ring; as many places as a power of two, or none.
    private var places: [Element?] = []
    private var head = 0
    private var count = 0

    var isEmpty: Bool { count == 0 }

    /// The next to leave.
    var first: Element? { count > 0 ? places[head] : nil }

    mutating func append(_ element: consuming Element) {
        if count == places.count { grow() }
        places[(head &+ count) & (places.count &- 1)] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = places[head].take()
        head = (head &+ 1) & (places.count &- 1)
        count -= 1
        return element
    }

    /// Keeps only those elements, in their order.
    mutating func keep(where isKept: (Element) -> Bool) {
        for _ in 0..<count {
            if let element = popFirst(), isKept(element) { append(element) }
        }
    }

    private mutating func grow() {
        var larger: [Element?] = []
        larger.reserveCapacity(max(4, places.count * 2))
        while let element = popFirst() { larger.append(element) }
        count = larger.count
        head = 0
        while larger.count < max(4, places.count * 2) { larger.append(nil) }
        places = larger
    }
}
