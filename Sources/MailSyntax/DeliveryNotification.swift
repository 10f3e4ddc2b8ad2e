// The DSN parameters of a recipient and of a message, as values that cannot break a command line: RFC 3461 4.

import Bytes

/// On what the sender wants to be told about a recipient: the NOTIFY parameter (RFC 3461 4.1).
public struct NotifyConditions: OptionSet, Sendable, Hashable {
    /// One bit a condition; none set is NEVER.
    public let rawValue: UInt8

    /// Makes a set from its bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The message was delivered.
    public static let success = NotifyConditions(rawValue: 1)
    /// The message could not be delivered.
    public static let failure = NotifyConditions(rawValue: 2)
    /// The message is delayed.
    public static let delay = NotifyConditions(rawValue: 4)
    /// No condition: never tell.
    public static let never: NotifyConditions = []

    /// Reads the parameter's value, such as `SUCCESS,FAILURE`, in any case of letters.
    ///
    /// - Returns: nil for an unknown word, nothing at all, or NEVER beside another word.
    public init?(_ text: some Sequence<UInt8>) {
        var conditions: NotifyConditions = []
        var saysNever = false
        var rest = Array(text)[...]
        while true {
            let word = rest.prefix { $0 != 0x2C }
            if Self.isWord(word, "FAILURE") {
                conditions.insert(.failure)
            } else if Self.isWord(word, "SUCCESS") {
                conditions.insert(.success)
            } else if Self.isWord(word, "DELAY") {
                conditions.insert(.delay)
            } else if Self.isWord(word, "NEVER") {
                saysNever = true
            } else {
                return nil
            }
            guard word.endIndex < rest.endIndex else { break }
            rest = rest[(word.endIndex + 1)...]
        }
        guard !saysNever || conditions.isEmpty else { return nil }
        self = conditions
    }

    private static func isWord(_ word: ArraySlice<UInt8>, _ known: String) -> Bool {
        word.count == known.utf8.count && zip(word, known.utf8).allSatisfy { ASCII.uppercase($0) == $1 }
    }

    /// The parameter's value on the wire.
    public var wire: String {
        var words: [String] = []
        if contains(.success) { words.append("SUCCESS") }
        if contains(.failure) { words.append("FAILURE") }
        if contains(.delay) { words.append("DELAY") }
        return words.isEmpty ? "NEVER" : words.joined(separator: ",")
    }
}

/// How much of a message a failure report returns: the RET parameter (RFC 3461 4.3).
public enum ReturnedContent: String, Sendable {
    /// The whole message.
    case full = "FULL"
    /// Its header.
    case headers = "HDRS"
}

/// The DSN parameters of a recipient in one line, as ZMailer's `todsn` and the RCPT command have them:
/// `NOTIFY=NEVER ORCPT=rfc822;a@b`.
public enum NotificationParameters {
    /// The value of a parameter, whose name may be written in any case of letters; nil where it is not given.
    public static func value(of name: String, in parameters: [UInt8]) -> ArraySlice<UInt8>? {
        parameters.split(whereSeparator: ASCII.isBlank).first { isParameter($0, name) }.map {
            $0.dropFirst(name.utf8.count + 1)
        }
    }

    /// The parameters of the first of two recipients that become one copy, with NOTIFY extended by what the second asks for.
    ///
    /// A recipient without the parameter is told of failures (RFC 3461 4.1), and NEVER is left only where both say so. Words
    /// that are no condition ask for nothing. Where nothing changes the text stays as it was given.
    public static func union(_ first: [UInt8]?, _ second: [UInt8]?) -> [UInt8]? {
        let old = first.flatMap(conditions)
        guard let added = second.flatMap(conditions) ?? (old == nil ? nil : .failure) else { return first }
        let merged = (old ?? .failure).union(added)
        guard merged != (old ?? .failure) else { return first }
        return joined([Array("NOTIFY=\(merged.wire)".utf8)] + others("NOTIFY", in: first ?? []))
    }

    /// The parameters but for one; nil where there is no other.
    public static func removing(_ name: String, from parameters: [UInt8]) -> [UInt8]? {
        let left = others(name, in: parameters)
        return left.isEmpty ? nil : joined(left)
    }

    private static func others(_ name: String, in parameters: [UInt8]) -> [[UInt8]] {
        parameters.split(whereSeparator: ASCII.isBlank).filter { !isParameter($0, name) }.map(Array.init)
    }

    private static func joined(_ words: [[UInt8]]) -> [UInt8] {
        Array(words.joined(separator: CollectionOfOne(UInt8(0x20))))
    }

    private static func isParameter(_ word: ArraySlice<UInt8>, _ name: String) -> Bool {
        let name = Array(name.utf8)
        return word.count > name.count && word[word.startIndex + name.count] == UInt8(ascii: "=")
            && word.prefix(name.count).map(ASCII.uppercase) == name
    }

    private static func conditions(_ parameters: [UInt8]) -> NotifyConditions? {
        value(of: "NOTIFY", in: parameters).map { value in
            value.split(separator: UInt8(ascii: ",")).reduce(into: NotifyConditions.never) { conditions, word in
                conditions.formUnion(NotifyConditions(word) ?? .never)
            }
        }
    }
}
