// The grammar of a submitted message file: envelope lines, `env-end` or the first header field, header, blank line, body.
// Line by line as ZMailer's router reads it; lines may end in CRLF.

import Bytes

/// Parses the head of a submitted message file.
package enum SubmissionParser {
    /// Parses a file's beginning.
    ///
    /// - Parameters:
    ///   - bytes: the file from its beginning on.
    ///   - isWhole: whether `bytes` is the whole file.
    /// - Returns: the submission, or nil where the body's beginning lies beyond `bytes`.
    /// - Throws: `SubmissionError` where the file is no message, whatever may follow.
    package static func parse(_ bytes: [UInt8], isWhole: Bool) throws(SubmissionError) -> Submission? {
        guard !bytes.isEmpty || !isWhole else { throw .empty }
        var parser = Parser(bytes: bytes, isWhole: isWhole)
        guard try parser.run() else { return nil }
        return try parser.finished()
    }

    private struct Parser {
        let bytes: [UInt8]
        let isWhole: Bool
        var position = 0
        var lineNumber = 0
        var envelope = SubmissionEnvelope()
        var notification: [UInt8]?
        var isNullSender = false
        var headerOffset: Int?
        var fields: [HeaderField] = []

        init(bytes: [UInt8], isWhole: Bool) {
            self.bytes = bytes
            self.isWhole = isWhole
        }

        /// Reads up to the body; false where the bytes end before.
        mutating func run() throws(SubmissionError) -> Bool {
            while position < bytes.count {
                guard let (line, next) = nextLine() else { return false }
                lineNumber += 1
                let isDone = headerOffset == nil ? try envelopeLine(line, next) : headerLine(line, next)
                if isDone { return true }
            }
            // A header that ends with the file: one more line could still continue its last field.
            return isWhole
        }

        /// The next line without its line end, and where the one after it begins; nil where it is not all there.
        private func nextLine() -> (line: Range<Int>, next: Int)? {
            guard let end = bytes[position...].firstIndex(of: 0x0A) else {
                return isWhole ? (position..<bytes.count, bytes.count) : nil
            }
            let contentEnd = end > position && bytes[end - 1] == 0x0D ? end - 1 : end
            return (position..<contentEnd, end + 1)
        }

        private mutating func envelopeLine(_ line: Range<Int>, _ next: Int) throws(SubmissionError) -> Bool {
            guard let first = line.first.map({ bytes[$0] }) else {
                // A blank line ends envelope and header at once.
                headerOffset = position
                position = next
                return true
            }
            if ASCII.isBlank(first) { throw .continuationInEnvelope(line: lineNumber) }
            if fieldName(line, allowingBlanks: false) != nil {
                headerOffset = position
                return headerLine(line, next)
            }
            let keywordEnd = bytes[line].firstIndex(where: ASCII.isBlank) ?? line.upperBound
            let keyword = bytes[line.lowerBound..<keywordEnd].map(ASCII.lowercase)
            let value = HeaderValue.trimmed(bytes[keywordEnd..<line.upperBound])
            if try take(String(decoding: keyword, as: UTF8.self), value, line) { headerOffset = next }
            position = next
            return false
        }

        /// Takes an envelope line in; true where it ends the envelope.
        private mutating func take(
            _ keyword: String, _ value: ArraySlice<UInt8>, _ line: Range<Int>
        ) throws(SubmissionError) -> Bool {
            switch keyword {
            case "env-end", "env-eof": return true
            case "external": envelope.isExternal = true
            case "errormsg": envelope.isErrorMessage = true
            case "rcvdfrom": envelope.receivedFrom = Array(value)
            case "bodytype": envelope.bodyType = Array(value)
            case "with": envelope.with = Array(value)
            case "via": envelope.via = Array(value)
            case "identinfo", "authinfo": envelope.identityInformation = Array(value)
            case "fullname": envelope.fullName = Array(value)
            case "envid": envelope.envelopeIdentifier = Array(value)
            case "notaryret": envelope.returnMode = Array(value)
            case "todsn": notification = Array(value)
            case "from":
                guard !value.isEmpty else { throw .missingValue(line: lineNumber, keyword: keyword) }
                let address = RecipientList.unbracketed(value)
                if envelope.sender == nil { envelope.sender = address.isEmpty ? .null : .address(address) }
            case "to":
                for address in RecipientList.addresses(value) {
                    envelope.recipients.append(.init(address: address, notification: notification))
                }
                notification = nil
            case "channel" where value.map(ASCII.lowercase) == Array("error".utf8):
                isNullSender = true
                envelope.isErrorMessage = true
            case "channel", "comment", "loginname", "user", "verbose":
                envelope.others.append(Array(bytes[line]))
            default:
                throw .unknownEnvelopeLine(line: lineNumber, text: Self.printable(bytes[line]))
            }
            return false
        }

        /// Takes a header line in; true where the header ended before or with it.
        private mutating func headerLine(_ line: Range<Int>, _ next: Int) -> Bool {
            guard let first = line.first.map({ bytes[$0] }) else {
                position = next
                return true
            }
            if ASCII.isBlank(first), let last = fields.popLast() {
                fields.append(
                    HeaderField(
                        range: last.range.lowerBound..<next, nameRange: last.nameRange,
                        valueRange: last.valueRange.lowerBound..<line.upperBound))
            } else if let name = fieldName(line, allowingBlanks: true) {
                let colon = bytes[name.upperBound...].firstIndex(of: UInt8(ascii: ":")) ?? name.upperBound
                fields.append(
                    HeaderField(range: position..<next, nameRange: name, valueRange: (colon + 1)..<line.upperBound))
            } else {
                // Neither a field nor a continuation: the body begins here without a blank line, as ZMailer has it.
                return true
            }
            position = next
            return false
        }

        /// The name of the field a line begins: printable ASCII up to the colon (RFC 5322, 3.6.8).
        ///
        /// The obsolete form with blanks before the colon (4.5) is understood in the header only: in the envelope
        /// `to :include:/f` is no field.
        private func fieldName(_ line: Range<Int>, allowingBlanks: Bool) -> Range<Int>? {
            var end = line.lowerBound
            // A NUL in the header is passed over (`Submission.hasNul`).
            while end < line.upperBound, Self.isNameByte(bytes[end]) || (allowingBlanks && bytes[end] == 0) { end += 1 }
            var colon = end
            while allowingBlanks, colon < line.upperBound, ASCII.isBlank(bytes[colon]) { colon += 1 }
            guard end > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":") else { return nil }
            return line.lowerBound..<end
        }

        private static func isNameByte(_ byte: UInt8) -> Bool {
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ":")
        }

        /// The submission, once the body's beginning is known.
        mutating func finished() throws(SubmissionError) -> Submission {
            if isNullSender || (envelope.sender == nil && envelope.isErrorMessage) { envelope.sender = .null }
            let submission = Submission(
                envelope: envelope, fields: fields, head: Array(bytes[..<position]),
                headerOffset: headerOffset ?? position)
            if envelope.sender == nil, submission.senderField == nil { throw .noSender }
            if envelope.recipients.isEmpty, submission.recipientFields.isEmpty { throw .noRecipient }
            return submission
        }

        private static func printable(_ line: ArraySlice<UInt8>) -> String {
            let shown = line.prefix(60).map { $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
            return String(decoding: shown, as: UTF8.self) + (line.count > 60 ? "..." : "")
        }
    }
}

// The addresses of one `to` line: ZMailer takes one, this spool takes several (DEVIATIONS, bad submissions).

/// Splits the value of a `to` or `from` line into addresses, without judging them.
enum RecipientList {
    /// The addresses of a line: those in angle brackets without the brackets, others as they stand.
    ///
    /// Commas separate outside of angle brackets, quoted strings and comments. A value that begins as a pipe, a file or
    /// an include is one address whatever is in it, and so is one whose brackets or quotes do not close: the engine says
    /// what is wrong with it. A value without any address is one empty address.
    static func addresses(_ value: ArraySlice<UInt8>) -> [[UInt8]] {
        let whole = HeaderValue.trimmed(value)
        guard let first = whole.first,
            first != UInt8(ascii: "|"), first != UInt8(ascii: "/"), first != UInt8(ascii: ":"),
            let parts = split(whole)
        else { return [Array(whole)] }
        let addresses = parts.map(HeaderValue.trimmed).filter { !$0.isEmpty }.map(unbracketed)
        return addresses.isEmpty ? [[]] : addresses
    }

    /// The address in angle brackets of `<a>` and `phrase <a>`; all else as it stands.
    static func unbracketed(_ part: ArraySlice<UInt8>) -> [UInt8] {
        guard part.last == UInt8(ascii: ">"), let open = openingBracket(part) else { return Array(part) }
        return Array(HeaderValue.trimmed(part[(open + 1)..<(part.endIndex - 1)]))
    }

    private static func openingBracket(_ part: ArraySlice<UInt8>) -> Int? {
        var scanner = Scanner()
        for index in part.indices {
            let wasInside = scanner.isInBrackets
            guard scanner.take(part[index]) else { return nil }
            if !wasInside, scanner.isInBrackets { return index }
        }
        return nil
    }

    private static func split(_ whole: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
        var parts: [ArraySlice<UInt8>] = []
        var start = whole.startIndex
        var scanner = Scanner()
        for index in whole.indices {
            let isSeparator = whole[index] == UInt8(ascii: ",") && scanner.isOutside
            guard scanner.take(whole[index]) else { return nil }
            if isSeparator {
                parts.append(whole[start..<index])
                start = index + 1
            }
        }
        guard scanner.isOutside else { return nil }
        parts.append(whole[start...])
        return parts
    }

    /// Follows brackets, quoted strings and comments byte by byte (RFC 5322, 3.2).
    private struct Scanner {
        private var isEscaped = false
        private var isQuoted = false
        private(set) var isInBrackets = false
        private var comments = 0

        var isOutside: Bool { !isEscaped && !isQuoted && !isInBrackets && comments == 0 }

        /// Whether the byte fits; a closing bracket or parenthesis without its opening one does not.
        mutating func take(_ byte: UInt8) -> Bool {
            if isEscaped {
                isEscaped = false
                return true
            }
            switch byte {
            case UInt8(ascii: "\\"):
                isEscaped = true
            case UInt8(ascii: "\"") where comments == 0:
                isQuoted.toggle()
            case _ where isQuoted:
                break
            case UInt8(ascii: "("):
                comments += 1
            case UInt8(ascii: ")"):
                guard comments > 0 else { return false }
                comments -= 1
            case _ where comments > 0:
                break
            case UInt8(ascii: "<"):
                guard !isInBrackets else { return false }
                isInBrackets = true
            case UInt8(ascii: ">"):
                guard isInBrackets else { return false }
                isInBrackets = false
            default:
                break
            }
            return true
        }
    }
}
