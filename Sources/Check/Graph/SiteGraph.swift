// The configuration of a site as a picture has it: nodes in columns, edges with counts, and the ways that domains go. A value:
// what draws it is elsewhere.

package import Configuration
package import Maps
package import Routing

/// A site from its domains to its servers.
package struct SiteGraph: Sendable {
    /// The columns of the picture, from left to right.
    package enum Column: Int, Sendable, CaseIterable {
        case domains, steps, maps, channels, hosts, servers

        /// What stands above it.
        var heading: String {
            switch self {
            case .domains: "Domains"
            case .steps: "Steps of the chain"
            case .maps: "Maps"
            case .channels: "Channels"
            case .hosts: "Hosts"
            case .servers: "Servers"
            }
        }
    }

    /// What a node is, by which a trace finds it.
    package enum Identity: Sendable, Hashable {
        /// Domains that go the same ways: the number of the group.
        case domains(Int)
        /// A step of the chain.
        case step(StepName)
        /// A map.
        case map(TableName)
        /// A channel; nil for all that are not shown one by one.
        case channel([UInt8]?)
        /// Addresses in the place of one, which are routed in their turn.
        case anew
        /// Values that are no routes.
        case noRoute
        /// A host of a channel; nil for one that the address decides.
        case host(channel: [UInt8], name: [UInt8]?)
        /// The hosts of a channel that are not shown one by one.
        case otherHosts(channel: [UInt8])
        /// A server, or why there is none.
        case server(String)
    }

    /// What happens at a node, which its colour says.
    package enum Tone: String, Sendable {
        /// Who is asked for.
        case domain
        /// A question of the chain.
        case step
        /// Addresses become other addresses.
        case alias
        /// Addresses become routes.
        case route
        /// Mail goes out, or is delivered.
        case delivers
        /// Mail is refused.
        case refuses
        /// Mail waits.
        case waits
        /// Something is broken.
        case fails
        /// Nothing is decided here.
        case idle
    }

    /// A box of the picture.
    package struct Node: Sendable {
        /// What it is.
        package let identity: Identity
        /// Where it stands.
        package let column: Column
        /// What happens there.
        package var tone: Tone
        /// Its name.
        package var title: String
        /// What else stands in it, a line each.
        package var lines: [String] = []
        /// What is told of it where somebody asks, a line each.
        package var details: [String] = []
        /// What was found wrong with it: the first, and how many of each severity there are.
        package var findings: [String] = []
        /// How many errors and warnings were found.
        package var errors = 0, warnings = 0
    }

    /// A line between two nodes.
    package struct Edge: Sendable {
        /// The indexes of its nodes.
        package let from: Int, to: Int
        /// How many entries go this way; 0 where some address may.
        package var count: Int
        /// Whether it leads to the next step of the chain.
        package var isNextStep = false
        /// What stands beside it; empty where its count says all.
        package var label = ""
    }

    /// What the picture is of.
    package let name: String
    /// The boxes.
    package internal(set) var nodes: [Node] = []
    /// The lines.
    package internal(set) var edges: [Edge] = []
    /// The ways from domains to servers, as indexes of nodes.
    package internal(set) var paths: [[Int]] = []
    /// The names of the domains of each group, the largest groups first, as far as they are kept.
    package internal(set) var domainNames: [[String]] = []
    /// How many domains are in groups.
    package internal(set) var domainCount = 0
    /// How many entries all maps have.
    package internal(set) var entryCount = 0
    /// What was found wrong with the site: of each file the first.
    package let findings: [Finding]
    /// How many errors and warnings there are.
    package let errors: Int, warnings: Int
    /// The maps that could not be read.
    package internal(set) var failures: [MapError] = []
    /// Addresses that show each kind of key.
    package internal(set) var samples: [[UInt8]] = []

    /// The title of the group of all domains without an entry of their own.
    static let anyOtherDomain = "any other domain"

    init(name: String, report: CheckReport) {
        self.name = name
        findings = report.findings
        (errors, warnings) = (report.count(.error), report.count(.warning))
    }
}

extension Int {
    /// With a comma between thousands.
    var grouped: String {
        let digits = Array(String(magnitude))
        var text = self < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    /// With what it counts.
    func of(_ one: String, _ many: String) -> String { "\(grouped) \(self == 1 ? one : many)" }
}
