import Configuration
import Testing

@Suite struct NearestNameTests {
    @Test(arguments: [
        ("fqdnroute", "fqdnroutes"), ("RoutesDB", "routesdb"), ("fqdn_aliases", "fqdnaliases"),
        ("routedsb", "routesdb"), ("alias", "aliases"), ("aliase", "aliases"), ("route", "routesdb"),
        ("tihshost", "thishost"),
    ])
    func isTheMostAlikeOfTheKnownOnes(name: String, meant: String) {
        #expect(
            nearestName(to: name, among: ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]) == meant)
    }

    @Test(arguments: ["", "x", "userdb", "expired", "rou", String(repeating: "aliases", count: 1000)])
    func isNoneWhereNothingIsAlike(name: String) {
        #expect(nearestName(to: name, among: ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]) == nil)
    }
}
