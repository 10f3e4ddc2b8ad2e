import Configuration
import Testing
import ZRouteTestKit

private func settings(
    _ text: String, set overrides: [(name: String, value: String)] = []
) throws -> Settings {
    let directory = try configurationDirectory(["zmailer.conf": text])
    return try Settings.load(
        file: directory.file("zmailer.conf"), overrides: overrides, systemHostname: "Host.Example")
}

@Suite struct SettingsTests {
    @Test func defaultsStandWhereNothingIsSet() throws {
        let settings = try settings("# nothing\n\n")
        #expect(settings.databaseType == "btree")
        #expect(settings.variables["DBTYPE"] == "btree")
        #expect(settings.hostname == "Host.Example")
        #expect(settings.hostnameBytes == Array("host.example".utf8))
        #expect(settings.myDomain == "Host.Example")
        #expect(settings.organizationDomain.isEmpty)
        #expect(settings.organizationDomains.isEmpty)
        #expect(settings.acceptsAnyLocalUser)
        #expect(settings.findings.isEmpty)
        #expect(!settings.localDoesDomain)
        #expect(!settings.preserveTailCase)
        #expect(!settings.allowChannelLiteral)
        #expect(settings.localAddresses == ["127.0.0.1", "::1"])
        #expect(settings.expansionDepth == 100)
        #expect(settings.expansionSize == 10_000)
        #expect(settings.storeDomain == nil)
        #expect(settings.lookupTimeout == 5)
        #expect(settings.mailVar == nil)
        #expect(settings.mailShare == nil)
        #expect(settings.postOffice == nil)
        #expect(settings.localUsers == nil)
    }

    @Test func everyNameIsRead() throws {
        let settings = try settings(
            """
            MAILVAR=/m
            MAILSHARE=/share
            POSTOFFICE=$MAILVAR/postoffice
            LOGDIR=${MAILVAR}/log
            DBTYPE=text
            hostname=Store.Example.NET
            mydomain=Example.NET
            orgdomain=example.net
            orgdomains='example.net|Example.ORG'
            ROUTEUSER_IN_ABNORMAL_UNIX=
            LOCALUSERS=/etc/passwd
            localdoesdomain=1
            nofqlists=
            preservetailcase=1
            allowchannelliteral=1
            localaddresses="192.0.2.1, [127.0.0.1] [IPv6:2001:DB8::0:1]"
            expansiondepth=7
            expansionsize=8
            storedomain=Store.Internal
            lookuptimeout=9
            """)
        #expect(settings.mailVar == "/m")
        #expect(settings.mailShare == "/share")
        #expect(settings.postOffice == "/m/postoffice")
        #expect(settings.variables["LOGDIR"] == "/m/log")
        #expect(settings.databaseType == "text")
        #expect(settings.hostnameBytes == Array("store.example.net".utf8))
        #expect(settings.myDomainBytes == Array("example.net".utf8))
        #expect(settings.organizationDomain == "example.net")
        #expect(settings.organizationDomains == ["example.net", "Example.ORG"])
        #expect(settings.organizationDomainsBytes == [Array("example.net".utf8), Array("example.org".utf8)])
        #expect(!settings.acceptsAnyLocalUser)
        #expect(settings.localUsers == "/etc/passwd")
        #expect(settings.localDoesDomain)
        #expect(settings.findings.map(\.name.description) == ["setting-without-effect"])
        #expect(settings.preserveTailCase)
        #expect(settings.allowChannelLiteral)
        #expect(settings.localAddresses == ["192.0.2.1", "127.0.0.1", "2001:db8::1"])
        #expect(settings.localAddressesBytes.first == Array("192.0.2.1".utf8))
        #expect(settings.expansionDepth == 7)
        #expect(settings.expansionSize == 8)
        #expect(settings.storeDomain == "Store.Internal")
        #expect(settings.lookupTimeout == 9)
    }

    static let valueLines = [
        ("X=plain", "plain"),
        ("X=", ""),
        ("X=a # comment", "a"),
        ("X=a#b", "a#b"),
        ("X= # comment", ""),
        ("  X=indented", "indented"),
        ("export X=exported", "exported"),
        ("X=one; export X", "one"),
        ("X='single $Y'", "single $Y"),
        ("X=\"double $Y\"", "double why"),
        ("X=\"${Y}s # kept\"", "whys # kept"),
        ("X=$Y$Y", "whywhy"),
        ("X=a$NONE.b${NONE}c", "a.bc"),
        ("X=a'b c'\"d\"e", "ab cde"),
        ("X=\"a\\\"b\"", "a\"b"),
        ("X=\"a\\b\"", "a\\b"),
        ("X=a\\ b", "a b"),
        ("X=cost$", "cost$"),
        ("X=a|b", "a|b"),
        ("X=windows\r", "windows"),
        ("X=first\nX=second", "second"),
    ]

    @Test(arguments: valueLines)
    func valuesAreReadAsAShellReadsPlainAssignments(line: String, value: String) throws {
        #expect(try settings("Y=why\n\(line)\n").variables["X"] == value)
    }

    static let linesForShells = [
        "X=`hostname`", "X=$(hostname)", "X=${Y:-z}", "X=a b", "X='open", "X=\"open", "X=\"`id`\"", "X=(a b)",
        "if true; then", "X", "=x", "1X=a", "X =a", ". /etc/zmailer.conf", "export X",
    ]

    @Test(arguments: linesForShells)
    func whatOnlyAShellUnderstandsIsPassedOver(line: String) throws {
        let settings = try settings("\(line)\nlocaldoesdomain=1\n")
        #expect(settings.variables["X"] == nil)
        #expect(settings.localDoesDomain)
    }

    static let unusableLines = [
        ("expansiondepth=many", "expansiondepth is no whole number: 'many'"),
        ("expansiondepth=-1", "expansiondepth is no whole number: '-1'"),
        ("expansiondepth=0", "expansiondepth is out of range"),
        ("expansionsize=99999999999999999999999", "expansionsize is out of range"),
        ("expansionsize=10000001", "expansionsize is out of range"),
        ("storedomain=store..internal", "storedomain is no domain"),
        ("storedomain=u@store", "storedomain is no domain"),
        ("lookuptimeout=2.5", "lookuptimeout is no whole number"),
        ("lookuptimeout=0", "lookuptimeout is out of range"),
        ("localdoesdomain=perhaps", "localdoesdomain is neither on nor off: 'perhaps'"),
        ("localaddresses=host.example", "localaddresses has 'host.example'"),
        ("localaddresses=127.0.0.1 ::1", "the value of localaddresses is followed by another word"),
        ("MAILVAR=`pwd`", "the value of MAILVAR needs a shell"),
        ("POSTOFFICE=$(pwd)/x", "the value of POSTOFFICE needs a shell"),
        ("hostname=\"open", "the value of hostname lacks its closing quote"),
    ]

    @Test(arguments: unusableLines)
    func anUnusableValueIsAnErrorWithItsFileAndLine(line: String, text: String) throws {
        let directory = try configurationDirectory(["zmailer.conf": "# first\n\(line)\n"])
        let file = directory.file("zmailer.conf")
        let error = #expect(throws: ConfigurationError.self) { try Settings.load(file: file) }
        #expect(error?.file == file)
        #expect(error?.line == 2)
        #expect(error?.text.hasPrefix(text) == true, "\(error?.text ?? "")")
        #expect(error?.description.hasPrefix("\(file):2: ") == true)
    }

    static let switchValues = [("", false), ("0", false), ("no", false), ("1", true), ("yes", true), ("On", true)]

    @Test(arguments: switchValues)
    func aSwitchIsOffWhenEmptyOr0(value: String, isOn: Bool) throws {
        #expect(try settings("localdoesdomain=\(value)\n").localDoesDomain == isOn)
        #expect(try settings("ROUTEUSER_IN_ABNORMAL_UNIX=\(value)\n").acceptsAnyLocalUser == isOn)
    }

    @Test func casesAreCounted() {
        print(
            "SettingsTests: \(Self.valueLines.count) values, \(Self.linesForShells.count) lines for shells,"
                + " \(Self.unusableLines.count) unusable values, \(Self.switchValues.count) switches")
        #expect(Self.unusableLines.count > 12)
    }

    @Test func variablesThatDoubleEachOtherDoNotFillTheMemory() throws {
        let doubled = (0..<1000).map { _ in "X=$X$X" }.joined(separator: "\n")
        let settings = try settings("X=aaaaaaaaaaaaaaaa\n\(doubled)\n")
        #expect((settings.variables["X"]?.utf8.count ?? 0) <= 65_536)
    }

    @Test func linesAndFilesHaveLimits() throws {
        #expect(throws: ConfigurationError.self) { try settings(String(repeating: "x", count: 70_000)) }
        #expect(throws: ConfigurationError.self) { try settings(String(repeating: "#\n", count: 600_000)) }
    }

    @Test func aNULInAValueIsRefused() throws {
        #expect(throws: ConfigurationError.self) { try settings("MAILVAR=/a\u{0}b\n") }
    }

    @Test func bytesThatAreNoUTF8AreNoTroubleInComments() throws {
        #expect(try settings("# caf\u{e9}\nlocaldoesdomain=1\n").localDoesDomain)
    }
}
