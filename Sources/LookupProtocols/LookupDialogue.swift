// What the protocols of a lookup server have in common: bytes come, requests are cut out of them, and each is answered in its
// turn. A protocol is a value without input or output, so that a test can play any dialogue against it.

import Bytes

/// One connection of a lookup protocol.
///
/// The driver appends what comes to a buffer, and calls `next` until it is `.incomplete`; each `.request` it answers by `reply`
/// before it calls `next` again. Bytes up to `position` are done with.
package protocol LookupDialogue: Sendable {
    /// Takes the next request out of what came.
    ///
    /// - Parameters:
    ///   - input: what came and is not done with.
    ///   - position: where the rest begins; moved behind what was taken.
    ///   - request: is filled where the answer is `.request`.
    ///   - output: what the protocol itself has to say, such as about what is no request, is appended.
    mutating func next(
        _ input: Span<UInt8>, from position: inout Int, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LookupStep

    /// Appends the answer to the last request.
    mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8])

    /// Appends what is said before the connection is closed: by the server itself, or when the client has closed its writing
    /// side and all that came is answered.
    ///
    /// - Parameter isAsking: whether a request has begun and is not whole.
    mutating func farewell(isAsking: Bool, to output: inout [UInt8])
}

/// What a dialogue has come to.
package enum LookupStep: Sendable, Hashable {
    /// More has to come first.
    case incomplete
    /// A request is to be answered.
    case request
    /// The connection is to be closed after what is to be said.
    case close
}

/// A request, in memory that serves for request after request.
package struct LookupRequest: Sendable {
    /// The name of the map that is asked.
    package var map: [UInt8] = []
    /// The key.
    package var key: [UInt8] = []

    /// A request to be filled.
    package init() {}

    /// Makes this another request.
    package mutating func set(map: Span<UInt8>, key: Span<UInt8>) {
        self.map.removeAll(keepingCapacity: true)
        self.map.append(from: map)
        self.key.removeAll(keepingCapacity: true)
        self.key.append(from: key)
    }
}

/// How much a lookup client may say.
package enum LookupLimits {
    /// Bytes of a request: the longest key that Postfix was seen to send has some 2,000.
    package static let request = 16 << 10
}

// The protocols that lookups are asked by: a row each.

/// A protocol of the lookup server.
package struct ServedProtocol: Sendable {
    /// Its name in `--listen`; with `/MAP` behind it where a connection asks one map alone.
    package let name: String
    /// Whether it asks one map alone, which its name is followed by.
    package let hasOneMap: Bool
    /// Begins a connection; the map is that of `hasOneMap`.
    package let makeDialogue: @Sendable (_ map: [UInt8]) -> any LookupDialogue

    /// All there are.
    package static let all = [
        ServedProtocol(name: "socketmap", hasOneMap: false) { _ in Socketmap() },
        ServedProtocol(name: "tcp-table", hasOneMap: true) { TCPTable(map: $0) },
        ServedProtocol(name: "lines", hasOneMap: false) { _ in Lines() },
        ServedProtocol(name: "dict", hasOneMap: false) { _ in Dict() },
        ServedProtocol(name: "http", hasOneMap: false) { _ in HTTP() },
    ]
}
