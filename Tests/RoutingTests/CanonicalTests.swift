// Names of hosts as the settings and maps want them written.

import Routing
import Testing

@Suite struct CanonicalTests {
    @Test(arguments: [
        ("u@mail.other.org", "local!u@mail.other.org!u"), ("u@MAIL.Other.Org", "local!u@MAIL.Other.Org!u"),
        ("u@mail.example.net", "local!u@mail.example.net!u"),
        ("u@x.other.org", "smtp!x.example.net!u@x.example.net"),
        ("u@other.org", "smtp!example.net!u@example.net"), ("u@another.org", "smtp!another.org!u@another.org"),
    ])
    func theSettingOrgdomainStandsInThePlaceOfSeveralDomains(address: String, route: String) throws {
        var site = MemorySite(["thishost": ["mail.example.net": ""]])
        site.settings["orgdomains"] = "example.net|other.org"
        site.settings["orgdomain"] = "example.net"
        #expect(try site.routes(address) == [route])
    }
}
