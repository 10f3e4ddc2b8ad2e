// When certificates end: what is fine today and refused next week is worth a word before.

package import Configuration
import NIOSSL

extension TLSFile {
    /// What of the certificates has ended, or ends soon.
    ///
    /// - Parameter now: the present time in seconds since 1970.
    package func dateFindings(now: Int) -> [Finding] {
        guard findings.isEmpty else { return [] }
        var found: [Finding] = []
        // A chain holds as long as the first of it to end.
        if let end = Self.ends(certificateFile).min() {
            found += finding(end, now, "tls-cert-file", certificateFile, "servers that ask for it refuse it")
        }
        // Of many authorities some have always ended; where all have, nobody is trusted any more.
        if let end = Self.ends(authorityFile).max() {
            found += finding(end, now, "tls-CAfile", authorityFile, "no server is trusted by it")
        }
        return found
    }

    /// So many seconds before its end a certificate is worth a word: 30 days, the third that usual ones are renewed in.
    private static let soon = 30 * 86_400

    private static func ends(_ path: String?) -> [Int] {
        guard let path else { return [] }
        return ((try? NIOSSLCertificate.fromPEMFile(path)) ?? []).map { Int($0.notValidAfter) }
    }

    private func finding(_ end: Int, _ now: Int, _ setting: String, _ path: String?, _ effect: String) -> [Finding] {
        let path = path ?? ""
        guard end > now else {
            return [
                finding(
                    setting, "\(path): the certificate ended \(Self.days(now - end)) ago, so \(effect); renew it",
                    .certificateEnded)
            ]
        }
        guard end - now <= Self.soon else { return [] }
        return [
            finding(
                setting,
                "\(path): the certificate ends in \(Self.days(end - now)), and from then on \(effect); renew it",
                .certificateEndsSoon, .warning)
        ]
    }

    private static func days(_ seconds: Int) -> String {
        seconds < 2 * 86_400 ? counted(seconds / 3_600, "hour", "hours") : counted(seconds / 86_400, "day", "days")
    }
}

extension Finding.Name {
    /// A certificate that has ended.
    static let certificateEnded = Finding.Name("certificate-ended")
    /// A certificate that ends within 30 days.
    static let certificateEndsSoon = Finding.Name("certificate-ends-soon")
}
