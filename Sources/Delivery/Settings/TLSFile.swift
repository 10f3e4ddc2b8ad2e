// The TLS settings file of the smtp agent's `-S` option, and the certificates and keys that it names.

import Bytes
package import Configuration
import NIOSSL
import System

/// What the TLS file says.
package struct TLSFile: ConfigurationReading, Sendable, Hashable {
    /// The path it was read from.
    package let path: String
    /// `tls-cert-file`: our certificate chain in PEM, for servers that ask for one.
    package private(set) var certificateFile: String?
    /// `tls-key-file`: its private key in PEM.
    package private(set) var keyFile: String?
    /// `tls-CAfile`: the certificates that servers' are checked with; the system's where neither this nor the next is set.
    package private(set) var authorityFile: String?
    /// `tls-CApath`: the same as a directory.
    package private(set) var authorityDirectory: String?
    /// `demand-tls-mode`: whether nothing is sent without TLS.
    package private(set) var isDemanded = false
    /// Why it, or what of its lines, cannot be used.
    package private(set) var findings: [Finding] = []
    /// The line of each name, in lower case.
    private var lines: [String: Int] = [:]

    /// Reads a TLS file as far as it can be understood.
    package init(reading path: String) {
        self.path = path
        let file = ConfigurationFile(path) { _ in "; correct the path behind -S" }
        var found = FindingList(path, after: file.findings)
        for line in ConfigurationLine.all(in: file.bytes, &found) {
            let words = line.words
            guard let name = words.first else { continue }
            if let (finding, problem) = set(name, words.dropFirst()) {
                found.error(finding, problem, line: line.number)
            } else {
                lines[name.lowercased()] = line.number
            }
        }
        findings = found.inOrder
    }

    /// Reads a TLS file, for callers who can use it only whole.
    ///
    /// - Throws: `ConfigurationError` where it cannot be read, or a line means nothing here: a misspelt `demand-tls-mode`
    ///   must not pass in silence.
    package init(path: String) throws(ConfigurationError) { self = try Self(reading: path).checked() }

    /// Takes a line; answers what is wrong with it.
    private mutating func set(_ name: String, _ values: ArraySlice<String>) -> (Finding.Name, String)? {
        let files: [(name: String, member: WritableKeyPath<TLSFile, String?>)] = [
            ("tls-cert-file", \.certificateFile), ("tls-key-file", \.keyFile), ("tls-cafile", \.authorityFile),
            ("tls-capath", \.authorityDirectory),
        ]
        if let known = files.first(where: { $0.name == name.lowercased() }) {
            guard values.count == 1 else {
                return (.invalidValue, "'\(name)' needs one path behind it, and has \(values.count)")
            }
            self[keyPath: known.member] = values.first
            return nil
        }
        guard name.lowercased() == "demand-tls-mode" else {
            return (
                .unknownSetting,
                "'\(name)' is not known here; known are tls-cert-file FILE, tls-key-file FILE, tls-CAfile FILE,"
                    + " tls-CApath DIRECTORY, demand-tls-mode"
            )
        }
        guard values.isEmpty else { return (.invalidValue, "demand-tls-mode has no value; write it alone on its line") }
        isDemanded = true
        return nil
    }

    /// What is wrong with a file that a line names.
    func finding(
        _ setting: String, _ text: String, _ name: Finding.Name = .unusableTLSFile,
        _ severity: Finding.Severity = .error
    ) -> Finding {
        Finding(name, severity, file: path, line: lines[setting.lowercased()], text: "\(setting): \(text)")
    }
}

extension Finding.Name {
    /// A certificate, a key or a directory of them that cannot be used.
    static let unusableTLSFile = Finding.Name("unusable-tls-file")
}

// The certificates and keys: the library says neither which file it means nor why, so all of it is looked at before.

/// What the files that a TLS file names hold.
struct TLSMaterial {
    /// The certificates that servers are shown; empty where none are named.
    private(set) var certificates: [NIOSSLCertificate] = []
    /// The key of the first of them.
    private(set) var key: NIOSSLPrivateKey?
    /// What cannot be used, in the order of lines.
    private(set) var findings: [Finding] = []
    private let file: TLSFile

    /// The largest certificate or key file, in bytes.
    private static let fileLimit = 16 << 20

    /// Reads the files.
    init(_ file: TLSFile) {
        self.file = file
        readAuthorities()
        readCertificates()
        findings = findings.inOrderOfLines
    }

    private mutating func find(_ setting: String, _ text: String) { findings.append(file.finding(setting, text)) }

    /// Whether a file that a line names can be read.
    private mutating func isReadable(_ setting: String, _ name: String) -> Bool {
        do throws(FileError) {
            _ = try readFile(name, limit: Self.fileLimit)
            return true
        } catch {
            find(setting, "\(error); name a file that this user may read, in PEM")
            return false
        }
    }

    private mutating func readAuthorities() {
        if let name = file.authorityFile { _ = isReadable("tls-CAfile", name) }
        guard let directory = file.authorityDirectory else { return }
        do throws(FileError) {
            if !(try fileNames(in: directory)).contains(where: Self.isHash) {
                find(
                    "tls-CApath",
                    "\(directory): has no certificate under the name of its hash; run 'openssl rehash' on it")
            }
        } catch {
            find("tls-CApath", "\(error); name a file that this user may read, in PEM")
        }
    }

    private mutating func readCertificates() {
        guard let name = file.certificateFile else {
            if let key = file.keyFile, isReadable("tls-key-file", key) {
                find("tls-key-file", "\(key): has no effect without tls-cert-file; name its certificate")
            }
            return
        }
        let hasCertificate = isReadable("tls-cert-file", name)
        if hasCertificate {
            certificates = (try? NIOSSLCertificate.fromPEMFile(name)) ?? []
            if certificates.isEmpty {
                find("tls-cert-file", "\(name): has no certificate in PEM; name the certificate chain")
            }
        }
        guard file.keyFile.map({ isReadable("tls-key-file", $0) }) ?? !certificates.isEmpty else { return }
        key = try? NIOSSLPrivateKey(file: file.keyFile ?? name, format: .pem)
        if key == nil {
            find(
                keySetting,
                "\(file.keyFile ?? name): has no private key in PEM that is not encrypted; name the key that belongs to the certificate"
                    + " with tls-key-file")
        }
    }

    private var keySetting: String { file.keyFile == nil ? "tls-cert-file" : "tls-key-file" }

    /// Puts all of it together with what is set otherwise.
    ///
    /// - Throws: an error of the library, for `explanation`.
    func context(_ settings: TLSConfiguration) throws -> NIOSSLContext {
        var settings = settings
        switch (file.authorityFile, file.authorityDirectory) {
        case (let authorities?, let directory):
            settings.trustRoots = .file(authorities)
            settings.additionalTrustRoots = directory.map { [.file($0)] } ?? []
        case (nil, let directory?): settings.trustRoots = .file(directory)
        case (nil, nil): break
        }
        settings.certificateChain = certificates.map { .certificate($0) }
        settings.privateKey = key.map { .privateKey($0) }
        return try NIOSSLContext(configuration: settings)
    }

    /// What cannot be used of the files that a TLS file names.
    static func findings(about file: TLSFile) -> [Finding] {
        let material = TLSMaterial(file)
        guard material.findings.isEmpty else { return material.findings }
        do {
            _ = try material.context(.makeClientConfiguration())
            return []
        } catch {
            return [material.explanation(of: error)]
        }
    }

    /// Which file the library did not take when it put all of them together: it does not say.
    func explanation(of error: any Error) -> Finding {
        if let name = file.authorityFile, ((try? NIOSSLCertificate.fromPEMFile(name)) ?? []).isEmpty {
            return file.finding(
                "tls-CAfile", "\(name): has no certificate in PEM; name the authorities' certificates")
        }
        if let certificate = file.certificateFile {
            return file.finding(
                keySetting,
                "\(file.keyFile ?? certificate): the key is not that of the first certificate in \(certificate); name the"
                    + " two that belong together")
        }
        return Finding(
            .unusableTLSFile, .error, file: file.path, text: "TLS cannot be set up with these files: \(error)")
    }

    /// Whether the library finds an authority's certificate under a name: eight hexadecimal digits, a dot, a number.
    private static func isHash(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts[0].count == 8 && parts[0].allSatisfy(\.isHexDigit)
            && !parts[1].isEmpty && parts[1].allSatisfy(\.isNumber)
    }
}
