// What a site answers: routes, failures, and what is wrong with its files. Values without a way back into the engine.

import Configuration
import Maps
import Routing

/// What an address is in a message.
public enum AddressRole: Sendable, Hashable {
    /// Mail is to be delivered to it.
    case recipient
    /// Mail comes from it: aliases are not expanded.
    case sender
}

/// Where one copy of a message goes: ZMailer's `channel!host!user`.
public struct MailRoute: Sendable, Hashable, CustomStringConvertible {
    /// What a route says should happen.
    public enum Meaning: Sendable, Hashable {
        /// The message is handed to the channel.
        case delivery
        /// There is no such address, or none that gets mail: channel `error`.
        case refusal
        /// The message waits: channel `hold`.
        case delay
    }

    /// The transport channel, such as `smtp-lmtp`, in bytes.
    public let channel: [UInt8]
    /// The host or server, in bytes; for channel `error` the reason.
    public let host: [UInt8]
    /// The user as the server is told, in bytes.
    public let user: [UInt8]

    init(_ route: Route) {
        channel = Array(route.channel)
        host = Array(route.host)
        user = Array(route.user)
    }

    /// What the route says should happen.
    public var meaning: Meaning {
        // The null sender is written as a route on channel error, and is none.
        if channel.elementsEqual("error".utf8) { return host.elementsEqual("<>".utf8) ? .delivery : .refusal }
        return channel.elementsEqual("hold".utf8) ? .delay : .delivery
    }

    /// `channel!host!user`; bytes that are no UTF-8 are shown as U+FFFD.
    public var description: String {
        [channel, host, user].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "!")
    }
}

/// Why an address has no routes of its own.
public enum RoutingFailure: Error, Sendable, CustomStringConvertible {
    /// The address is not valid, with the reason.
    case invalidAddress(String)
    /// A map could not be asked. It says nothing of the address: ask again later.
    case map(FailedMap)
    /// The address became more recipients, or longer ones, than the settings allow, with the remedy.
    case limit(String)

    init(_ failure: ResolutionFailure) {
        switch failure {
        case .syntax: self = .invalidAddress(failure.description)
        case .map(let error): self = .map(FailedMap(error))
        case .expansionLimit, .growthLimit: self = .limit(failure.description)
        }
    }

    /// Whether the same question may have an answer later.
    public var isTemporary: Bool {
        if case .map = self { true } else { false }
    }

    /// The reason, and what to do.
    public var description: String {
        switch self {
        case .invalidAddress(let reason), .limit(let reason): reason
        case .map(let failed): failed.description
        }
    }
}

/// A map that could not say whether it has a key.
public struct FailedMap: Sendable, Hashable, CustomStringConvertible {
    /// The relation of `dbases.conf`, such as `fqdnroutes`.
    public let relation: String
    /// The file that was read.
    public let file: String
    /// The cause and the remedy.
    public let reason: String
    /// The whole message: map, file, key, cause and remedy.
    public let description: String

    init(_ error: MapError) {
        relation = error.table.relation
        file = error.table.file
        reason = error.text
        description = error.description
    }
}

/// A site that cannot be opened.
public struct SiteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, or `--set` for an override.
    public let file: String
    /// The line, counted from 1; nil where the trouble is the file as a whole.
    public let line: Int?
    /// The cause and the remedy.
    public let reason: String
    /// Whether the file is only being written, and may be fine in a moment.
    public let isTemporary: Bool
    /// `file:line: reason`.
    public let description: String

    init(_ error: ConfigurationError) {
        file = error.file
        line = error.line
        reason = error.text
        isTemporary = error.isTemporary
        description = error.description
    }
}

/// Something in a site's files that is wrong, or was probably not meant.
public struct SiteFinding: Sendable, Hashable, CustomStringConvertible {
    /// The file.
    public let file: String
    /// The line, counted from 1; nil where the trouble is the file as a whole.
    public let line: Int?
    /// The name of the kind of finding, such as `unknown-relation`; it does not change.
    public let name: String
    /// Whether what stands there cannot be used; otherwise it is used, but probably means something else.
    public let isError: Bool
    /// The cause and the remedy.
    public let reason: String
    /// `file:line: warning: reason (name)`.
    public let description: String

    init(_ finding: Finding) {
        file = finding.file
        line = finding.line
        name = finding.name.description
        isError = finding.severity == .error
        reason = finding.text
        description = finding.description
    }
}
