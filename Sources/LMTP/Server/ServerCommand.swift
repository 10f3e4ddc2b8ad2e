// One command line of a client, read strictly: RFC 5321 4.1.1, with the parameters of the extensions that were announced.

import Bytes
import MailSyntax

/// A command, or the reply to a line that is none.
enum ServerCommand: Sendable {
    /// The word that opens a session.
    enum Greeting: Sendable {
        case lhlo, ehlo, helo
    }

    case hello(Greeting, name: [UInt8])
    /// The envelope, without recipients.
    case mail(Envelope)
    case recipient(EnvelopeRecipient)
    case data
    /// BDAT (RFC 3030).
    case chunk(octets: UInt64, isLast: Bool)
    case reset, noOperation, verify, quit
    /// What is known as a command but cannot be taken, with the reply.
    case refused(StaticString)
    /// What is no command, with the reply.
    case unknown(StaticString)
    /// BDAT with a length that means nothing: where the next command begins is not known.
    case endlessChunk

    /// Reads a line without its end.
    init(_ line: borrowing Span<UInt8>, extensions: Capabilities.Extensions) {
        for place in 0..<line.count where line[place] < 0x20 && line[place] != 0x09 || line[place] == 0x7F {
            self = .unknown("500 5.5.2 control characters are in no command")
            return
        }
        var end = line.count
        while end > 0, ASCII.isBlank(line[end - 1]) { end -= 1 }
        let verb = 0..<line.firstBlank(in: 0..<end)
        let argument = line.skippingBlanks(in: verb.upperBound..<end)
        do throws(Refusal) {
            try self.init(line, verb, argument, extensions)
        } catch {
            self = .refused(error.reply)
        }
    }

    /// Why a command cannot be taken.
    private struct Refusal: Error {
        let reply: StaticString

        init(_ reply: StaticString) { self.reply = reply }

        static var unknownParameter: Refusal { Refusal("555 5.5.4 unknown parameter") }
        static var badParameter: Refusal { Refusal("501 5.5.4 a parameter's value cannot be read") }
        static var noPath: Refusal { Refusal("501 5.5.4 no path") }
    }

    private init(
        _ line: borrowing Span<UInt8>, _ verb: Range<Int>, _ argument: Range<Int>,
        _ extensions: Capabilities.Extensions
    ) throws(Refusal) {
        if line.isKeyword("MAIL", at: verb) {
            self = .mail(try Self.mail(line, argument, extensions))
        } else if line.isKeyword("RCPT", at: verb) {
            self = .recipient(try Self.recipient(line, argument, extensions))
        } else if line.isKeyword("DATA", at: verb) {
            self = try Self.bare(.data, argument)
        } else if extensions.contains(.chunking), line.isKeyword("BDAT", at: verb) {
            self = Self.chunk(line, argument)
        } else if line.isKeyword("RSET", at: verb) {
            self = try Self.bare(.reset, argument)
        } else if line.isKeyword("QUIT", at: verb) {
            self = try Self.bare(.quit, argument)
        } else if line.isKeyword("NOOP", at: verb) {
            self = .noOperation
        } else if line.isKeyword("VRFY", at: verb) {
            self = .verify
        } else if let greeting = Self.greeting(line, verb) {
            self = .hello(greeting, name: Array(copying: line.extracting(argument)))
        } else {
            self = .unknown("500 5.5.2 unknown command")
        }
    }

    private static func greeting(_ line: borrowing Span<UInt8>, _ verb: Range<Int>) -> Greeting? {
        if line.isKeyword("LHLO", at: verb) { return .lhlo }
        if line.isKeyword("EHLO", at: verb) { return .ehlo }
        return line.isKeyword("HELO", at: verb) ? .helo : nil
    }

    private static func bare(_ command: ServerCommand, _ argument: Range<Int>) throws(Refusal) -> ServerCommand {
        guard argument.isEmpty else { throw Refusal("501 5.5.4 this command has no argument") }
        return command
    }

    // MARK: MAIL and RCPT

    private static func mail(
        _ line: borrowing Span<UInt8>, _ argument: Range<Int>, _ extensions: Capabilities.Extensions
    ) throws(Refusal) -> Envelope {
        let (path, parameters) = try path(line, argument, keyword: "FROM:")
        var envelope = Envelope(sender: path, recipients: [])
        try checkParameters(line, parameters)
        var rest = parameters
        while let parameter = try CommandParameter(line, &rest) {
            let value = parameter.value
            switch parameter.name {
            case .size: envelope.length = try size(line, value)
            case .body where extensions.contains(.eightBitMIME):
                guard let value else { throw .badParameter }
                if line.isKeyword("8BITMIME", at: value) {
                    envelope.bodyType = .eightBit
                } else if line.isKeyword("7BIT", at: value) {
                    envelope.bodyType = .sevenBit
                } else {
                    throw .badParameter
                }
            case .smtpUTF8 where extensions.contains(.smtpUTF8):
                guard value == nil else { throw .badParameter }
                envelope.hasInternationalizedHeader = true
            case .returnedContent where extensions.contains(.deliveryStatusNotifications):
                guard let value else { throw .badParameter }
                if line.isKeyword("FULL", at: value) {
                    envelope.returnedContent = .full
                } else if line.isKeyword("HDRS", at: value) {
                    envelope.returnedContent = .headers
                } else {
                    throw .badParameter
                }
            case .envelopeID where extensions.contains(.deliveryStatusNotifications):
                // RFC 3461 4.4.
                guard let value, (1...100).contains(value.count),
                    let text = XText(encoded: Array(copying: line.extracting(value)))
                else { throw .badParameter }
                envelope.envelopeID = text
            default: throw .unknownParameter
            }
        }
        guard try kind(of: path) == .ascii || envelope.hasInternationalizedHeader else {
            throw Refusal("553 5.6.7 the address needs SMTPUTF8")
        }
        return envelope
    }

    private static func recipient(
        _ line: borrowing Span<UInt8>, _ argument: Range<Int>, _ extensions: Capabilities.Extensions
    ) throws(Refusal) -> EnvelopeRecipient {
        let (path, parameters) = try path(line, argument, keyword: "TO:")
        guard !path.isEmpty else { throw Refusal("501 5.1.3 no user") }
        _ = try kind(of: path)
        var recipient = EnvelopeRecipient(path)
        try checkParameters(line, parameters)
        var rest = parameters
        while let parameter = try CommandParameter(line, &rest) {
            switch parameter.name {
            case .notify where extensions.contains(.deliveryStatusNotifications):
                guard let value = parameter.value,
                    let conditions = NotifyConditions(Array(copying: line.extracting(value)))
                else { throw .badParameter }
                recipient.notify = conditions
            case .originalRecipient where extensions.contains(.deliveryStatusNotifications):
                // RFC 3461 4.2.
                guard let value = parameter.value, value.count <= 500,
                    let original = OriginalRecipient(Array(copying: line.extracting(value)))
                else { throw .badParameter }
                recipient.originalRecipient = original
            default: throw .unknownParameter
            }
        }
        return recipient
    }

    private static func kind(of path: [UInt8]) throws(Refusal) -> CommandPathKind {
        do throws(CommandPathError) {
            return try validateCommandPath(path)
        } catch {
            throw Refusal("501 5.1.3 the address cannot be read")
        }
    }

    /// SIZE of RFC 1870: up to 20 digits; a number beyond 2^64 is as good as the largest.
    private static func size(
        _ line: borrowing Span<UInt8>, _ value: Range<Int>?
    ) throws(Refusal) -> Envelope.Length {
        guard let value, (1...20).contains(value.count) else { throw .badParameter }
        var octets: UInt64? = 0
        for place in value {
            guard ASCII.isDigit(line[place]) else { throw .badParameter }
            octets = octets.flatMap { octets in
                let (product, isTooLarge) = octets.multipliedReportingOverflow(by: 10)
                let (sum, isOver) = product.addingReportingOverflow(UInt64(line[place] & 0x0F))
                return isTooLarge || isOver ? nil : sum
            }
        }
        return .estimate(octets ?? .max)
    }

    /// `FROM:<path>` and what follows; a bracket within quotes ends nothing.
    private static func path(
        _ line: borrowing Span<UInt8>, _ argument: Range<Int>, keyword: StaticString
    ) throws(Refusal) -> ([UInt8], Range<Int>) {
        let end = argument.lowerBound + min(keyword.utf8CodeUnitCount, argument.count)
        guard line.isKeyword(keyword, at: argument.lowerBound..<end) else { throw .noPath }
        let rest = line.skippingBlanks(in: end..<argument.upperBound)
        guard !rest.isEmpty, line[rest.lowerBound] == UInt8(ascii: "<") else { throw .noPath }
        var isQuoted = false
        var isEscaped = false
        for place in rest.dropFirst() {
            switch line[place] {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\") where isQuoted: isEscaped = true
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ">") where !isQuoted:
                let parameters = (place + 1)..<rest.upperBound
                guard parameters.isEmpty || ASCII.isBlank(line[place + 1]) else { throw .noPath }
                return (Array(copying: line.extracting((rest.lowerBound + 1)..<place)), parameters)
            default: break
            }
        }
        throw .noPath
    }

    /// Reads all parameters before any of them counts: each name is given once (RFC 5321 4.1.1.11).
    private static func checkParameters(_ line: borrowing Span<UInt8>, _ text: Range<Int>) throws(Refusal) {
        var rest = text
        var seen: UInt8 = 0
        while let parameter = try CommandParameter(line, &rest) {
            let bit = parameter.name.rawValue
            guard seen & bit == 0 else { throw Refusal("501 5.5.4 a parameter is given twice") }
            seen |= bit
        }
    }

    /// A parameter of MAIL or RCPT.
    private struct CommandParameter {
        /// Those that are known, each a bit; those that are not are refused one and all.
        enum Name: UInt8 {
            case unknown = 0
            case size = 1, body = 2, smtpUTF8 = 4, returnedContent = 8, envelopeID = 16, notify = 32
            case originalRecipient = 64
        }

        let name: Name
        let value: Range<Int>?

        /// Takes the next one; nil where there is none.
        init?(_ line: borrowing Span<UInt8>, _ rest: inout Range<Int>) throws(Refusal) {
            rest = line.skippingBlanks(in: rest)
            guard !rest.isEmpty else { return nil }
            let end = line.firstBlank(in: rest)
            var nameEnd = rest.lowerBound
            while nameEnd < end, line[nameEnd] != UInt8(ascii: "=") { nameEnd += 1 }
            name = Self.name(line, rest.lowerBound..<nameEnd)
            value = nameEnd < end ? (nameEnd + 1)..<end : nil
            rest = end..<rest.upperBound
            guard let value else { return }
            guard !value.isEmpty else { throw .badParameter }
            for place in value where line[place] == UInt8(ascii: "=") { throw .badParameter }
        }

        private static func name(_ line: borrowing Span<UInt8>, _ range: Range<Int>) -> Name {
            if line.isKeyword("SIZE", at: range) { return .size }
            if line.isKeyword("BODY", at: range) { return .body }
            if line.isKeyword("NOTIFY", at: range) { return .notify }
            if line.isKeyword("ORCPT", at: range) { return .originalRecipient }
            if line.isKeyword("SMTPUTF8", at: range) { return .smtpUTF8 }
            if line.isKeyword("RET", at: range) { return .returnedContent }
            return line.isKeyword("ENVID", at: range) ? .envelopeID : .unknown
        }
    }

    // MARK: BDAT

    /// `BDAT octets [LAST]`.
    private static func chunk(_ line: borrowing Span<UInt8>, _ argument: Range<Int>) -> ServerCommand {
        let end = line.firstBlank(in: argument)
        let rest = line.skippingBlanks(in: end..<argument.upperBound)
        guard let octets = Decimal.value(Array(copying: line.extracting(argument.lowerBound..<end))) else {
            return .endlessChunk
        }
        guard rest.isEmpty || line.isKeyword("LAST", at: rest) else { return .endlessChunk }
        return .chunk(octets: UInt64(octets), isLast: !rest.isEmpty)
    }
}

// The words of a command line.

extension Span<UInt8> {
    /// Whether a keyword stands there, whose letters may be of either case; it is given in upper case.
    fileprivate func isKeyword(_ keyword: StaticString, at range: Range<Int>) -> Bool {
        guard range.count == keyword.utf8CodeUnitCount else { return false }
        // A static string lives as long as the program; the closure only reads it.
        return keyword.withUTF8Buffer { letters in
            for offset in 0..<letters.count {
                guard unsafe ASCII.uppercase(self[range.lowerBound + offset]) == letters[offset] else { return false }
            }
            return true
        }
    }

    /// Where the next blank is; the end where there is none.
    fileprivate func firstBlank(in range: Range<Int>) -> Int {
        var place = range.lowerBound
        while place < range.upperBound, !ASCII.isBlank(self[place]) { place += 1 }
        return place
    }

    /// The rest of a range without the blanks that lead it.
    fileprivate func skippingBlanks(in range: Range<Int>) -> Range<Int> {
        var place = range.lowerBound
        while place < range.upperBound, ASCII.isBlank(self[place]) { place += 1 }
        return place..<range.upperBound
    }
}
