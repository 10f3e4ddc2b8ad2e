// A service whose text maps are changed under it: the log says what is wrong with them before mail comes, addresses are
// held meanwhile, and routed when the map is whole again.

import Glibc
import Testing
import ZRouteTestKit

@Suite struct WatchedMapsTests {
    @Test(arguments: MapFault.all)
    func saysWhatIsWrongAsSoonAsItIsAndHoldsAddressesUntilItIsMended(fault: MapFault) throws {
        print("text maps of a service: \(MapFault.all.count) faults, this one: \(fault)")
        let site = try TestSite()
        let path = "\(site.path)/db/fqdnaliases-local"
        let text = "one@x.example: alice@example.org\ntwo@x.example: bob@example.org\n"
        try site.write(text, to: "db/fqdnaliases-local")
        // The last of the maps has a finding by which it is known that all of them have been read.
        try site.write("store.example.net\nstore.example.net\n", to: "db/localnames")
        let program = try site.start(["route-queue", "--watch", "--retry-interval", "1"])
        #expect(try holds { program.errors.contains("db/localnames:2: ") }, "\(program.errors)")

        try fault.apply(to: path, text)
        let start = if case .refused(let line) = fault.effect { "\(path):\(line): " } else { "\(path): " }
        #expect(try holds { program.errors.contains(start) }, "\(program.errors)")
        #expect(program.output.isEmpty, "nobody has asked for an address")

        let isHeld = fault.effect != .notBelieved
        try site.submit("from <a@b.example>\nto <alice@example.org>\nenv-end\n\nx\n", as: "one")
        #expect(
            try holds { program.output.contains(" to=<alice@example.org> ") }, "\(program.output) \(program.errors)")
        #expect(program.output.contains(": held ") == isHeld, "\(program.output)")

        try MapFault.restore(path, text)
        let route = "to=<alice@example.org> route=smtp-lmtp!cyrus-node!cyrus-alice"
        #expect(try holds { program.output.contains(route) }, "\(program.output) \(program.errors)")
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }
}
