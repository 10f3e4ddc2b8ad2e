// newdb of constant maps, which publishes two files for each: killed at any of its steps, or without room, a reader gets the old
// entries or the new ones, and a damaged file is trusted at no step.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct NewdbConstantMapTests {
    /// What is there before newdb runs.
    enum Before: String, CaseIterable {
        case compiled, ofAnotherProgram, damaged, none
    }

    private static let relations =
        "fqdnroutes cdb - -l @SITE@/routes -lm%\naliases NONE - - - -\nfqdnaliases NONE - - - -\n"
        + "routesdb NONE - - - -\nthishost NONE - - - -\n"

    private func prepare(_ before: Before, _ site: TestSite) throws {
        for name in ["routes.cdb", "routes.cdb.sum"] { unlink(site.place.file(name)) }
        guard before != .none else { return }
        try site.write("one@x.example smtp-lmtp!node!old\n", to: "routes")
        try site.succeed(["newdb"])
        if before == .ofAnotherProgram { unlink(site.place.file("routes.cdb.sum")) }
        if before == .damaged {
            let bytes = try site.place.bytes(of: "routes.cdb")
            try site.place.write(bytes.replacing("old".utf8, with: "odd".utf8), to: "routes.cdb")
        }
    }

    @Test(arguments: Before.allCases, [FileFault.kill, .full])
    func readersGetTheOldMapOrTheNewOne(before: Before, fault: FileFault) throws {
        let injector = try FaultInjector.shared.get()
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\n", "dbases.conf": Self.relations,
        ])
        let sizes = ["new", "a-longer-one"]
        var seen: [String: Int] = [:]
        for new in sizes {
            var number = 1
            while true {
                try prepare(before, site)
                try site.write("one@x.example smtp-lmtp!node!\(new)\n", to: "routes")
                let (_, changes) = try injector.run(fault, at: number, site.options(["newdb"]))
                if let changes, changes < number { break }
                let route = try site.route(of: "one@x.example").text
                seen[route, default: 0] += 1
                let isHeld = route.hasPrefix("hold!")
                switch before {
                case .compiled, .ofAnotherProgram:
                    #expect(["smtp-lmtp!node!old", "smtp-lmtp!node!\(new)"].contains(route), "\(fault) at \(number)")
                case .damaged, .none:
                    #expect(isHeld || route == "smtp-lmtp!node!\(new)", "\(fault) at \(number): \(route)")
                }
                // A run that is not disturbed puts everything right.
                try site.succeed(["newdb"])
                #expect(try site.route(of: "one@x.example").text == "smtp-lmtp!node!\(new)", "\(fault) at \(number)")
                number += 1
            }
            #expect(number > 10)
        }
        print("newdb of a constant map, \(before) before, \(fault): \(seen)")
        #expect(seen.count >= 2)
        let left = try FileManager.default.contentsOfDirectory(atPath: site.path)
        #expect(!left.contains { $0.contains(".zroute-") }, "\(left)")
    }
}
