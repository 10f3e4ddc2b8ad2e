// Which recipients of which message were taken over into a control file of their own.

/// The `h` line of a split-off control file: the message its recipients come from, and their lines there.
public struct ControlOrigin: Sendable, Hashable {
    /// The message whose recipients these were.
    public let message: MessageName
    /// Where their lines begin in that message's control file.
    public let offsets: [Int]

    /// An origin.
    public init(message: MessageName, offsets: [Int]) {
        self.message = message
        self.offsets = offsets
    }

    /// The origin that a line's text tells, or nil where it has another form.
    init?(parsing text: [UInt8]) {
        let words = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard let first = words.first, let message = MessageName(bytes: Array(first)) else { return nil }
        let numbers = words.dropFirst().map { Decimal.value($0) }
        guard !numbers.isEmpty, numbers.allSatisfy({ $0 != nil }) else { return nil }
        self.init(message: message, offsets: numbers.compactMap { $0 })
    }

    var text: [UInt8] { Array(([message.description] + offsets.map(String.init)).joined(separator: " ").utf8) }
}
