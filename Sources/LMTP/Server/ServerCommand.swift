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
    init(_ line: ArraySlice<UInt8>, extensions: Capabilities.Extensions) {
        guard !line.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else {
            self = .unknown("500 5.5.2 control characters are in no command")
            return
        }
        let verb = line.prefix { !ASCII.isBlank($0) }
        var argument = line[verb.endIndex...].drop(while: ASCII.isBlank)
        while let last = argument.last, ASCII.isBlank(last) { argument.removeLast() }
        do throws(Refusal) {
            try self.init(Self.word(verb), argument, extensions)
        } catch {
            self = .refused(error.reply)
        }
    }

    /// Why a command cannot be taken.
    private struct Refusal: Error {
        let reply: StaticString

        init(_ reply: StaticString) { self.reply = reply }

        static let unknownParameter = Refusal("555 5.5.4 unknown parameter")
        static let badParameter = Refusal("501 5.5.4 a parameter's value cannot be read")
        static let noPath = Refusal("501 5.5.4 no path")
    }

    private init(
        _ verb: String, _ argument: ArraySlice<UInt8>, _ extensions: Capabilities.Extensions
    ) throws(Refusal) {
        switch verb {
        case "MAIL": self = .mail(try Self.mail(argument, extensions))
        case "RCPT": self = .recipient(try Self.recipient(argument, extensions))
        case "DATA": self = try Self.bare(.data, argument)
        case "BDAT" where extensions.contains(.chunking): self = try Self.chunk(argument)
        case "RSET": self = try Self.bare(.reset, argument)
        case "QUIT": self = try Self.bare(.quit, argument)
        case "NOOP": self = .noOperation
        case "VRFY": self = .verify
        case "LHLO": self = .hello(.lhlo, name: Array(argument))
        case "EHLO": self = .hello(.ehlo, name: Array(argument))
        case "HELO": self = .hello(.helo, name: Array(argument))
        default: self = .unknown("500 5.5.2 unknown command")
        }
    }

    private static func bare(_ command: ServerCommand, _ argument: ArraySlice<UInt8>) throws(Refusal) -> ServerCommand {
        guard argument.isEmpty else { throw Refusal("501 5.5.4 this command has no argument") }
        return command
    }

    /// A keyword in upper case.
    private static func word(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.lazy.map(ASCII.uppercase), as: UTF8.self)
    }

    // MARK: MAIL and RCPT

    private static func mail(
        _ argument: ArraySlice<UInt8>, _ extensions: Capabilities.Extensions
    ) throws(Refusal) -> Envelope {
        let (path, parameters) = try path(argument, keyword: "FROM:")
        var envelope = Envelope(sender: path, recipients: [])
        var seen: Set<String> = []
        for (name, value) in try Self.parameters(parameters, &seen) {
            switch name {
            case "SIZE": envelope.length = try size(value)
            case "BODY" where extensions.contains(.eightBitMIME):
                switch value.map(word) {
                case "7BIT": envelope.bodyType = .sevenBit
                case "8BITMIME": envelope.bodyType = .eightBit
                default: throw .badParameter
                }
            case "SMTPUTF8" where extensions.contains(.smtpUTF8):
                guard value == nil else { throw .badParameter }
                envelope.hasInternationalizedHeader = true
            case "RET" where extensions.contains(.deliveryStatusNotifications):
                guard let content = value.flatMap({ ReturnedContent(rawValue: word($0)) }) else { throw .badParameter }
                envelope.returnedContent = content
            case "ENVID" where extensions.contains(.deliveryStatusNotifications):
                // RFC 3461 4.4.
                guard let value, (1...100).contains(value.count), let text = XText(encoded: value) else {
                    throw .badParameter
                }
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
        _ argument: ArraySlice<UInt8>, _ extensions: Capabilities.Extensions
    ) throws(Refusal) -> EnvelopeRecipient {
        let (path, parameters) = try path(argument, keyword: "TO:")
        guard !path.isEmpty else { throw Refusal("501 5.1.3 no user") }
        _ = try kind(of: path)
        var recipient = EnvelopeRecipient(path)
        var seen: Set<String> = []
        for (name, value) in try Self.parameters(parameters, &seen) {
            switch name {
            case "NOTIFY" where extensions.contains(.deliveryStatusNotifications):
                guard let conditions = value.flatMap({ NotifyConditions($0) }) else { throw .badParameter }
                recipient.notify = conditions
            case "ORCPT" where extensions.contains(.deliveryStatusNotifications):
                // RFC 3461 4.2.
                guard let value, value.count <= 500, let original = OriginalRecipient(value) else {
                    throw .badParameter
                }
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
    private static func size(_ value: ArraySlice<UInt8>?) throws(Refusal) -> Envelope.Length {
        guard let value, (1...20).contains(value.count), value.allSatisfy(ASCII.isDigit) else { throw .badParameter }
        return .estimate(Decimal.value(value).map(UInt64.init) ?? .max)
    }

    /// `FROM:<path>` and what follows; a bracket within quotes ends nothing.
    private static func path(
        _ argument: ArraySlice<UInt8>, keyword: StaticString
    ) throws(Refusal) -> ([UInt8], ArraySlice<UInt8>) {
        let length = keyword.utf8CodeUnitCount
        guard word(argument.prefix(length)) == "\(keyword)" else { throw .noPath }
        let rest = argument.dropFirst(length).drop(while: ASCII.isBlank)
        guard rest.first == UInt8(ascii: "<") else { throw .noPath }
        var isQuoted = false
        var isEscaped = false
        for index in rest.indices.dropFirst() {
            switch rest[index] {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\") where isQuoted: isEscaped = true
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ">") where !isQuoted:
                let parameters = rest[(index + 1)...]
                guard parameters.first.map(ASCII.isBlank) ?? true else { throw .noPath }
                return (Array(rest[(rest.startIndex + 1)..<index]), parameters)
            default: break
            }
        }
        throw .noPath
    }

    /// The parameters with their names in upper case; each name once (RFC 5321 4.1.1.11).
    private static func parameters(
        _ text: ArraySlice<UInt8>, _ seen: inout Set<String>
    ) throws(Refusal) -> [(String, ArraySlice<UInt8>?)] {
        guard !text.isEmpty else { return [] }
        var parameters: [(String, ArraySlice<UInt8>?)] = []
        for parameter in text.split(whereSeparator: ASCII.isBlank) {
            let name = parameter.prefix { $0 != UInt8(ascii: "=") }
            let value = name.endIndex < parameter.endIndex ? parameter[(name.endIndex + 1)...] : nil
            guard value?.isEmpty != true, value?.contains(UInt8(ascii: "=")) != true else { throw .badParameter }
            let word = word(name)
            guard seen.insert(word).inserted else { throw Refusal("501 5.5.4 a parameter is given twice") }
            parameters.append((word, value))
        }
        return parameters
    }

    // MARK: BDAT

    /// `BDAT octets [LAST]`.
    private static func chunk(_ argument: ArraySlice<UInt8>) throws(Refusal) -> ServerCommand {
        let words = argument.split(whereSeparator: ASCII.isBlank)
        guard let octets = words.first.flatMap({ Decimal.value($0) }), words.count <= 2 else { return .endlessChunk }
        guard words.count == 1 || word(words[1]) == "LAST" else { return .endlessChunk }
        return .chunk(octets: UInt64(octets), isLast: words.count == 2)
    }
}
