// A queue that gives up its elements as they leave and keeps its storage: one exists for each connection, in use for
// each message.

/// First in, first out, without an allocation in the steady state.
struct FIFO<Element: Sendable>: Sendable {
    private var storage: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == storage.count }

    mutating func append(_ element: Element) {
        storage.append(element)
    }

    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head].take()
        head += 1
        if head == storage.count {
            storage.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 64, head > storage.count / 2 {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Keeps only those elements, in their order.
    mutating func keep(where isKept: (Element) -> Bool) {
        storage = storage[head...].filter { $0.map(isKept) ?? false }
        head = 0
    }
}
