// The site of the services: a spool in memory, and maps of each kind.

import Foundation
import Glibc
import Spool
import ZRouteTestKit

/// The services that route.
enum RoutingService: String, CaseIterable, Sendable {
    case routeQueue, deliver

    /// How it is started.
    ///
    /// - Parameter socket: where it delivers to.
    func arguments(deliveringTo socket: String) -> [String] {
        switch self {
        case .routeQueue: ["route-queue", "--watch"]
        case .deliver: ["deliver", "--route", "--watch", "--lmtp", "UNIX:\(socket)"]
        }
    }
}

/// How the maps of the site are kept.
enum MapKind: String, CaseIterable, Sendable {
    case compiled, live, text
}

extension TestSite {
    convenience init(_ maps: MapKind) throws {
        let (lists, routes, environment) =
            maps == .live ? ("-r", "-r", "-C $MAILVAR/db/env.conf") : ("-la", "-l", "")
        try self.init(
            [
                "zmailer.conf":
                    "MAILVAR=@SITE@\nPOSTOFFICE=@SITE@/post\nDBTYPE=\(maps == .text ? "text" : "btree")\n"
                    + "hostname=h.example\nmydomain=h.example\n",
                "db/env.conf": "envhome = @SITE@/env\nenvmode = 0600\nenvflags = CDB, CREATE\n",
                "db/dbases.conf": """
                aliases     $DBTYPE - -la $MAILVAR/db/aliases -lm
                fqdnaliases $DBTYPE - \(lists) $MAILVAR/db/fqdnaliases -lm% \(environment)
                fqdnroutes  $DBTYPE - \(routes) $MAILVAR/db/fqdnroutes -lm% \(environment)
                routesdb    $DBTYPE - -l $MAILVAR/db/routes -lm%:d pathalias

                """,
                "db/aliases": "root: a@example.org\n",
                "db/fqdnaliases": "l@example.org: a@example.org\n",
                "db/fqdnroutes": "@example.org smtp-lmtp!store!%1@example.org\n",
                "db/routes": ". error!nohost\n",
            ], spool: "post", isInMemory: true)
        try place.makeDirectory("env")
        if maps != .text { try succeed("newdb") }
        if maps == .live {
            try succeed("db", "load", "fqdnaliases", input: "l@example.org\ta@example.org\n")
            try succeed("db", "load", "fqdnroutes", input: "@example.org\tsmtp-lmtp!store!%1@example.org\n")
        }
    }

    private func succeed(_ arguments: String..., input: String = "") throws {
        try runCommandSuccessfully(try Programs.zroute.get(), options(arguments), input: Array(input.utf8))
    }

    /// Submits a message for a user of the site.
    func submit(to user: String, as name: String) throws {
        try submit("from <s@x.example>\nto <\(user)@example.org>\nenv-end\nSubject: s\n\nbody\n", as: name)
    }

    /// Whether nothing is left to do; what was only to be routed is taken away.
    func isDone(_ service: RoutingService) throws -> Bool {
        guard try place.names("post/router").isEmpty else { return false }
        if service == .routeQueue {
            for directory in ["transport", "queue"] {
                for name in try place.names("post/\(directory)") { unlink(place.file("post/\(directory)/\(name)")) }
            }
        }
        return try place.names("post/queue").isEmpty
    }
}
