// The NOTIFY parameter of a recipient (RFC 3461, 4.1): what is left of several when their copies become one.

import Bytes

/// When the sender wants to be told about a recipient.
struct Notify: Equatable {
    /// The conditions, in the order in which they are written.
    private static let names = ["SUCCESS", "FAILURE", "DELAY"]
    private static let prefix = Array("NOTIFY=".utf8)

    /// Which of the conditions; none for NEVER.
    private var conditions: [Bool]

    /// What a recipient without the parameter gets, as ZMailer's agents say to the next host.
    private static let standard = Notify(conditions: [false, true, false])

    private init(conditions: [Bool]) {
        self.conditions = conditions
    }

    /// The parameter of a `todsn` line; nil where it has none.
    private init?(_ parameters: [UInt8]?) {
        guard let word = parameters?.split(separator: 0x20).first(where: Self.isParameter) else { return nil }
        let values = word.dropFirst(Self.prefix.count).split(separator: UInt8(ascii: ",")).map {
            $0.map(ASCII.uppercase)
        }
        self.init(conditions: Self.names.map { name in values.contains(Array(name.utf8)) })
    }

    private var text: [UInt8] {
        let wanted = zip(Self.names, conditions).filter(\.1).map(\.0)
        return Self.prefix + Array((wanted.isEmpty ? "NEVER" : wanted.joined(separator: ",")).utf8)
    }

    private static func isParameter(_ word: ArraySlice<UInt8>) -> Bool {
        word.prefix(prefix.count).map(ASCII.uppercase) == prefix
    }

    /// The parameters of the first recipient, with NOTIFY extended by what the second's asks for.
    ///
    /// NEVER is left only where both say so. Where nothing changes the text stays as it was given.
    static func union(_ first: [UInt8]?, _ second: [UInt8]?) -> [UInt8]? {
        let old = Notify(first)
        guard let added = Notify(second) ?? (old == nil ? nil : .standard) else { return first }
        var merged = old ?? .standard
        merged.conditions = zip(merged.conditions, added.conditions).map { $0 || $1 }
        guard merged != (old ?? .standard) else { return first }
        let others = (first ?? []).split(separator: 0x20).filter { !isParameter($0) }.map(Array.init)
        return Array(([merged.text] + others).joined(separator: CollectionOfOne(UInt8(0x20))))
    }
}
