// A spool that is moved away, made anew, or brought back while it is open.

import Foundation
import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct PlaceTests {
    private static func submit(_ place: TemporaryDirectory, _ name: String) throws {
        try place.write("to <a@b>\nenv-end\n\nx\n", to: "post/router/\(name)")
    }

    @Test(arguments: ["", "/router", "/transport", "/queue", "/postman"])
    func itIsNoticedAndWorkedAgain(directory: String) throws {
        let place = try TemporaryDirectory()
        let path = place.file("post")
        try PostOffice.create(path: path)
        let postOffice = try PostOffice(path: path)
        var spool = SpoolPlace(postOffice)
        var told: [String] = []
        func look(isIdle: Bool = true) -> Bool {
            spool.look(isIdle: isIdle) { told.append($0.description(of: postOffice)) }
        }
        #expect(look() && told.isEmpty)
        #expect(rename(path + directory, place.file("elsewhere")) == 0)
        for _ in 0..<3 { #expect(!look()) }
        #expect(told.count == 1 && told[0].contains(path + directory) && told[0].contains("No such file"), "\(told)")
        // Brought back.
        #expect(rename(place.file("elsewhere"), path + directory) == 0)
        #expect(look() && told.count == 2)
        // Made anew: only what nobody works in may change under the service.
        #expect(rename(path + directory, place.file("elsewhere")) == 0)
        #expect(!look() && told.count == 3)
        try PostOffice.create(path: path)
        #expect(!look(isIdle: false) && told.count == 3)
        #expect(look() && told.count == 4, "\(told)")
        #expect(look() && told.count == 4)
        try Self.submit(place, "new")
        #expect(try postOffice.submissions().names.map(\.description) == ["new"])
        // Exchanged between two looks.
        #expect(rename(path + directory, place.file("third")) == 0)
        try PostOffice.create(path: path)
        #expect(look() && told.count == 6, "\(told)")
    }
}
