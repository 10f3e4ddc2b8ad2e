// ZMailer's smtp-auth-secrets.txt: which user and secret to give to which server.

import Bytes
import CMessageDigest
package import Configuration
package import LMTP
import System

/// The lines of a secrets file.
///
/// It prints as its path: secrets are in no description, and no finding shows a line of the file.
package struct SecretsFile: ConfigurationReading, Sendable, CustomStringConvertible, CustomReflectable {
    private struct Entry {
        let channel: String
        let host: String
        let credentials: Credentials
    }

    /// The path it was read from.
    package let path: String
    /// Why it, or what of its lines, cannot be used.
    package let findings: [Finding]
    private let entries: [Entry]

    /// Reads a secrets file as far as it can be understood.
    package init(reading path: String) {
        let file = ConfigurationFile(path) { _ in "; it has the secrets of -A, and this user must be its owner" }
        var found = FindingList(path, after: file.findings)
        found.judgeSecrets("secrets", mode: file.state.map { $0.identity.mode & 0o777 })
        var entries: [Entry] = []
        for line in ConfigurationLine.all(in: file.bytes, &found) {
            let words = line.words
            guard words.count == 4, let user = Base64.decode(words[2].utf8), let secret = Base64.decode(words[3].utf8)
            else {
                found.error(
                    .invalidSecret,
                    "not four words 'CHANNEL HOST USER SECRET', of which the third and the fourth are in base64, as `printf %s USER |"
                        + " base64` writes them", line: line.number)
                continue
            }
            entries.append(
                Entry(
                    channel: words[0], host: words[1].lowercased(),
                    credentials: Credentials(user: user, secret: secret)))
        }
        self.path = path
        self.entries = entries
        findings = found.inOrder
    }

    /// Reads a secrets file, for callers who can use it only whole.
    ///
    /// - Throws: `ConfigurationError` where it cannot be read, others than its owner (and root) may read or write it, or a
    ///   line is not `CHANNEL HOST USER SECRET` with user and secret in base64.
    package init(path: String) throws(ConfigurationError) { self = try Self(reading: path).checked() }

    /// The credentials of the first line that fits a channel (or `*`) and one of the names of a server.
    package func credentials(channel: String, hosts: [String]) -> Credentials? {
        entry(channel: channel, hosts: hosts)?.credentials
    }

    /// The same with the number of the entry, by which credentials are told apart without a look at them.
    func entry(channel: String, hosts: [String]) -> (number: Int, credentials: Credentials)? {
        let names = Set(hosts.map { $0.lowercased() })
        let number = entries.firstIndex { entry in
            (entry.channel == "*" || entry.channel == channel) && (entry.host == "*" || names.contains(entry.host))
        }
        return number.map { ($0, entries[$0].credentials) }
    }

    /// The path.
    package var description: String { path }

    /// Nothing beyond the description.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Finding.Name {
    /// A line of a file of secrets that is none.
    static let invalidSecret = Finding.Name("invalid-secret")
}

// The keyed digest of CRAM-MD5 (RFC 2195): HMAC (RFC 2104) over MD5. MD5 is broken, its keyed form is not, and servers
// that offer CRAM-MD5 offer nothing else for it.

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
