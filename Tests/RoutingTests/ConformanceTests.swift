// Every recorded answer of ZMailer, or ours where it is meant to differ, byte for byte.

import Routing
import Testing
import ZRouteTestKit

@Suite struct ConformanceTests {
    @Test(arguments: ConformanceCase.names, MapStorage.allCases)
    func areOurs(name: String, storage: MapStorage) throws {
        if let reason = storage.obstacle(to: name) {
            print("conformance \(name) \(storage.name): not run, because \(reason)")
            return
        }
        let site = try ConformanceCase(name, storage)
        var resolver = site.makeResolver()
        var compared = 0, heldForValues = 0
        for line in site.lines {
            var resolution = resolver.resolve(line.address.span)
            if let unready = storage.unready {
                // A copy of a large map takes a while, above all without optimisation and on a busy machine.
                _ = try holds(within: 600) {
                    guard resolution.failure.map({ "\($0)".contains(unready) }) ?? false else { return true }
                    resolution = resolver.resolve(line.address.span)
                    return false
                }
            }
            compared += 1
            guard !matches(resolution, line.answer) else { continue }
            let reason = resolution.failure.map { " (\($0))" } ?? ""
            if let lacking = storage.lacking, reason.contains(lacking) {
                heldForValues += 1
                continue
            }
            Issue.record("\(text(line.address)): \(text(rendered(resolution)))\(reason), not \(text(line.answer))")
        }
        print(
            "conformance \(name) \(storage.name): \(compared) lines compared, \(heldForValues) of them held for values that it lacks"
        )
        #expect(compared == site.lines.count && compared > 0)
        #expect(heldForValues * 4 <= compared)
    }

    /// A type of which most is left out proves nothing.
    @Test(arguments: MapStorage.allCases)
    func nearlyAllSitesCanBeOfEveryType(storage: MapStorage) {
        let left = ConformanceCase.names.filter { storage.obstacle(to: $0) != nil }
        #expect(left.count <= 10, "\(left)")
    }

    @Test func ofAllSitesAreThere() {
        #expect(ConformanceCase.names.count { $0.hasPrefix("routes/") } == 30)
        #expect(ConformanceCase.names.count { $0.hasPrefix("random/") } == 66)
    }

    /// Whether an answer is the recorded one: to the byte, or recipient by recipient where asterisks stand for the rest.
    private func matches(_ resolution: Resolution, _ expected: [UInt8]) -> Bool {
        let asterisk = UInt8(ascii: "*")
        guard expected.first == asterisk, expected.last == asterisk else { return rendered(resolution) == expected }
        let words = expected.split(separator: asterisk)
        return resolution.routes.count == words.count
            && zip(resolution.routes, words).allSatisfy { $0.user.starts(with: $1) }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: Unicode.UTF8.self) }

    /// The answer as the recording writes it: `channel!host!user`, recipients joined by `;`.
    private func rendered(_ resolution: Resolution) -> [UInt8] {
        var result: [UInt8] = []
        for (index, route) in resolution.routes.enumerated() {
            if index > 0 { result.append(UInt8(ascii: ";")) }
            result += escaped(route.channel) + Array("!".utf8) + escaped(route.host) + Array("!".utf8)
            result += escaped(route.user)
        }
        return result
    }

    private func escaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        field.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "\\"): Array(#"\\"#.utf8)
            case UInt8(ascii: ";"): Array(#"\;"#.utf8)
            case UInt8(ascii: "\t"): Array(#"\t"#.utf8)
            case UInt8(ascii: "\n"): Array(#"\n"#.utf8)
            case UInt8(ascii: "\r"): Array(#"\r"#.utf8)
            default: [byte]
            }
        }
    }
}
