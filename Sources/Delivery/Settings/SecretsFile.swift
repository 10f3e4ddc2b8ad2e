// ZMailer's smtp-auth-secrets.txt: which user and secret to give to which server.

public import Configuration
import Files
public import LMTP
import MailAddress

/// The lines of a secrets file.
///
/// It prints as its path: secrets are in no description, and no error shows a line of the file.
public struct SecretsFile: Sendable, CustomStringConvertible, CustomReflectable {
    private struct Entry {
        let channel: String
        let host: String
        let credentials: Credentials
    }

    /// The path it was read from.
    public let path: String
    private let entries: [Entry]

    /// Reads a secrets file.
    ///
    /// - Throws: `ConfigurationError` where it cannot be read, others than its owner (and root) may read or write it, or a
    ///   line is not `CHANNEL HOST USER SECRET` with user and secret in base64.
    public init(path: String) throws(ConfigurationError) {
        self.path = path
        let file = try ConfigurationFile(path) { _ in "; it has the secrets of -A, and this user must be its owner" }
        let mode = file.state.identity.mode & 0o777
        guard mode & 0o077 == 0 else {
            throw ConfigurationError(
                file: path,
                text: "others may read or change the secrets (mode \(String(mode, radix: 8))); chmod 600 it")
        }
        var entries: [Entry] = []
        for (index, line) in file.bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
            guard words.count == 4, let user = Base64.decode(words[2]), let secret = Base64.decode(words[3]) else {
                throw ConfigurationError(
                    file: path, line: index + 1,
                    text: "not 'CHANNEL HOST USER SECRET' with user and secret in base64")
            }
            entries.append(
                Entry(
                    channel: String(decoding: words[0], as: UTF8.self),
                    host: String(decoding: words[1], as: UTF8.self).lowercased(),
                    credentials: Credentials(user: user, secret: secret)))
        }
        self.entries = entries
    }

    /// The credentials of the first line that fits a channel (or `*`) and one of the names of a server.
    public func credentials(channel: String, hosts: [String]) -> Credentials? {
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
    public var description: String { path }

    /// Nothing beyond the description.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
