// A site for the services: a spool in memory, and maps of each kind.

import Foundation
import Spool
import ZRouteTestKit

/// A site, and its services.
final class ServiceSite: Sendable {
    /// The services that route.
    enum Service: String, CaseIterable, Sendable {
        case routeQueue, deliver
    }

    /// How the maps are kept.
    enum MapKind: String, CaseIterable, Sendable {
        case compiled, live, text
    }

    let place: TemporaryDirectory

    init(_ maps: MapKind) throws {
        place = try TemporaryDirectory(isInMemory: true)
        try PostOffice.create(path: place.file("post"))
        for directory in ["db", "env"] { try place.makeDirectory(directory) }
        try place.write(
            "MAILVAR=\(place.path)\nPOSTOFFICE=\(place.file("post"))\nDBTYPE=\(maps == .text ? "text" : "btree")\n"
                + "hostname=h.example\nmydomain=h.example\n", to: "zmailer.conf")
        try place.write("envhome = \(place.file("env"))\nenvmode = 0600\nenvflags = CDB, CREATE\n", to: "db/env.conf")
        let live = maps == .live
        try place.write(
            """
            aliases     $DBTYPE - -la $MAILVAR/db/aliases -lm
            fqdnaliases $DBTYPE - \(live ? "-r" : "-la") $MAILVAR/db/fqdnaliases -lm% \(live ? "-C $MAILVAR/db/env.conf" : "")
            fqdnroutes  $DBTYPE - \(live ? "-r" : "-l") $MAILVAR/db/fqdnroutes -lm% \(live ? "-C $MAILVAR/db/env.conf" : "")
            routesdb    $DBTYPE - -l $MAILVAR/db/routes -lm%:d pathalias

            """, to: "db/dbases.conf")
        try place.write("root: a@example.org\n", to: "db/aliases")
        try place.write("l@example.org: a@example.org\n", to: "db/fqdnaliases")
        try place.write("@example.org smtp-lmtp!store!%1@example.org\n", to: "db/fqdnroutes")
        try place.write(". error!nohost\n", to: "db/routes")
        if maps != .text { try run("newdb") }
        if live {
            try run("db", "load", "fqdnaliases", input: "l@example.org\ta@example.org\n")
            try run("db", "load", "fqdnroutes", input: "@example.org\tsmtp-lmtp!store!%1@example.org\n")
        }
    }

    private func run(_ arguments: String..., input: String = "") throws {
        try runCommandSuccessfully(
            try Programs.zroute.get(), arguments + ["--config", place.file("zmailer.conf")],
            input: Array(input.utf8))
    }

    func start(_ service: Service, deliveringTo socket: String) throws -> RunningProgram {
        let arguments =
            switch service {
            case .routeQueue: ["route-queue", "--watch"]
            case .deliver: ["deliver", "--route", "--watch", "--lmtp", "UNIX:\(socket)"]
            }
        return try RunningProgram(
            try Programs.zroute.get(), arguments + ["--config", place.file("zmailer.conf")])
    }

    /// Submits a message as programs do: written elsewhere, then renamed into router/.
    func submit(_ name: String) throws {
        try place.write(
            "from <s@x.example>\nto <a@example.org>\nenv-end\nSubject: s\n\nbody\n", to: "post/public/\(name)")
        guard rename(place.file("post/public/\(name)"), place.file("post/router/\(name)")) == 0 else {
            throw CommandFailure("rename: \(errno)")
        }
    }

    /// Whether nothing is left to do; what was only to be routed is taken away.
    func isDone(_ service: Service) throws -> Bool {
        guard try names("router").isEmpty else { return false }
        if service == .routeQueue {
            for directory in ["transport", "queue"] {
                for name in try names(directory) { unlink(place.file("post/\(directory)/\(name)")) }
            }
        }
        return try names("queue").isEmpty
    }

    private func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: place.file("post/\(directory)"))
    }
}
