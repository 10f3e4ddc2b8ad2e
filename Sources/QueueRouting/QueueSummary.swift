// The queue in a few lines: how many recipients wait by channel, host or reason, and for how long (as Postfix's qshape tells it).

import Bytes

/// Counts waiting recipients by what they have in common, and by age.
package struct QueueSummary: Sendable {
    /// What recipients have in common.
    package enum Aspect: Sendable, Hashable, CaseIterable {
        /// The channel.
        case channel
        /// The channel and the host, `channel!host`.
        case host
        /// The last status and answer, or what is waited for.
        case reason
    }

    /// Recipients that have something in common.
    package struct Row: Sendable, Hashable {
        /// What that is.
        package let name: [UInt8]
        /// How many there are.
        package fileprivate(set) var total = 0
        /// How many there are of each age: up to each of `bounds`, and older than the last.
        package fileprivate(set) var counts = [Int](repeating: 0, count: QueueSummary.bounds.count + 1)
        /// The greatest age in seconds; nil where the age of none can be told, for want of a body.
        package fileprivate(set) var oldest: Int64?

        fileprivate mutating func add(age: Int64?) {
            total += 1
            guard let age else { return }
            counts[QueueSummary.bounds.firstIndex { age <= $0 } ?? QueueSummary.bounds.count] += 1
            oldest = max(oldest ?? 0, age)
        }
    }

    /// The ages that columns end with, in seconds: 5 minutes, and twice as long each time.
    package static let bounds: [Int64] = (0..<9).map { 300 << $0 }

    private var rows: [Aspect: [[UInt8]: Row]] = [:]
    /// All recipients.
    package private(set) var all = Row(name: [])

    /// Nothing counted yet.
    package init() {}

    /// Counts a recipient.
    ///
    /// - Parameter now: the present, in seconds since 1970.
    package mutating func add(_ recipient: WaitingRecipient, now: Int64) {
        let age = recipient.arrival.map { max(now - $0, 0) }
        all.add(age: age)
        for aspect in Aspect.allCases {
            let name = Self.name(recipient, aspect)
            rows[aspect, default: [:]][name, default: Row(name: name)].add(age: age)
        }
    }

    /// The rows of an aspect, the most recipients first.
    package func rows(by aspect: Aspect) -> [Row] {
        (rows[aspect] ?? [:]).values.sorted { left, right in
            left.total == right.total ? left.name.lexicographicallyPrecedes(right.name) : left.total > right.total
        }
    }

    private static func name(_ recipient: WaitingRecipient, _ aspect: Aspect) -> [UInt8] {
        guard aspect != .reason else { return reason(of: recipient) }
        guard recipient.state != .submitted else { return Array("-".utf8) }
        return aspect == .channel ? recipient.channel : recipient.channel + [UInt8(ascii: "!")] + recipient.host
    }

    /// Why a recipient waits: the last status and answer, or what there is to say in their place.
    package static func reason(of recipient: WaitingRecipient) -> [UInt8] {
        switch recipient.state {
        case .onHold: return Array("on hold".utf8)
        case .submitted: return Array("not routed yet".utf8)
        case .held, .routed, .inDelivery: break
        }
        guard let last = recipient.lastAttempt else { return Array("not tried yet".utf8) }
        return last.status.isEmpty ? last.answer : last.status + [ASCII.space] + last.answer
    }
}
