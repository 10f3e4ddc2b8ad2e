// The little JSON (RFC 8259) that results need: objects of strings and lists, one a line. Bytes that are no UTF-8 text
// become {"base64": "..."}, so that nothing is lost or guessed.

/// Appends JSON to a buffer of bytes.
package struct JSONText {
    /// What was written.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Nothing written yet.
    package init() {}

    /// An object, whose members the closure writes.
    package mutating func object(_ body: (inout JSONText) -> Void) {
        container(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    /// An array, whose elements the closure writes.
    package mutating func array(_ body: (inout JSONText) -> Void) {
        container(UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    private mutating func container(_ open: UInt8, _ close: UInt8, _ body: (inout JSONText) -> Void) {
        separate()
        bytes.append(open)
        needsComma = false
        body(&self)
        bytes.append(close)
        needsComma = true
    }

    /// The name of a member, before its value.
    package mutating func name(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A string.
    package mutating func string(_ text: String) {
        separate()
        quote(Array(text.utf8)[...])
    }

    /// A number.
    package mutating func number(_ value: Int) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Nothing.
    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// True or false.
    package mutating func boolean(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Text as a string, other bytes in base64.
    package mutating func text(_ value: some Collection<UInt8>) {
        let value = Array(value)
        if WellFormedUTF8.isValid(value.span) {
            separate()
            quote(value[...])
        } else {
            object { json in
                json.name("base64")
                json.string(String(decoding: Base64.encode(value), as: Unicode.UTF8.self))
            }
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func quote(_ value: ArraySlice<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for byte in value {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, 0x7F:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
