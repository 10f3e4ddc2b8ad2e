// A whole site in memory: what its files are to say.

import Bytes

/// The files of a site that is to be written.
package struct SiteDraft: Sendable {
    /// One map: its entries by key, in the order in which they were added.
    package struct Map: Sendable {
        private(set) var entries: [(key: [UInt8], value: [UInt8], allowance: String?)] = []
        private var keys: Set<[UInt8]> = []

        /// Adds an entry; of those that share a key the first stays.
        ///
        /// - Parameter allowance: the name of a finding that the entry means.
        mutating func add(_ key: [UInt8], _ value: [UInt8], allowing allowance: String? = nil) {
            if keys.insert(key).inserted { entries.append((key, value, allowance)) }
        }

        func contains(_ key: [UInt8]) -> Bool { keys.contains(key) }

        /// The number of entries.
        package var count: Int { entries.count }

        func text(isAliases: Bool) -> [UInt8] {
            var text: [UInt8] = []
            for (key, value, allowance) in entries {
                if let allowance { text += Array("# zroute: allow \(allowance)\n".utf8) }
                text += key + Array((isAliases ? ": " : " ").utf8) + value + [ASCII.lineFeed]
            }
            return text
        }
    }

    /// Names of local users, and lists for them.
    package var aliases = Map()
    /// Whole addresses, and lists for them.
    package var fqdnaliases = Map()
    /// Whole addresses, and routes for them.
    package var fqdnroutes = Map()
    /// Domains, and routes for them.
    package var routesdb = Map()
    /// Domains that are ours.
    package var thishost = Map()
    /// Names of local users, where a list says who there is; nil where the system's accounts decide.
    package var localUsers: [[UInt8]]?
    /// Whether every local user may exist.
    package var everyLocalUserExists = false
    /// The settings of zmailer.conf beside those that say where things are.
    package var settings: [(name: String, value: String)] = []
    /// The clauses of scheduler.conf: a selector with a command, or without one for mail that is to stay queued.
    package var clauses: [(selector: String, command: String?, remark: String?)] = []
    /// Where the site is from, for the remarks in its files.
    package var origin = ""

    /// The files of the site, by their paths below its directory.
    func files(in directory: String, report: ConversionReport) -> [(path: String, content: [UInt8])] {
        func content(_ remark: String, _ map: Map, isAliases: Bool) -> [UInt8] {
            Array("# \(remark), from \(origin).\n".utf8) + map.text(isAliases: isAliases)
        }
        var files: [(path: String, content: [UInt8])] = [
            ("zmailer.conf", Array(zmailerConf(in: directory).utf8)),
            ("scheduler.conf", Array(schedulerConf.utf8)),
            ("db/dbases.conf", Array(Self.dbasesConf.utf8)),
            ("db/aliases", content("Names of local users, and whom they stand for", aliases, isAliases: true)),
            ("db/fqdnaliases", content("Addresses, and whom they stand for", fqdnaliases, isAliases: true)),
            ("db/fqdnroutes", content("Addresses, and where their mail goes", fqdnroutes, isAliases: false)),
            ("db/routesdb", content("Domains, and where their mail goes", routesdb, isAliases: false)),
            ("db/thishost", content("Domains that are ours", thishost, isAliases: false)),
            ("conversion.txt", Array(report.text.utf8)),
        ]
        if let localUsers {
            let lines = localUsers.map { $0 + Array(":x:65534:65534::/nonexistent:/usr/sbin/nologin\n".utf8) }
            files.append(("db/localusers", Array(lines.joined())))
        }
        return files
    }

    private func zmailerConf(in directory: String) -> String {
        // In single quotes sh(1) takes everything but a single quote as it is.
        func quoted(_ text: String) -> String { "'\(text)'" }
        var lines = [
            "# A site made from \(origin) by `zroute convert`.", "MAILVAR=\(quoted(directory))",
            "MAILSHARE=\(quoted(directory))",
            "# The maps are read as text. `DBTYPE=btree` or `cdb`, and then `zroute newdb`, compiles them.",
            "DBTYPE=text",
        ]
        lines += settings.map { "\($0.name)=\(quoted($0.value))" }
        if everyLocalUserExists {
            lines.append("ROUTEUSER_IN_ABNORMAL_UNIX=1")
        } else {
            lines.append("ROUTEUSER_IN_ABNORMAL_UNIX=")
        }
        if localUsers != nil { lines.append("LOCALUSERS=\(quoted("\(directory)/db/localusers"))") }
        return lines.map { "\($0)\n" }.joined()
    }

    private var schedulerConf: String {
        var text = "# Next hops, from \(origin). docs/delivery.md says what the options mean.\n*/*\n"
        text += "    interval=1m expiry=5d retries=\"1 1 2 3 5 8 13 21 34\"\n"
        for clause in clauses {
            if let remark = clause.remark { text += "# \(remark)\n" }
            text += "\(clause.selector)\n"
            if let command = clause.command {
                text += "    command=\"\(command)\"\n"
            } else {
                // A clause without a command would be none.
                let isSMTP = clause.selector.hasPrefix("smtp")
                text += "    queueonly\n"
                text +=
                    "    command=\"\(isSMTP ? "smtp -x -F [relay.example.net]" : "smtp -M -x -F UNIX:/path/of/the/store")\"\n"
            }
        }
        return text
    }

    /// The remark before a clause without a server.
    static let unknownServer =
        "No server is known, and mail stays queued: name it in the command, and take queueonly out."

    private static let dbasesConf = """
        # The maps of the site; docs/semantics.md has the fields.
        aliases      $DBTYPE  -  -la  $MAILVAR/db/aliases      -lm
        fqdnaliases  $DBTYPE  -  -la  $MAILVAR/db/fqdnaliases  -lm%
        fqdnroutes   $DBTYPE  -  -l   $MAILVAR/db/fqdnroutes   -lm%
        routesdb     $DBTYPE  -  -l   $MAILVAR/db/routesdb     -lm -d pathalias
        thishost     $DBTYPE  -  -l   $MAILVAR/db/thishost     -lm -d pathalias

        """
}
