// The TLS settings file of the smtp agent's `-S` option.

public import Configuration

/// What the TLS file says.
public struct TLSFile: Sendable, Hashable {
    /// `tls-cert-file`: our certificate chain in PEM, for servers that ask for one.
    public var certificateFile: String?
    /// `tls-key-file`: its private key in PEM.
    public var keyFile: String?
    /// `tls-CAfile`: the certificates that servers' are checked with; the system's where neither this nor the next is set.
    public var authorityFile: String?
    /// `tls-CApath`: the same as a directory.
    public var authorityDirectory: String?
    /// `demand-tls-mode`: whether nothing is sent without TLS.
    public var isDemanded = false

    /// TLS where it is offered, checked with the system's certificates.
    public init() {}

    /// Reads a TLS file.
    ///
    /// - Throws: `ConfigurationError` where it cannot be read, or a line means nothing here: a misspelt `demand-tls-mode`
    ///   must not pass in silence.
    public init(path: String) throws(ConfigurationError) {
        let bytes = try ConfigurationFile(path) { _ in "; correct the path behind -S" }.bytes
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }.map {
                String(decoding: $0, as: UTF8.self)
            }
            guard let key = words.first, !key.hasPrefix("#") else { continue }
            switch (key.lowercased(), words.count) {
            case ("tls-cert-file", 2): certificateFile = words[1]
            case ("tls-key-file", 2): keyFile = words[1]
            case ("tls-cafile", 2): authorityFile = words[1]
            case ("tls-capath", 2): authorityDirectory = words[1]
            case ("demand-tls-mode", 1): isDemanded = true
            case ("demand-tls-mode", _):
                throw ConfigurationError(
                    file: path, line: index + 1, text: "demand-tls-mode has no value; write it alone on its line")
            case ("tls-cert-file", _), ("tls-key-file", _), ("tls-cafile", _), ("tls-capath", _):
                throw ConfigurationError(
                    file: path, line: index + 1, text: "'\(key)' needs one path behind it, and has \(words.count - 1)")
            default:
                throw ConfigurationError(
                    file: path, line: index + 1,
                    text:
                        "'\(key)' is not known here; known are tls-cert-file FILE, tls-key-file FILE, tls-CAfile FILE,"
                        + " tls-CApath DIRECTORY, demand-tls-mode")
            }
        }
    }
}
