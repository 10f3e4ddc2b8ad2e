// `--listen PROTOCOL=ENDPOINT`.

import ArgumentParser
import LookupProtocols
import Serve
import Service

/// What is served, and where.
struct ListenOption: ExpressibleByArgument, Sendable {
    /// What is spoken at an endpoint.
    enum Spoken: Sendable {
        /// A protocol of lookups, and the map that it asks where that is one alone.
        case lookups(ServedProtocol, map: String?)
        /// The LMTP front.
        case front
    }

    /// The words before `=`.
    let name: String
    let spoken: Spoken
    let endpoint: ListeningEndpoint

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="),
            let endpoint = ListeningEndpoint(String(argument[argument.index(after: equals)...]))
        else { return nil }
        let name = String(argument[..<equals])
        guard let spoken = Self.spoken(name) else { return nil }
        (self.name, self.spoken, self.endpoint) = (name, spoken, endpoint)
    }

    private static func spoken(_ name: String) -> Spoken? {
        if name == "lmtp" { return .front }
        for served in ServedProtocol.all {
            if !served.hasOneMap, served.name == name { return .lookups(served, map: nil) }
            guard served.hasOneMap, name.hasPrefix("\(served.name)/") else { continue }
            let map = String(name.dropFirst(served.name.utf8.count + 1))
            return map.isEmpty ? nil : .lookups(served, map: map)
        }
        return nil
    }

    /// The names of all protocols, for messages.
    static var protocols: String {
        (ServedProtocol.all.map { $0.hasOneMap ? "\($0.name)/MAP" : $0.name } + ["lmtp"]).joined(separator: ", ")
    }
}
