// The parameters of a Postfix as they are in effect: main.cf over Postfix's own defaults.

import Configuration
import System

/// The values that a Postfix has for its parameters.
package struct PostfixParameters: Sendable {
    /// What main.cf says.
    package let main: MainConfiguration
    private let hostname: String

    /// Puts parameters together.
    ///
    /// - Parameter hostname: the system's name, from which `myhostname` is made where main.cf does not say it.
    package init(_ main: MainConfiguration, hostname: String? = nil) {
        self.main = main
        self.hostname = hostname ?? Settings.systemHostname()
    }

    /// The value of a parameter, everything in it expanded; empty for one that is not set and has no default.
    ///
    /// - Throws: for a value that cannot be expanded, with its line.
    package func value(_ name: String) throws(ConversionError) -> String {
        guard let text = self.text(name) else { return "" }
        do throws(ParameterExpansion.Failure) {
            return try ParameterExpansion { self.text($0) }.expand(text)
        } catch {
            throw .unusable(
                file: main.file, line: main.assignment(name)?.line, text: "\(name): \(error.text); correct the value")
        }
    }

    /// Whether main.cf assigns a parameter.
    package func isSet(_ name: String) -> Bool { main.assignment(name) != nil }

    /// The line that assigns a parameter; nil for a default.
    package func line(_ name: String) -> Int? { main.assignment(name)?.line }

    /// Whether a parameter is `yes`.
    func isOn(_ name: String) throws(ConversionError) -> Bool { try value(name).lowercased() == "yes" }

    /// The words of a value, which commas and blanks separate; what stands in braces is one word.
    func words(_ name: String) throws(ConversionError) -> [String] { Self.words(of: try value(name)) }

    static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var depth = 0
        for character in text {
            if depth == 0, character == "," || character.isBlank {
                if !word.isEmpty { words.append(word) }
                word = ""
                continue
            }
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            word.append(character)
        }
        return word.isEmpty ? words : words + [word]
    }

    private func text(_ name: String) -> String? {
        if let assignment = main.assignment(name) { return assignment.text }
        switch name {
        case "myhostname": return defaultHostname
        case "mydomain": return defaultDomain
        case "config_directory": return directory(of: absolutePath(main.file))
        default: return Self.defaults[name]
        }
    }

    /// The system's name with a domain.
    private var defaultHostname: String {
        guard !hostname.contains(".") else { return hostname }
        guard let domain = main.assignment("mydomain") else { return "\(hostname).localdomain" }
        return "\(hostname).\(domain.text)"
    }

    /// What of `myhostname` stands behind its first dot.
    private var defaultDomain: String {
        let name: String
        if let assignment = main.assignment("myhostname") {
            // A name that refers to mydomain would refer to itself.
            name = (try? ParameterExpansion { $0 == "mydomain" ? nil : text($0) }.expand(assignment.text)) ?? ""
        } else {
            name = hostname
        }
        guard let dot = name.firstIndex(of: ".") else { return "localdomain" }
        return String(name[name.index(after: dot)...])
    }

    /// Postfix's defaults (postconf(5)), as far as they say where mail goes.
    private static let defaults: [String: String] = [
        "alias_maps": "hash:/etc/aliases", "append_at_myorigin": "yes",
        "append_dot_mydomain": "${{$compatibility_level} <level {1} ? {yes} : {no}}", "compatibility_level": "0",
        "default_database_type": "hash", "default_transport": "smtp",
        "local_recipient_maps": "proxy:unix:passwd.byname $alias_maps", "local_transport": "local:$myhostname",
        "mydestination": "$myhostname, localhost.$mydomain, localhost", "myorigin": "$myhostname",
        "parent_domain_matches_subdomains":
            "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps",
        "propagate_unmatched_extensions": "canonical, virtual", "queue_directory": "/var/spool/postfix",
        "relay_domains": "${{$compatibility_level} <level {2} ? {$mydestination} : {}}", "relay_transport": "relay",
        "virtual_alias_domains": "$virtual_alias_maps", "virtual_alias_maps": "$virtual_maps",
        "virtual_mailbox_domains": "$virtual_mailbox_maps", "virtual_transport": "virtual",
    ]
}
