// What happens while an address is resolved, as typed events: rendered as text or JSON elsewhere. docs/trace.md says what
// each of them means to whoever reads a trace; version 1 of it is what stands here.

public import Maps

/// One event of a resolution.
public enum TraceEvent: Sendable {
    /// The version of what events mean, as docs/trace.md describes it: raised when a reader would go wrong.
    public static let version = 1

    /// The question: what was asked for, and as what.
    case question(Question)
    /// An address is taken up: the one asked for, one that a map expanded to, or the next form of one that was rewritten.
    case address(Address)
    /// A step of the chain begins.
    case step(StepName)
    /// A map was asked.
    case lookup(TableName, key: [UInt8], answer: Answer)
    /// The entry that a relation answered with is used.
    case entry(Entry)
    /// A value is replaced by addresses.
    case expanded(Replacement)
    /// What a host is to this site.
    case host(Host)
    /// The address is written anew.
    case rewritten(Rewriting, [UInt8])
    /// A map's value is of no use as a route, and counts as absent.
    case unusableValue([UInt8])
    /// The present time, in seconds since 1970, that a value with a delay is read by.
    case time(Int64)
    /// An answer that is ours and not ZMailer's: the class of the deviation, and what it does here.
    case deviation(Deviation, String)
    /// A route was found for the address of a node.
    case route(Route, node: Int)
    /// The address as a whole failed or is deferred.
    case failure(ResolutionFailure)
}

extension TraceEvent {
    /// What a map answered.
    public enum Answer: Sendable {
        /// The key is there, with this value.
        case found([UInt8])
        /// The key is certainly not there.
        case absent
        /// The map could not say.
        case failed(String)
    }

    /// What was asked.
    public struct Question: Sendable {
        /// The address, byte for byte.
        public let address: [UInt8]
        /// Whether it is that of a sender.
        public let isSender: Bool
        /// Whether it is asked for an error message.
        public let isErrorMessage: Bool
        /// Whether it was submitted, and may name neither commands nor files.
        public let isSubmitted: Bool
        /// Whether the routes are only shown, so that those may be named all the same.
        public let isForDisplay: Bool
    }

    /// An address that is taken up.
    public struct Address: Sendable {
        /// The number of the node of the worklist: 0 for the address that was asked for.
        public let node: Int
        /// The number of the node whose value it stands in; nil for the one that was asked for.
        public let parent: Int?
        /// How often the address of this node was taken up before, in another form.
        public let hop: Int
        /// The address.
        public let address: [UInt8]
        /// The tail that is still to be put after its local part.
        public let tail: [UInt8]
        /// `@domain` for a name without one; empty for the site's own.
        public let domain: [UInt8]
        /// The address that a local route names as its host, and that `%4` stands for.
        public let origin: [UInt8]
        /// How the address is read.
        public let form: AddressForm
        /// Whether it is what a quoted string by itself held.
        public let isUnquoted: Bool
    }

    /// Which part of an address decides where it goes.
    public enum AddressForm: String, Sendable, CaseIterable {
        /// `local@domain`.
        case domain
        /// `@host:rest`.
        case sourceRoute = "source-route"
        /// `host!rest`.
        case bangPath = "bang-path"
        /// `local%host`.
        case percent
        /// A local part, a command, a file or an include.
        case local
    }

    /// An entry whose value is used.
    public struct Entry: Sendable {
        /// The relation.
        public let relation: RelationName
        /// The key as it matched.
        public let key: [UInt8]
        /// The value as the relation answered it.
        public let value: [UInt8]
        /// What each `%N` stands for, by its digit; empty where the map substitutes nothing.
        public let arguments: [(number: Int, text: [UInt8])]
        /// The value with them in their places.
        public let result: [UInt8]
    }

    /// Addresses in the place of one.
    public struct Replacement: Sendable {
        /// How they were read.
        public let reading: Reading
        /// The relation that has the value; nil where no value stands for it.
        public let relation: RelationName?
        /// The key there, or the path of an included file.
        public let key: [UInt8]
        /// The number of the node that they take the place of.
        public let node: Int
        /// The addresses with the numbers of their nodes, in the order in which they are taken up.
        public let members: [(node: Int, address: [UInt8])]
        /// The tail that each of them gets.
        public let tail: [UInt8]
        /// `@domain` for the names among them.
        public let domain: [UInt8]
        /// The origin of each of them.
        public let origin: [UInt8]
    }

    /// How a value is read that stands for addresses.
    public enum Reading: String, Sendable, CaseIterable {
        /// As a list of addresses.
        case list
        /// As the lists of an included file.
        case include
        /// As one that is none, or that comes to nobody: root gets the mail.
        case root
        /// As a path through which the address is routed anew.
        case path
        /// As a user by number, `uid#N`: postmaster gets the mail.
        case postmaster
    }

    /// What a host is to this site.
    public struct Host: Sendable {
        /// The host that was looked at.
        public let host: [UInt8]
        /// Its canonical name, where that is another.
        public let name: [UInt8]?
        /// Whether it is this host.
        public let isLocal: Bool
        /// Whether it is an IP address in brackets that is not ours, which goes by no map.
        public let isLiteral: Bool
    }

    /// How an address becomes another.
    public enum Rewriting: String, Sendable, CaseIterable {
        /// `user%host` is `user@host`.
        case percent
        /// `host!user` is `user@host`.
        case bangPath = "bang-path"
        /// `@here:rest` is `rest`.
        case sourceRoute = "source-route"
        /// `user@here` is `user`.
        case localPart = "local-part"
    }
}

/// The steps of the chain, by the names under which documentation and trace know them.
public enum StepName: String, Sendable, CaseIterable {
    /// The whole address in fqdnaliases, then fqdnroutes.
    case exactAddress = "exact address"
    /// The address without its tail in fqdnaliases, then fqdnroutes.
    case baseAddress = "address without tail"
    /// `@domain` in fqdnaliases, then fqdnroutes.
    case wholeDomain = "whole domain"
    /// The domain in thishost.
    case thisHost = "this host"
    /// The domain in routesdb.
    case domainRoute = "domain route"
    /// Nothing matched: straight to the domain by SMTP.
    case defaultRoute = "default route"
    /// A local part: aliases, tails, accounts.
    case localPart = "local part"
    /// Everything that was expanded came to nobody: root gets the mail.
    case nobodyLeft = "nobody left"
}

/// The classes of answers that differ from ZMailer's, all deliberate.
public enum Deviation: String, Sendable, CaseIterable {
    /// A failed lookup holds the address.
    case mapError = "map-error"
    /// A key that is already being expanded is passed over; nothing is discarded.
    case duplicate
    /// The limits of expansion.
    case limits
    /// An invalid address.
    case syntax
    /// A sender may not choose a channel.
    case channelLiteral = "channel-literal"
    /// An alias value that is no address list goes to root.
    case aliasError = "alias-error"
}
