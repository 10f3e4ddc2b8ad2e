import Configuration
import Testing

@Suite("The name that was probably meant")
struct NearestNameTests {
    @Test(
        "is the most alike of the known ones",
        arguments: [
            ("fqdnroute", "fqdnroutes"), ("RoutesDB", "routesdb"), ("fqdn_aliases", "fqdnaliases"),
            ("routedsb", "routesdb"), ("alias", "aliases"), ("aliase", "aliases"), ("route", "routesdb"),
            ("tihshost", "thishost"),
        ])
    func found(name: String, meant: String) {
        #expect(
            nearestName(to: name, among: ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]) == meant)
    }

    @Test(
        "is none where nothing is alike",
        arguments: ["", "x", "userdb", "expired", "rou", String(repeating: "aliases", count: 1000)])
    func none(name: String) {
        #expect(nearestName(to: name, among: ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]) == nil)
    }
}
