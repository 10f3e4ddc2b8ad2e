// How TLS connections are made: certificates are checked unless there is no name to check them against.

import Bytes
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
    init(_ file: TLSFile, endpoint: Endpoint) throws(ConfigurationError) {
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
        let material = TLSMaterial(file)
        if let error = ConfigurationError(material.findings) { throw error }
        do {
            context = try material.context(configuration)
        } catch {
            throw ConfigurationError(material.explanation(of: error))
        }
    }

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

    /// Why a certificate was not accepted that `accepts` refuses.
    static let wildcardRefused =
        "the server's certificate has a wildcard in the place of the whole name: it must be for this host"

    /// A handler for one connection.
    func makeHandler() throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: context, serverHostname: serverName)
    }
}
