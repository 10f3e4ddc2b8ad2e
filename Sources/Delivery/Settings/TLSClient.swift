// How TLS connections are made: certificates are checked unless there is no name to check them against.

import Configuration
import NIOSSL

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
        do {
            if let authorities = file.authorityFile { configuration.trustRoots = .file(authorities) }
            if let directory = file.authorityDirectory {
                if file.authorityFile == nil {
                    configuration.trustRoots = .file(directory)
                } else {
                    configuration.additionalTrustRoots = [.file(directory)]
                }
            }
            if let certificate = file.certificateFile {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
                let key = try NIOSSLPrivateKey(file: file.keyFile ?? certificate, format: .pem)
                configuration.privateKey = .privateKey(key)
            }
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw ConfigurationError(file: path, text: "TLS cannot be set up with these certificates and key: \(error)")
        }
    }

    /// A handler for one connection.
    func makeHandler() throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: context, serverHostname: serverName)
    }
}
