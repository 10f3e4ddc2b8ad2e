// The keyed digest of CRAM-MD5 (RFC 2195): HMAC (RFC 2104) over MD5. MD5 is broken, its keyed form is not, and servers
// that offer CRAM-MD5 offer nothing else for it.

import CMessageDigest

/// HMAC-MD5.
package enum KeyedMD5 {
    /// The block that MD5 works on, in bytes; longer keys are digested first (RFC 2104 section 2).
    private static let blockSize = 64

    /// The 16 bytes of HMAC-MD5 of a message under a key.
    package static func digest(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var block = key.count > blockSize ? md5([key]) : key
        block += Array(repeating: 0, count: blockSize - block.count)
        return md5([block.map { $0 ^ 0x5C }, md5([block.map { $0 ^ 0x36 }, message])])
    }

    private static func md5(_ parts: [[UInt8]]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(MD5_DIGEST_LENGTH))
        var context = MD5_CTX()
        // The library reads each part's count of bytes, and writes the 16 that the digest has room for.
        unsafe MD5Init(&context)
        for part in parts { unsafe MD5Update(&context, part, part.count) }
        unsafe MD5Final(&digest, &context)
        return digest
    }
}
