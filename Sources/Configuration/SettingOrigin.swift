// Where each setting got its value, and which files were looked for: what `zroute config` shows.

import Bytes

/// Where a setting got its value.
public enum SettingOrigin: Sendable, Hashable {
    /// No file and no option sets it.
    case standard
    /// `--set` on the command line.
    case commandLine
    /// A line of a file, counted from 1.
    case file(String, line: Int)
}

/// A setting as it is in effect.
public struct EffectiveSetting: Sendable, Hashable {
    /// The name in zmailer.conf.
    public let name: String
    /// The value as zmailer.conf writes it, without quotes; nil where it has none.
    public let value: String?
    /// Where the value comes from.
    public let origin: SettingOrigin
}

/// A file that was looked for.
public struct FileLookedFor: Sendable, Hashable {
    /// What became of it.
    public enum State: Sendable, Hashable {
        /// It is there, and can be read.
        case present
        /// There is none.
        case missing
        /// It cannot be read, for this reason.
        case unreadable(String)
    }

    /// Its path.
    public let path: String
    /// What it is, or is for, in a few words.
    public let purpose: String
    /// What became of it.
    public let state: State

    /// Notes what became of a file.
    public init(_ path: String, _ purpose: String, _ state: State) {
        (self.path, self.purpose, self.state) = (path, purpose, state)
    }
}

extension Settings {
    /// Every setting as it is in effect, in the order of docs/configuration.md.
    public var effective: [EffectiveSetting] {
        SettingName.allCases.map { name in
            EffectiveSetting(name: name.rawValue, value: value(of: name), origin: origin(of: name.rawValue))
        }
    }

    /// What else the files set: variables of the site's own, and ZMailer's, which values may refer to.
    public var otherVariables: [EffectiveSetting] {
        variables.names.sorted().filter { SettingName(rawValue: $0) == nil }.map { name in
            EffectiveSetting(name: name, value: variables[name], origin: origin(of: name))
        }
    }

    private func origin(of name: String) -> SettingOrigin { origins[name] ?? .standard }

    private func value(of name: SettingName) -> String? {
        func flag(_ isOn: Bool) -> String { isOn ? "1" : "" }
        return switch name {
        case .mailVar: mailVar
        case .mailShare: mailShare
        case .postOffice: postOffice
        case .databaseType: databaseType
        case .hostname: hostname
        case .myDomain: myDomain
        case .organizationDomain: organizationDomain
        case .organizationDomains: organizationDomains.joined(separator: "|")
        case .acceptsAnyLocalUser: flag(acceptsAnyLocalUser)
        case .localUsers: localUsers
        case .localDoesDomain: flag(localDoesDomain)
        case .preserveTailCase: flag(preserveTailCase)
        case .allowChannelLiteral: flag(allowChannelLiteral)
        case .localAddresses: localAddresses.joined(separator: " ")
        case .expansionDepth: "\(expansionDepth)"
        case .expansionSize: "\(expansionSize)"
        case .storeDomain: storeDomain
        case .lookupTimeout: "\(lookupTimeout)"
        // Nothing here depends on them but values that refer to them.
        case .logDirectory, .noFQLists: variables[name.rawValue]
        }
    }
}

extension EffectiveSetting {
    /// The line of a zmailer.conf that gives the setting this value; nil where it has none.
    public var line: String? {
        guard let value else { return nil }
        // What no shell takes for anything else.
        let isPlain = value.utf8.allSatisfy { byte in
            byte >= 0x80 || ASCII.isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26
                || "_./:@%+,=-".utf8.contains(byte)
        }
        guard !isPlain else { return "\(name)=\(value)" }
        return "\(name)='" + value.replacing("'", with: "'\\''") + "'"
    }
}
