// Lists in files, which `:include:` in a map names.

import Foundation
import Glibc
import Maps
import Routing
import Testing
import ZRouteTestKit

@Suite struct IncludeTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write("# all\ntina\n\ntom@partner.example, kim@partner.example\r\n", to: "list")
        try directory.write("ann\n:include:\(directory.file("list"))\n", to: "outer")
        try directory.write(":include:\(directory.file("loop"))\n", to: "loop")
        try directory.write("bea\n\":include:\(directory.file("both"))\"\n", to: "both")
        try directory.write("# nobody\n", to: "empty")
        try directory.write("a b@x\n", to: "faulty")
        try directory.write((1...11).map { "m\($0)@x.example\n" }.joined(), to: "eleven")
        try directory.write("\u{FEFF}bob@x.example\n", to: "mark")
        try directory.write("ann\n# a remark\u{A0}here\nkim\u{A0}bob@x.example\n", to: "space")
        try directory.write("bob\u{200B}@x.example\n", to: "width")
        try directory.write("secret\n", to: "secret")
        try directory.write("others\n", to: "others")
        chmod(directory.file("secret"), 0o600)
        chmod(directory.file("others"), 0o666)
    }

    private func routes(_ value: String, _ address: String = "staff") throws -> [String] {
        let value = value.replacingOccurrences(of: "DIR", with: directory.path)
        var site = MemorySite(["aliases": ["staff": value, "root": "admin"], "fqdnaliases": ["team@x.example": value]])
        site.settings["expansionsize"] = "10"
        return try site.routes(address)
    }

    static let tina = "local!staff!tina"
    static let partners = ["smtp!partner.example!tom@partner.example", "smtp!partner.example!kim@partner.example"]

    @Test(arguments: [
        (":include:DIR/list", [tina] + partners), ("\":include:DIR/list\"", [tina] + partners),
        ("ann, :include:DIR/list ,bea", ["local!staff!ann", tina] + partners + ["local!staff!bea"]),
        (":include:DIR/outer", ["local!staff!ann", tina] + partners),
        (":include:DIR/both", ["local!staff!bea"]),
        ("group: :include:DIR/list;", [tina] + partners),
    ])
    func expandToTheirAddresses(value: String, expected: [String]) throws {
        #expect(try routes(value) == expected)
    }

    @Test(arguments: ["team@x.example", "team+may@x.example"])
    func giveNoTailToTheirAddressesInFqdnaliasesToo(address: String) throws {
        #expect(try routes(":include:DIR/list", address) == ["local!\(address)!tina"] + Self.partners)
    }

    @Test(arguments: ["empty", "loop", "faulty"])
    func thatNameNobodyOrOnlyThemselvesOrAreNoListGoToRoot(file: String) throws {
        #expect(try routes(":include:DIR/\(file)") == ["local!staff!admin"])
    }

    @Test(arguments: [
        ":include:DIR/missing", ":include:DIR", ":include:list", ":include:DIR/secret", ":include:DIR/others",
        ":include:DIR/mark", ":include:DIR/space", ":include:DIR/width",
    ])
    func thatCannotBeReadOrAreNotSafeHoldTheAddress(value: String) throws {
        #expect(try routes(value) == ["hold!IO:error!staff"])
        #expect(try routes("ann, " + value) == ["hold!IO:error!staff"])
    }

    @Test(arguments: [":include:DIR/eleven", "a, :include:DIR/eleven"])
    func ofMoreAddressesThanOneMayBecomeAreStopped(value: String) throws {
        #expect(try routes(value) == ["error!expansionlimit!staff"])
    }

    @Test(
        arguments: [
            (0o600, 7, 7, true), (0o600, 7, 8, false), (0o640, 7, 8, false), (0o644, 7, 8, true),
            (0o604, 7, nobody, true),
            (0o620, 7, 7, false), (0o646, 7, 7, false), (0o600, nobody, nobody, false),
        ] as [(UInt32, UInt32, UInt32, Bool)])
    func areReadOnTheAuthorityOfTheMapsOwner(mode: UInt32, owner: UInt32, authority: UInt32, isRead: Bool) throws {
        guard geteuid() == 0 else {
            print("included files: owners not tested, because only root may give files away")
            return
        }
        let path = try directory.write("x\n", to: "owned")
        chown(path, owner, 0)
        chmod(path, mode)
        do throws(MapError) {
            #expect(
                try IncludedFiles().content(of: Array(path.utf8), onBehalfOf: authority) == Array("x\n".utf8) && isRead)
        } catch {
            #expect(!isRead && error.text.contains("chmod"), "\(error)")
        }
    }
}
