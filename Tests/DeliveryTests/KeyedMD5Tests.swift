// The keyed digest against the vectors of RFC 2202 and RFC 2195.

import Delivery
import Testing

@Suite struct KeyedMD5Tests {
    static let vectors: [(key: [UInt8], message: [UInt8], digest: String)] = [
        (Array(repeating: 0x0B, count: 16), Array("Hi There".utf8), "9294727a3638bb1c13f48ef8158bfc9d"),
        (Array("Jefe".utf8), Array("what do ya want for nothing?".utf8), "750c783e6ab0b503eaa86e310a5db738"),
        (Array(repeating: 0xAA, count: 16), Array(repeating: 0xDD, count: 50), "56be34521d144c88dbb8c733f0e8b3f6"),
        (
            Array(repeating: 0xAA, count: 80), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"
        ),
        (
            Array("tanstaaftanstaaf".utf8), Array("<1896.697170952@postoffice.reston.mci.net>".utf8),
            "b913a602c7eda7a495b4e6e7334d3890"
        ),
    ]

    @Test(arguments: vectors)
    func hmacMD5OfPublishedVectors(_ vector: (key: [UInt8], message: [UInt8], digest: String)) {
        let hexadecimal = KeyedMD5.digest(key: vector.key, message: vector.message).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        #expect(hexadecimal.joined() == vector.digest)
    }
}
