// What is fuzzed. The same functions run under libFuzzer (`make fuzz`) and, over the kept corpus and findings, as tests.

/// A parser, or the engine, fed with any bytes.
///
/// A target traps when something that must hold does not.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// Addresses and address lists.
    case address
    /// Blocks of text, by operations on them.
    case block
    /// dbases.conf, with its flags and variables.
    case databases
    /// Map sources in both forms, and reading them back.
    case sources
    /// Text maps: a source, its index, and all ways to look into it.
    case texts
    /// Berkeley DB files, page by page.
    case pages
    /// `%N` substitution.
    case substitution
    /// The whole chain over maps that are in the input too.
    case resolver
    /// Submitted message files.
    case submission
    /// Control files.
    case control
    /// The server's half of LMTP.
    case server
    /// The protocols of lookups, each alone.
    case socketmap, lines, dict, http
    case tcpTable = "tcp-table"
    /// A transaction that is passed on to a store that says anything at any moment.
    case relay
    /// The LMTP front, between a client and stores that say anything at any moment.
    case front

    /// Runs the target on an input.
    public func run(_ bytes: [UInt8]) {
        switch self {
        case .address: fuzzAddress(bytes)
        case .block: fuzzBlock(bytes)
        case .databases: fuzzDatabases(bytes)
        case .sources: fuzzSources(bytes)
        case .texts: fuzzTexts(bytes)
        case .pages: fuzzPages(bytes)
        case .substitution: fuzzSubstitution(bytes)
        case .resolver: fuzzResolver(bytes)
        case .submission: fuzzSubmission(bytes)
        case .control: fuzzControl(bytes)
        case .server: fuzzServer(bytes)
        case .socketmap, .lines, .dict, .http, .tcpTable: fuzzLookups(rawValue, bytes)
        case .relay: fuzzRelay(bytes)
        case .front: fuzzFront(bytes)
        }
    }
}
