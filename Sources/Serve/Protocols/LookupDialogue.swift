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

    /// The client has closed its writing side, and what came was taken.
    ///
    /// - Returns: whether the connection is to be closed when all answers have left.
    mutating func inputClosed() -> Bool
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
