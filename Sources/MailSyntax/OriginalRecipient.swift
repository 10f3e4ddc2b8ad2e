// The address as the sender first wrote it, in the form in which it travels: RFC 3461 4.2, for UTF-8 RFC 6533 3.

import Bytes

/// The value of the ORCPT parameter: an address with its type.
///
/// Its text never holds a blank, a control character or a byte above 0x7E, so it can break neither a command line nor a
/// line of a file, whatever the address is.
public struct OriginalRecipient: Sendable, Hashable, CustomStringConvertible {
    /// The type of the address, usually `rfc822`: letters, digits and hyphens.
    public let addressType: String
    /// The address, decoded.
    public let address: [UInt8]
    /// The parameter's value, such as `rfc822;user+2Btail@example.org` or `utf-8;jos\x{E9}@example.org`.
    public let parameter: [UInt8]

    /// Makes the parameter for an address: of type `utf-8` where it is valid UTF-8 beyond ASCII, else `rfc822`.
    public init(address: some Sequence<UInt8>) {
        let address = Array(address)
        self.address = address
        if address.contains(where: { $0 >= 0x80 }), let text = String(validating: address, as: UTF8.self) {
            addressType = "utf-8"
            parameter = Array("utf-8;".utf8) + Self.encoded(text)
        } else {
            addressType = "rfc822"
            parameter = Array("rfc822;".utf8) + XText(encoding: address).bytes
        }
    }

    /// Reads the parameter's value, such as `rfc822;user+2Btail@example.org`.
    ///
    /// - Returns: nil where it has no type, or the address is not in the encoding of its type: xtext, and for `utf-8`
    ///   any of the three forms of RFC 6533.
    public init?(_ text: some Sequence<UInt8>) {
        let text = Array(text)
        guard let end = text.firstIndex(of: 0x3B), end > 0 else { return nil }
        let isWord = text[..<end].allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) || $0 == 0x2D
        }
        guard isWord else { return nil }
        let rest = text[(end + 1)...]
        let type = String(decoding: text[..<end], as: UTF8.self)
        if text[..<end].elementsEqual("rfc822".utf8) || type.lowercased() != "utf-8" {
            guard let encoded = XText(encoded: rest) else { return nil }
            address = encoded.decoded
            // XText is as it came.
            parameter = text
        } else {
            guard let decoded = Self.decoded(rest) else { return nil }
            address = decoded
            parameter = Array("\(type);".utf8) + Self.encoded(String(decoding: decoded, as: UTF8.self))
        }
        addressType = type
    }

    /// The parameter's value.
    public var description: String { String(decoding: parameter, as: UTF8.self) }

    /// Whether the address is one of Internet mail, which a person can write to.
    public var isMailAddress: Bool { ["rfc822", "utf-8"].contains(addressType.lowercased()) }

    // MARK: RFC 6533 3

    /// The form for seven bits (`utf-8-addr-xtext`): what is not plain stands as `\x{HEX}`.
    private static func encoded(_ text: String) -> [UInt8] {
        text.unicodeScalars.flatMap { scalar -> [UInt8] in
            isPlain(scalar.value)
                ? [UInt8(truncatingIfNeeded: scalar.value)]
                : Array("\\x{\(String(scalar.value, radix: 16, uppercase: true))}".utf8)
        }
    }

    /// QCHAR: printable ASCII but for `+`, `=` and the backslash.
    private static func isPlain(_ value: UInt32) -> Bool {
        (0x21...0x7E).contains(value) && value != 0x2B && value != 0x3D && value != 0x5C
    }

    /// The address of any of the forms, valid UTF-8; nil where an escape is wrong, or a blank or a control is in it.
    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var plain: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte > 0x20, byte != 0x7F, byte != 0x3D else { return nil }
            switch byte {
            case 0x5C:
                guard let scalar = scalar(&rest) else { return nil }
                plain += Array(String(scalar).utf8)
            case 0x2B:
                // Some encode it as xtext all the same.
                guard let value = XText(encoded: [byte] + rest.prefix(2))?.decoded else { return nil }
                plain += value
                rest = rest.dropFirst(2)
            default: plain.append(byte)
            }
        }
        return String(validating: plain, as: UTF8.self) == nil ? nil : plain
    }

    /// Takes the rest of `\x{HEX}` after its backslash.
    private static func scalar(_ rest: inout ArraySlice<UInt8>) -> Unicode.Scalar? {
        guard rest.starts(with: "x{".utf8), let end = rest.firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let digits = rest[(rest.startIndex + 2)..<end]
        rest = rest[(end + 1)...]
        guard (1...6).contains(digits.count), digits.allSatisfy(isHexadecimal) else { return nil }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16).flatMap(Unicode.Scalar.init)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (0x41...0x46).contains(ASCII.uppercase(byte))
    }
}

// The encoding in which DSN parameters carry arbitrary bytes on a command line: RFC 3461 4.

/// Text in the xtext encoding: printable ASCII in which `+HH` stands for any byte.
///
/// Its bytes never hold a blank, a control character or a byte above 0x7E, so it cannot break a command line.
public struct XText: Sendable, Hashable, CustomStringConvertible {
    /// The encoded form, as on the wire.
    public let bytes: [UInt8]

    /// Encodes bytes: everything but printable ASCII, and `+` and `=`, becomes `+HH`.
    public init(encoding plain: some Sequence<UInt8>) {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(plain.underestimatedCount)
        for byte in plain {
            if (0x21...0x7E).contains(byte), byte != 0x2B, byte != 0x3D {
                encoded.append(byte)
            } else {
                encoded.append(0x2B)
                encoded.append(ASCII.hexadecimalDigit(byte >> 4))
                encoded.append(ASCII.hexadecimalDigit(byte & 0x0F))
            }
        }
        bytes = encoded
    }

    /// Takes text that is encoded already.
    ///
    /// - Returns: nil where it is no xtext: a blank, a control, a high byte, an `=`, or a `+` without two upper-case
    ///   hexadecimal digits.
    public init?(encoded text: some Sequence<UInt8>) {
        let bytes = Array(text)
        guard Self.decode(bytes) != nil else { return nil }
        self.bytes = bytes
    }

    /// The bytes that the text stands for.
    public var decoded: [UInt8] {
        Self.decode(bytes) ?? []
    }

    /// The encoded form.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            guard (0x21...0x7E).contains(byte), byte != 0x3D else { return nil }
            index += 1
            guard byte == 0x2B else {
                plain.append(byte)
                continue
            }
            guard text.count - index >= 2, let high = ASCII.hexadecimalValue(text[index]),
                let low = ASCII.hexadecimalValue(text[index + 1])
            else { return nil }
            plain.append(high << 4 | low)
            index += 2
        }
        return plain
    }
}
