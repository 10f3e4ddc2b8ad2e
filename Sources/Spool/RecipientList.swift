// The addresses of one `to` line: ZMailer takes one, this spool takes several (DEVIATIONS, bad submissions).

import MailAddress

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
