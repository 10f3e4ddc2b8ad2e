// How TLS connections are made: certificates are checked unless there is no name to check them against.

import Bytes
package import Configuration
import NIOSSL
import System

/// What a connection needs to begin TLS.
struct TLSClient: Sendable {
    private let context: NIOSSLContext
    private let serverName: String?

    /// Prepares TLS to an endpoint.
    ///
    /// The certificate must be signed by one of the authorities and be for the endpoint's name or address. A socket in
    /// the file system has neither: there the signature alone is checked.
    ///
    /// - Throws: `ConfigurationError` where a certificate or key cannot be used.
    init(_ file: TLSFile, path: String, endpoint: Endpoint) throws(ConfigurationError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        switch endpoint {
        case .unix:
            configuration.certificateVerification = .noHostnameVerification
            serverName = nil
        case .tcp(let host, _):
            configuration.certificateVerification = .fullVerification
            // An address is no server name (RFC 6066 3); the certificate is then checked against the address.
            let isAddress = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
            serverName = isAddress ? nil : host
        }
        try Self.checkFiles(of: file, path: path)
        if let authorities = file.authorityFile { configuration.trustRoots = .file(authorities) }
        if let directory = file.authorityDirectory {
            if file.authorityFile == nil {
                configuration.trustRoots = .file(directory)
            } else {
                configuration.additionalTrustRoots = [.file(directory)]
            }
        }
        do {
            if let certificates = try Self.certificates(of: file, path: path) {
                configuration.certificateChain = certificates.map { .certificate($0) }
                configuration.privateKey = .privateKey(try Self.key(of: file, path: path))
            }
            context = try NIOSSLContext(configuration: configuration)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw Self.explanation(of: error, file, path: path)
        }
    }

    /// The certificates that servers are shown; nil where none are named.
    private static func certificates(
        of file: TLSFile, path: String
    ) throws(ConfigurationError) -> [NIOSSLCertificate]? {
        guard let name = file.certificateFile else { return nil }
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(name), !certificates.isEmpty else {
            throw unusable("tls-cert-file", name, "has no certificate in PEM; name the certificate chain", path)
        }
        return certificates
    }

    /// The key of the certificate.
    private static func key(of file: TLSFile, path: String) throws(ConfigurationError) -> NIOSSLPrivateKey {
        let name = file.keyFile ?? file.certificateFile ?? ""
        guard let key = try? NIOSSLPrivateKey(file: name, format: .pem) else {
            throw unusable(
                file.keyFile == nil ? "tls-cert-file" : "tls-key-file", name,
                "has no private key in PEM; name that of the certificate with tls-key-file, not encrypted", path)
        }
        return key
    }

    /// Which file the library did not take when it put all of them together: it does not say.
    private static func explanation(of error: any Error, _ file: TLSFile, path: String) -> ConfigurationError {
        if let name = file.authorityFile, ((try? NIOSSLCertificate.fromPEMFile(name)) ?? []).isEmpty {
            return unusable("tls-CAfile", name, "has no certificate in PEM; name the authorities' certificates", path)
        }
        if let certificate = file.certificateFile {
            let key = file.keyFile ?? certificate
            return unusable(
                file.keyFile == nil ? "tls-cert-file" : "tls-key-file", key,
                "the key is not that of the first certificate in \(certificate); name the two that belong together",
                path)
        }
        return ConfigurationError(file: path, text: "TLS cannot be set up with these files: \(error)")
    }

    private static func unusable(
        _ setting: String, _ name: String, _ text: String, _ path: String
    ) -> ConfigurationError {
        ConfigurationError(file: path, text: "\(setting): \(name): \(text)")
    }

    /// Checks that what the TLS file names can be read: the library says neither which file it means nor why.
    private static func checkFiles(of file: TLSFile, path: String) throws(ConfigurationError) {
        let files = [
            ("tls-CAfile", file.authorityFile), ("tls-cert-file", file.certificateFile), ("tls-key-file", file.keyFile),
        ]
        let names: [String]
        do throws(FileError) {
            for (_, name) in files { if let name { _ = try readFile(name, limit: fileLimit) } }
            names =
                try file.authorityDirectory.map { directory throws(FileError) in try fileNames(in: directory) } ?? []
        } catch {
            let setting = files.first { $0.1 == error.path }?.0 ?? "tls-CApath"
            throw ConfigurationError(
                file: path, text: "\(setting): \(error); name a file that this user may read, in PEM")
        }
        if let directory = file.authorityDirectory, !names.contains(where: isHash) {
            throw unusable(
                "tls-CApath", directory, "has no certificate under the name of its hash; run 'openssl rehash' on it",
                path)
        }
        if let key = file.keyFile, file.certificateFile == nil {
            throw unusable("tls-key-file", key, "has no effect without tls-cert-file; name its certificate", path)
        }
    }

    /// Whether the library finds an authority's certificate under a name: eight hexadecimal digits, a dot, a number.
    private static func isHash(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts[0].count == 8 && parts[0].allSatisfy(\.isHexDigit)
            && !parts[1].isEmpty && parts[1].allSatisfy(\.isNumber)
    }

    /// The largest certificate or key file, in bytes.
    private static let fileLimit = 16 << 20

    /// Whether a certificate that was found good may stand for the server's name.
    ///
    /// A wildcard stands for the first label of a longer name (RFC 6125 6.4.3), never for a whole name such as `localhost`,
    /// which the library would let it.
    func accepts(_ certificate: NIOSSLCertificate?) -> Bool {
        guard let serverName, !serverName.contains(".") else { return true }
        guard let certificate else { return false }
        let names = certificate._subjectAlternativeNames().filter { $0.nameType == .dnsName }
            .map { String(decoding: $0.contents, as: UTF8.self).lowercased() }
        // Without alternative names the library takes the subject's common name.
        guard names.isEmpty else { return names.contains(serverName.lowercased()) }
        // The attribute's identifier (id-at-commonName, RFC 5280 A.1), any type of string, one byte long, an asterisk.
        let bytes = (try? certificate.toDERBytes()) ?? []
        let identifier: [UInt8] = [0x06, 0x03, 0x55, 0x04, 0x03]
        return !bytes.isEmpty
            && !bytes.indices.dropLast(7).contains { place in
                bytes[place...].starts(with: identifier) && bytes[place + 6] == 1
                    && bytes[place + 7] == UInt8(ascii: "*")
            }
    }

    /// A handler for one connection.
    func makeHandler() throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: context, serverHostname: serverName)
    }
}

// The TLS settings file of the smtp agent's `-S` option.

/// What the TLS file says.
package struct TLSFile: Sendable, Hashable {
    /// `tls-cert-file`: our certificate chain in PEM, for servers that ask for one.
    package var certificateFile: String?
    /// `tls-key-file`: its private key in PEM.
    package var keyFile: String?
    /// `tls-CAfile`: the certificates that servers' are checked with; the system's where neither this nor the next is set.
    package var authorityFile: String?
    /// `tls-CApath`: the same as a directory.
    package var authorityDirectory: String?
    /// `demand-tls-mode`: whether nothing is sent without TLS.
    package var isDemanded = false

    /// TLS where it is offered, checked with the system's certificates.
    package init() {}

    /// Reads a TLS file.
    ///
    /// - Throws: `ConfigurationError` where it cannot be read, or a line means nothing here: a misspelt `demand-tls-mode`
    ///   must not pass in silence.
    package init(path: String) throws(ConfigurationError) {
        let bytes = try ConfigurationFile(path) { _ in "; correct the path behind -S" }.bytes
        for (index, line) in bytes.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false).enumerated() {
            let words = line.split { ASCII.isBlank($0) || $0 == ASCII.carriageReturn }.map {
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
