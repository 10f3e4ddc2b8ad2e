// Mistakes in a site's configuration, each made alone in a whole one: what the program says, and that it does not go on
// where going on could bounce mail.

import Testing
import ZRouteTestKit

@Suite struct ConfigurationMistakesTests {
    @Test(arguments: SiteFile.allCases)
    func thereIsNoneInTheSiteThatTheMistakesAreMadeIn(file: SiteFile) throws {
        let result = try TestSite(nil).runForMistake(in: file)
        #expect(result.status == 0)
        #expect(result.errorText.isEmpty)
    }

    static let refusedMistakes = [
        Mistake(.databases, 3, "fqdnroute  $DBTYPE - -l $MAILVAR/db/fqdnroutes -lm%", "'fqdnroute'", "fqdnroutes"),
        Mistake(.databases, 3, "FqdnRoutes $DBTYPE - -l $MAILVAR/db/fqdnroutes -lm%", "'FqdnRoutes'", "'fqdnroutes'"),
        Mistake(.databases, 3, "fqdn-routes $DBTYPE - -l $MAILVAR/db/fqdnroutes -lm%", "'fqdnroutes'"),
        Mistake(.databases, 4, "RoutesDB $DBTYPE - -l $MAILVAR/db/routes -lm%:d pathalias", "'RoutesDB'", "'routesdb'"),
        Mistake(.databases, 4, "routes $DBTYPE - -l $MAILVAR/db/routes -lm%:d pathalias", "'routes'", "routesdb"),
        Mistake(.databases, 5, "localnames NONE - - - -", "'localnames'", "thishost"),
        Mistake(.databases, 5, "thsihost NONE - - - -", "'thishost'"),
        Mistake(.databases, 4, "routesdb $DBTYPE -l $MAILVAR/db/routes -lm%:d pathalias", "privilege", "'-'"),
        Mistake(.databases, 4, "routesdb $DBTYPE - $MAILVAR/db/routes -lm%:d pathalias", "newdb options"),
        Mistake(.databases, 4, "routesdb $DBTYPE - -l $MAILVAR/db/routes -lm%:d", "-d", "pathalias", "longestmatch"),
        Mistake(.databases, 4, "routesdb $DBTYPE - -l $MAILVAR/db/routes -lm%:d pathalais", "did you mean 'pathalias'"),
        Mistake(.databases, 4, "routesdb btre - -l $MAILVAR/db/routes -lm%:d pathalias", "did you mean 'btree'"),
        Mistake(.databases, 4, "routesdb $DBTPE - -l $MAILVAR/db/routes -lm", "$DBTPE", "did you mean 'DBTYPE'"),
        Mistake(.zmailer, 7, "ROUTEUSER_IN_ABNORMAL_UNX=", "did you mean 'ROUTEUSER_IN_ABNORMAL_UNIX'"),
        Mistake(.zmailer, 7, "LocalUsers=/etc/passwd", "did you mean 'LOCALUSERS'"),
        Mistake(.zmailer, 7, "expansion_depth=3", "did you mean 'expansiondepth'"),
        Mistake(.zmailer, 3, "POSTOFICE=$MAILVAR/post", "did you mean 'POSTOFFICE'"),
        Mistake(.mail, 1, "orgdomian=example", "did you mean 'orgdomain'"),
        Mistake(.mail, 2, "export mydomian=example", "did you mean 'mydomain'"),
        Mistake(.zmailer, 1, "MAILVAR = @SITE@", "MAILVAR", "blanks"),
        Mistake(.zmailer, 5, "hostname h.example", "hostname=VALUE"),
        Mistake(.zmailer, 5, "hostname: h.example", "hostname=VALUE"),
        Mistake(.zmailer, 4, "set DBTYPE=text", "DBTYPE=VALUE"),
        Mistake(.zmailer, 4, "DBTYPE= text", "DBTYPE", "another word"),
        Mistake(.zmailer, 5, "hostname=https://h.example/", "hostname", "no domain"),
        Mistake(.zmailer, 5, "hostname=h..example", "hostname", "no domain"),
        Mistake(.mail, 2, "mydomain=@example", "mydomain", "no domain"),
        Mistake(.mail, 2, "orgdomains='example|a@b'", "orgdomains", "'a@b'"),
        Mistake(.databases, 3, "fqdnroutes $DBTYPE - -l $MAILVAR/db/fqdnroutes -um%", "lower case", "folding-mismatch"),
        Mistake(.databases, 4, "routesdb $DBTYPE - -u $MAILVAR/db/routes -lm%:d pathalias", "upper case"),
        Mistake(.scheduler, 4, "    maxthr=many", "maxthr is not a number"),
        Mistake(.scheduler, 3, "  smtp-lmtp", "unknown parameter 'smtp-lmtp'", "selector"),
        Mistake(.scheduler, 2, "    interval=1m retries=1 1 2", "quotes"),
        Mistake(.scheduler, 2, "    interval=often", "interval is not a time"),
        Mistake(.zmailer, 3, "POSTOFFICE=$MAILVR/post", "$MAILVR", "did you mean 'MAILVAR'"),
        Mistake(.zmailer, 6, "LOGDIR=${LOGROOT}/mail", "$LOGROOT", "not set"),
        Mistake(.scheduler, 2, "    interval=1m expiry=3", "expiry", "unit", "3d"),
        Mistake(.scheduler, 2, "    interval=1m reporttimes=\"4h 1\"", "reporttimes", "unit"),
        Mistake(.scheduler, 4, "    maxtrh=4", "did you mean 'maxthr'"),
        Mistake(.scheduler, 4, "    intervall=4m", "did you mean 'interval'"),
        Mistake(
            .scheduler, 5, "    command=\"smtp -M -x -F UNIX:/s -l ${LOGDIRECTORY}/lmtp\"", "$LOGDIRECTORY", "not set"),
        Mistake(.scheduler, 5, "    command=\"smtp -M -x -F UNIX:$POSTOFFCE/s\"", "did you mean 'POSTOFFICE'"),
    ]

    @Test(arguments: refusedMistakes)
    func thatBouncesOrStraysMailIsRefusedWithItsPlaceAndWhatToWrite(mistake: Mistake) throws {
        let site = try TestSite(mistake)
        let result = try site.runForMistake(in: mistake.file)
        #expect(result.status == 78)
        #expect(result.output.isEmpty)
        let place = site.place.file(mistake.file.rawValue) + (mistake.namesLine ? ":\(mistake.line): " : ": ")
        #expect(result.errorText.contains(place), "\(result.errorText)")
        for word in mistake.words { #expect(result.errorText.contains(word), "\(word): \(result.errorText)") }
    }

    static let manyMistakes = [
        (SiteFile.databases, 3, 3, 0), (.databases, 20, 20, 0), (.databases, 21, 20, 1), (.databases, 500, 20, 480),
        (.zmailer, 4, 4, 0), (.zmailer, 40, 20, 20), (.mail, 5, 5, 0), (.scheduler, 7, 7, 0), (.scheduler, 30, 20, 10),
    ]

    @Test(arguments: manyMistakes)
    func allMistakesOfAFileAreSaidTwentyAtMostAndThenTheirNumber(file: SiteFile, count: Int, shown: Int, left: Int)
        throws
    {
        let site = try TestSite(nil)
        let line =
            switch file {
            case .databases: "fqdnroutes txt - -l /x -lm\n"
            case .zmailer, .mail: "LOGDIR /x\n"
            case .scheduler: " maxthr=many\n"
            }
        let text = file.text.replacing("@SITE@", with: site.place.path)
        try site.place.write(text + String(repeating: line, count: count), to: file.rawValue)
        let result = try site.runForMistake(in: file)
        #expect(result.status == 78)
        #expect(result.output.isEmpty)
        let lines = result.errorText.split(separator: "\n")
        let first = text.split(separator: "\n", omittingEmptySubsequences: false).count
        let places = (0..<shown).map { "zroute: \(site.place.file(file.rawValue)):\(first + $0): " }
        #expect(lines.count == shown + (left > 0 ? 1 : 0), "\(result.errorText)")
        for (line, place) in zip(lines, places) { #expect(line.contains(place), "\(line)") }
        if left > 0 { #expect(lines.last?.contains("zroute: \(left) more error") == true, "\(result.errorText)") }
    }

    static let warnedMistakes = [
        Mistake(.databases, 1, nil, "aliases", "NONE", namesLine: false),
        Mistake(.databases, 5, nil, "thishost", "NONE", namesLine: false),
        Mistake(.databases, 1, "aliases btree - -r $MAILVAR/db/aliases -lm", "-C", "live-without-environment"),
        Mistake(.databases, 1, "aliases bhash - -r $MAILVAR/db/x -lm", "-C", "live-without-environment"),
        Mistake(.databases, 3, "fqdnroutes $DBTYPE - -l $MAILVAR/db/fqdnroutes -lm% -C $MAILVAR/e", "-C", "no effect"),
        Mistake(.databases, 3, "fqdnroutes $DBTYPE - -r $MAILVAR/db/fqdnroutes -lm% -C $MAILVAR/e", "-C", "live map"),
        Mistake(.databases, 7, "fqdnroutes $DBTYPE - -l $MAILVAR/db/fqdnroutes -lm%", "line 3", "repeated-map"),
        Mistake(.databases, 4, "routesdb $DBTYPE - -l $MAILVAR/db/routes -m%:d pathalias", "-l", "folding-mismatch"),
        Mistake(.databases, 4, "routesdb NONE - -l $MAILVAR/db/routes -lm", "db/routes", "file-without-effect"),
        Mistake(.databases, 4, "routesdb incore - -l $MAILVAR/db/routes -lm", "no file", "file-without-effect"),
        Mistake(.zmailer, 7, "umask 022", "no NAME=VALUE"),
        Mistake(.mail, 2, "if true; then", "no NAME=VALUE"),
        Mistake(.scheduler, 2, "    interval=60 expiry=3d", "interval=60", "seconds"),
        Mistake(.scheduler, 2, "    interval=1m idlemax=9", "idlemax=9", "seconds"),
    ]

    @Test(arguments: warnedMistakes)
    func thatZMailersOwnFilesMayHoldIsSaidAndMailGoesOn(mistake: Mistake) throws {
        let site = try TestSite(mistake)
        let result = try site.runForMistake(in: mistake.file)
        #expect(result.status == 0)
        let place = site.place.file(mistake.file.rawValue) + (mistake.namesLine ? ":\(mistake.line): " : ": ")
        #expect(result.errorText.contains(place + "warning: "), "\(result.errorText)")
        for word in mistake.words { #expect(result.errorText.contains(word), "\(word): \(result.errorText)") }
    }

    @Test func casesAreCounted() {
        print(
            "ConfigurationMistakesTests: \(Self.refusedMistakes.count) mistakes refused, \(Self.manyMistakes.count) files"
                + " with many, \(Self.warnedMistakes.count) warned"
                + " of, \(Self.rightLines.count) right lines, \(SiteFile.allCases.count * 3) encodings,"
                + " \(Self.accountFiles.count) files of accounts")
        #expect(Self.refusedMistakes.count > 40)
    }

    static let rightLines = [
        Mistake(.databases, 7, "userdb NONE - - - -"), Mistake(.databases, 7, "fullnamemap $DBTYPE - -l /none -lm"),
        Mistake(.zmailer, 7, "MAILVAR2=/elsewhere"), Mistake(.zmailer, 7, "ORGDOMAIN=example"),
        Mistake(.zmailer, 7, "MAILBIN=/usr/lib/mail/bin"), Mistake(.zmailer, 7, "SCHEDULEROPTIONS=\"-l $LOGDIR/x -S\""),
        Mistake(.zmailer, 7, "export PATH MAILVAR # all"), Mistake(.zmailer, 7, "   # a remark"),
        Mistake(.zmailer, 6, "SMARTHOST=x; export SMARTHOST"), Mistake(.mail, 2, "toplevels=edu"),
        Mistake(.scheduler, 4, "    skew=1 ageorder"),
        Mistake(.scheduler, 6, "local\n    command=\"mailbox -l ${NOWHERE}\""),
    ]

    @Test(arguments: rightLines)
    func isNotSeenWhereThereIsNone(line: Mistake) throws {
        let result = try TestSite(line).runForMistake(in: line.file)
        #expect(result.status == 0)
        #expect(result.errorText.isEmpty)
    }

    @Test(arguments: ["", "# nothing yet\n", "userdb NONE - - -\n"])
    func aDbasesConfWithoutAnyLineOfTheChainIsRefused(text: String) throws {
        let site = try TestSite(nil)
        try site.place.write(text, to: "db/dbases.conf")
        let result = try site.runForMistake(in: .databases)
        #expect(result.status == 78)
        #expect(result.output.isEmpty)
        #expect(result.errorText.contains("relation-without-line"))
    }

    @Test(
        arguments: SiteFile.allCases,
        [0, 1, 2])
    func aFileSavedWithAByteOrderMarkOrAsUTF16IsRefusedByItsName(file: SiteFile, kind: Int) throws {
        let site = try TestSite(nil)
        let text = file.text.replacing("@SITE@", with: site.place.path)
        let units = Array(text.utf16)
        let bytes: [UInt8] =
            switch kind {
            case 0: [0xEF, 0xBB, 0xBF] + Array(text.utf8)
            case 1:
                [0xFF, 0xFE] + units.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
            default:
                [0xFE, 0xFF] + units.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
            }
        try site.place.write(bytes, to: file.rawValue)
        let result = try site.runForMistake(in: file)
        #expect(result.status == 78)
        #expect(result.output.isEmpty)
        #expect(result.errorText.contains(site.place.file(file.rawValue)), "\(result.errorText)")
        #expect(result.errorText.contains(kind == 0 ? "byte order mark" : "UTF-16"), "\(result.errorText)")
    }

    static let accountFiles = [
        "", "# nobody yet\n", "ann\nbob\n", " ann:x:1:1::/:\n", "\u{FEFF}ann:x:1:1::/:\n", "ann :x:1\n", ":x:1\n",
        "ann\u{A0}:x:1\n", "bob:x:1\n\u{200B}ann:x:1\n", "bob:x:1\nan\u{AD}n:x:1\n", "\u{3000}ann:x:1\n",
    ]

    @Test(arguments: accountFiles)
    func aFileOfAccountsThatNamesNoneHoldsMailForUsersAndBouncesNone(text: String) throws {
        let site = try TestSite(Mistake(.zmailer, 7, "ROUTEUSER_IN_ABNORMAL_UNIX=\nLOCALUSERS=@SITE@/accounts"))
        try site.place.write(text, to: "accounts")
        let result = try site.run(["route-test", "--format", "tsv", "ann@h.example"])
        #expect(result.status == 75)
        #expect(result.text == "ann@h.example\thold!IO:error!ann@h.example\n")
        #expect(result.errorText.contains(site.place.file("accounts")), "\(result.errorText)")
    }

    @Test func aVariableWhoseNameIsLikeASettingsIsMeantWhereSomethingRefersToIt() throws {
        let site = try TestSite(Mistake(.zmailer, 7, "MAILVARS=@SITE@\nLOGDIR=$MAILVARS/log"))
        #expect(try site.runForMistake(in: .zmailer).status == 0)
    }

    @Test(arguments: [["route-test", "a@b.example"], ["queue"], ["newdb"], ["route-queue"], ["deliver", "--once"]])
    func withoutAnyZmailerConfThePlacesLookedAtAreNamed(arguments: [String]) throws {
        let environment = ["-u", "ZCONFIG", try Programs.zroute.get()]
        let result = try runCommand("/usr/bin/env", environment + arguments)
        #expect(result.status == 78)
        #expect(result.output.isEmpty)
        for place in ["/etc/zmailer/zmailer.conf", "/etc/zmailer.conf", "--config", "ZCONFIG"] {
            #expect(result.errorText.contains(place), "\(result.errorText)")
        }
    }
}
