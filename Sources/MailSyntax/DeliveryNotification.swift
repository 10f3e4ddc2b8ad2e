// The DSN parameters of a recipient and of a message, as values that cannot break a command line: RFC 3461 4.

/// On what the sender wants to be told about a recipient: the NOTIFY parameter (RFC 3461 4.1).
package struct NotifyConditions: OptionSet, Sendable, Hashable {
    /// One bit a condition; none set is NEVER.
    package let rawValue: UInt8

    /// Makes a set from its bits.
    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The message was delivered.
    package static let success = NotifyConditions(rawValue: 1)
    /// The message could not be delivered.
    package static let failure = NotifyConditions(rawValue: 2)
    /// The message is delayed.
    package static let delay = NotifyConditions(rawValue: 4)
    /// No condition: never tell.
    package static let never: NotifyConditions = []

    /// Reads the parameter's value, such as `SUCCESS,FAILURE`, in any case of letters.
    ///
    /// - Returns: nil for an unknown word, nothing at all, or NEVER beside another word.
    package init?(_ text: some Sequence<UInt8>) {
        var conditions: NotifyConditions = []
        var saysNever = false
        for word in String(decoding: Array(text), as: UTF8.self).uppercased().split(
            separator: ",", omittingEmptySubsequences: false)
        {
            switch word {
            case "SUCCESS": conditions.insert(.success)
            case "FAILURE": conditions.insert(.failure)
            case "DELAY": conditions.insert(.delay)
            case "NEVER": saysNever = true
            default: return nil
            }
        }
        guard !saysNever || conditions.isEmpty else { return nil }
        self = conditions
    }

    /// The parameter's value on the wire.
    var wire: String {
        var words: [String] = []
        if contains(.success) { words.append("SUCCESS") }
        if contains(.failure) { words.append("FAILURE") }
        if contains(.delay) { words.append("DELAY") }
        return words.isEmpty ? "NEVER" : words.joined(separator: ",")
    }
}

/// How much of a message a failure report returns: the RET parameter (RFC 3461 4.3).
package enum ReturnedContent: String, Sendable {
    /// The whole message.
    case full = "FULL"
    /// Its header.
    case headers = "HDRS"
}
