// Which servers a description names, and as whom and how encrypted they are asked.

import Bytes
import Configuration
import Maps

extension LDAPSettings {
    /// Who is asked, and as whom.
    mutating func access(_ servers: [String]) -> LDAPAccess {
        var access = LDAPAccess(servers: servers)
        access.user = user()
        access.tls = encryption(servers)
        access.dereference = Int32(clamping: number("dereference", in: 0...3) ?? 0)
        if flag("chase_referrals"), let line = setting("chase_referrals")?.line {
            found.error(
                .invalidValue,
                "chase_referrals: answers that point to other servers are failures here; name a server that has"
                    + " the whole tree", line: line)
        }
        return access
    }

    /// The servers' URIs.
    mutating func servers() -> [String] {
        let port = number("ldapport", in: 1...65535) ?? 389
        let named = setting("uri") ?? setting("ldaphost")
        if let other = setting("ldaphost"), setting("uri") != nil {
            found.error(.repeatedSetting, "uri and ldaphost both name servers; keep one", line: other.line)
        }
        guard let named else {
            if isOfPostfix { return ["ldap://localhost:\(port)"] }
            found.error(.missingField, "names no server; write uri ldap://host")
            return []
        }
        var servers: [String] = []
        for word in named.value.utf8.split(whereSeparator: { $0 == UInt8(ascii: ",") || ASCII.isBlank($0) }) {
            let text = String(Substring(word))
            guard let mark = text.firstRange(of: "://") else {
                // A host alone, or with its port.
                let hasPort = text.contains(":") && !text.hasSuffix("]")
                servers.append(hasPort ? "ldap://\(text)" : "ldap://\(text):\(port)")
                continue
            }
            guard ["ldap", "ldaps", "ldapi"].contains(text[..<mark.lowerBound]) else {
                found.error(
                    .invalidValue, "'\(text)' is no URI of a directory server; write ldap://, ldaps:// or ldapi://",
                    line: named.line)
                continue
            }
            servers.append(text)
        }
        if servers.isEmpty, !named.value.utf8.contains(where: { !ASCII.isBlank($0) }) {
            found.error(.invalidValue, "\(named.name) names no server", line: named.line)
        }
        return servers
    }

    private mutating func user() -> LDAPAccess.User {
        let (name, password) = (setting("binddn"), setting("passwd"))
        if password != nil {
            found.judgeSecrets("password", mode: mode, alternative: ", as a file of the user who routes")
        }
        let method = isOfPostfix ? setting("bind") : setting("authmethod")
        switch method?.value.lowercased() {
        case nil, "yes", "simple": break
        case "no", "none": return .anonymous
        case "sasl":
            guard let mechanism = setting("sasl_mech"), mechanism.value.uppercased() == "EXTERNAL" else {
                found.error(
                    .invalidValue, "of SASL only the mechanism EXTERNAL is carried over; name it, or bind simply",
                    line: method?.line)
                return .anonymous
            }
            return .external(authorization: setting("sasl_authz_id")?.value ?? "")
        default:
            found.error(
                .invalidValue,
                "\(method?.name ?? "bind") is none of the ways to bind that are known here: simple and sasl"
                    + " (bind = yes, no and sasl in Postfix's file)", line: method?.line)
        }
        guard let name, !name.value.isEmpty else {
            if let password, !password.value.isEmpty {
                found.error(.missingField, "has a password and no DN to bind as; add the DN", line: password.line)
            }
            return .anonymous
        }
        guard let password, !password.value.isEmpty else {
            found.error(
                .missingField,
                "names a DN to bind as and no password: the server would take the user for an anonymous one, or refuse; add the"
                    + " password, or remove the DN", line: name.line)
            return .anonymous
        }
        return .simple(name: name.value, password: LDAPPassword(Array(password.value.utf8)))
    }

    private mutating func encryption(_ servers: [String]) -> LDAPAccess.TLS {
        var tls = LDAPAccess.TLS()
        tls.isStarted = flag("start_tls")
        // Postfix does not look at certificates unless it is told to; here they are looked at unless somebody says no.
        tls.isVerified = flag("tls_require_cert", standard: true)
        for (name, option) in [
            ("tls_ca_cert_file", LDAPCode.certificateAuthorities), ("tls_ca_cert_dir", LDAPCode.certificateDirectory),
            ("tls_cert", LDAPCode.certificate), ("tls_key", LDAPCode.key), ("tls_cipher_suite", LDAPCode.cipherSuite),
        ] {
            if let setting = setting(name) { tls.files[option] = setting.value }
        }
        if tls.isStarted, let other = servers.first(where: { !$0.hasPrefix("ldap:") }) {
            found.error(
                .invalidValue, "start_tls is for ldap:// alone, and \(other) is none; remove it, or the server",
                line: setting("start_tls")?.line)
        }
        return tls
    }
}
