// What a lookup server answers, whatever the protocol: found, absent, or one of two failures, never mixed up.

import Bytes

/// How a lookup ended.
package enum LookupStatus: Sendable, Hashable, CaseIterable {
    /// The key has a value.
    case found
    /// The key certainly has none.
    case absent
    /// It cannot be told now: the client is to ask again later.
    case failed
    /// The request is none, and asking it again is of no use.
    case refused

    /// The word of `lines`, and of socketmap.
    package var word: StaticString {
        switch self {
        case .found: "OK"
        case .absent: "NOTFOUND"
        case .failed: "TEMP"
        case .refused: "PERM"
        }
    }
}

/// The answer to one request, in memory that serves for request after request.
package struct LookupReply: Sendable {
    /// How the lookup ended.
    package private(set) var status = LookupStatus.absent
    /// The value where it is found; otherwise a sentence for people.
    package private(set) var text: [UInt8] = []
    /// What a page of HTML may do (Content-Security-Policy); empty where the text is none.
    package var policy = ""

    /// An answer to be filled.
    package init() {}

    /// Makes this another answer.
    package mutating func set(_ status: LookupStatus, _ text: StaticString) {
        begin(status)
        self.text.append(text)
    }

    /// Makes this another answer.
    package mutating func set(_ status: LookupStatus, _ text: String) {
        begin(status)
        self.text.append(contentsOf: text.utf8)
    }

    /// Makes this another answer, whose text is appended piece by piece.
    package mutating func begin(_ status: LookupStatus) {
        self.status = status
        if !policy.isEmpty { policy = "" }
        text.removeAll(keepingCapacity: text.capacity <= 16 << 10)
    }

    /// Appends to the text.
    package mutating func append(_ bytes: some Sequence<UInt8>) { text.append(contentsOf: bytes) }

    /// Appends to the text.
    package mutating func append(_ bytes: Span<UInt8>) { text.append(from: bytes) }
}
