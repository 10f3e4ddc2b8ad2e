import BerkeleyDB
import Configuration
import Foundation
import Maps
import Site
import Testing
import ZRouteTestKit

private let variables = Variables([
    "MAILVAR": "/var/mail", "DBTYPE": "btree", "FLAGS": "-lm -d pathalias", "EMPTY": "",
])

private func definitions(_ text: String, _ variables: Variables = variables) throws -> [MapDefinition] {
    try DatabasesConf(Array(text.utf8), file: "/conf/dbases.conf", variables: variables, types: MapBackEnds.all.types)
        .definitions
}

private func flags(_ text: String) throws -> RelationFlags {
    try #require(try definitions("r btree - -l /f \(text)").first).flags
}

private func fixture(_ name: String) throws -> [UInt8] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return Array(try Data(contentsOf: root.appendingPathComponent("Fixtures/configuration/\(name)")))
}

@Suite struct DatabasesConfTests {
    @Test func theLinesOfAUsualConfiguration() throws {
        let conf = try DatabasesConf(
            try fixture("01-seed.dbases.conf"), file: "/var/mail/dbases.conf", variables: variables,
            types: MapBackEnds.all.types)
        #expect(conf.relations.prefix(5) == ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"])
        #expect(conf.relations.contains("userdb"))
        #expect(conf.definitions(of: "userdb").isEmpty)

        let aliases = conf.definitions(of: "aliases")
        #expect(aliases.count == 2)
        #expect(aliases[0].type == .btree)
        #expect(aliases[0].privilege == MapPrivilege(owner: "0", group: "0", mode: 0o644))
        #expect(aliases[0].compile == CompileOptions(folding: .lower, isAliases: true))
        #expect(aliases[0].path == "/var/mail/db/aliases-local")
        #expect(aliases[0].tablePath == "/var/mail/db/aliases-local.db")
        #expect(aliases[0].flags.folding == .lower)
        #expect(aliases[0].flags.reopensChanged)
        #expect(!aliases[0].flags.substitutes)
        #expect(aliases[0].environmentFile == nil)
        #expect(aliases[1].compile == CompileOptions(isLive: true))
        #expect(aliases[1].environmentFile == "/var/mail/db/sleepyenv.conf")
        #expect(aliases[1].line == 2)
        #expect(aliases[1].file == "/var/mail/dbases.conf")
        #expect(aliases[1].tableName.description == "aliases (btree:/var/mail/db/aliases.db)")

        let routes = try #require(conf.definitions(of: "fqdnroutes").first)
        #expect(routes.flags.substitutes)
        #expect(routes.flags.hasDefaultKeysFlag)
        #expect(routes.flags.driver == .none)
        #expect(routes.privilege == MapPrivilege(owner: "root", group: "0", mode: 0o644))

        let routesdb = try #require(conf.definitions(of: "routesdb").first)
        #expect(routesdb.flags.driver == .pathalias)
        #expect(routesdb.flags.hasDefaultKeysFlag)
        #expect(routesdb.privilege == nil)
        let thishost = try #require(conf.definitions(of: "thishost").first)
        #expect(thishost.flags.driver == .pathalias)
        #expect(!thishost.flags.hasDefaultKeysFlag)
    }

    @Test func unorderedTextMapsAreReadAsTheyStand() throws {
        let conf = try DatabasesConf(
            try fixture("14-unordered.dbases.conf"), file: "/m/dbases.conf", variables: variables,
            types: MapBackEnds.all.types)
        let routes = try #require(conf.definitions(of: "routesdb").first)
        #expect(routes.type == .unordered)
        #expect(routes.compile == CompileOptions())
        #expect(routes.tablePath == "/var/mail/db/routes")
        #expect(routes.cacheSize == 10)
    }

    @Test func theSettingsOwnVariablesAreEnoughForAUsualConfiguration() throws {
        let directory = try TemporaryDirectory()
        try directory.write("zmailer.conf", "MAILVAR=/m\nDBTYPE=text\n")
        try directory.write("dbases.conf", "a $DBTYPE - -r ${MAILVAR}/a -lm -C ${MAILVAR}/sleepyenv.conf\n")
        let settings = try Settings.load(file: directory.file("zmailer.conf"))
        let conf = try DatabasesConf(
            file: directory.file("dbases.conf"), settings: settings, types: MapBackEnds.all.types)
        let map = try #require(conf.definitions.first)
        #expect(map.type == .text)
        #expect(map.tablePath == "/m/a")
        #expect(map.compile.isLive)
        #expect(map.flags.environmentFile == "/m/sleepyenv.conf")
        #expect(map.environmentFile == nil)
    }

    @Test(arguments: [
        ("btree", MapType.btree, "/f.db"), ("bhash", .bhash, "/f.dbh"), ("text", .text, "/f"),
        ("unordered", .unordered, "/f"), ("ordered", .ordered, "/f"), ("$DBTYPE", .btree, "/f.db"),
        ("btree,sub", .btree, "/f.db"),
    ])
    func typesAndTheFilesTheyRead(name: String, type: MapType, file: String) throws {
        let map = try #require(try definitions("r \(name) - -l /f -l").first)
        #expect(map.type == type)
        #expect(map.tablePath == file)
    }

    @Test(arguments: ["r incore - - - -", "r NONE - - - -", "r none - - -"])
    func mapsWithoutAFile(line: String) throws {
        let map = try #require(try definitions(line).first)
        #expect(map.path == nil)
        #expect(map.tablePath == nil)
    }

    @Test func commentsBlanksAndTheEndsOfLinesAreNoMatter() throws {
        let maps = try definitions("#| note\n\n   # note\n\ta\tbtree\t-\t-l\t/a\t-l # note\r\nb text - - /b")
        #expect(maps.map(\.relation) == ["a", "b"])
        #expect(maps.map(\.line) == [4, 5])
        #expect(maps[0].flags.folding == .lower)
        #expect(maps[1].flags == RelationFlags())
    }

    @Test func aRelativePathIsRelativeToTheDirectoryOfDbasesConf() throws {
        #expect(try definitions("r text - - sub/f").first?.path == "/conf/sub/f")
    }

    @Test(arguments: [
        ("-", CompileOptions()),
        ("-l", CompileOptions(folding: .lower)),
        ("-u", CompileOptions(folding: .upper)),
        ("-la", CompileOptions(folding: .lower, isAliases: true)),
        ("-al", CompileOptions(folding: .lower, isAliases: true)),
        ("-a", CompileOptions(folding: .lower, isAliases: true)),
        ("-ua", CompileOptions(folding: .upper, isAliases: true)),
        ("-ls", CompileOptions(folding: .lower)),
        ("-r", CompileOptions(isLive: true)),
    ])
    func theOptionsOfNewdbAreRead(field: String, options: CompileOptions) throws {
        #expect(try definitions("r text - \(field) /f").first?.compile == options)
    }

    @Test func casesAreCounted() {
        print("DatabasesConfTests: \(Self.unusableLines.count) lines that cannot be used")
        #expect(Self.unusableLines.count > 20)
    }

    static let unusableLines = [
        ("r btree - -l", "the line has 4 fields"),
        ("r ldap - - - -lm -e 2000 -s 9000", "a map of type ldap needs a file"),
        ("r bind,mxlocal - - - -l", "maps of ZMailer's type 'bind'"),
        ("r yp - - - -", "maps of ZMailer's type 'yp'"),
        ("r ndbm - -l /f", "maps of ZMailer's type 'ndbm'"),
        ("r gdbm - -l /f", "maps of ZMailer's type 'gdbm'"),
        ("r dbm - -l /f", "maps of ZMailer's type 'dbm'"),
        ("r sdbm - -l /f", "maps of ZMailer's type 'sdbm'"),
        ("r tokyo - -l /f", "the type 'tokyo' is unknown"),
        ("r $EMPTY - -l /f", "the type '' is unknown"),
        ("r btree - -l -", "a map of type btree needs a file"),
        ("r text - - - -l", "a map of type text needs a file"),
        ("r btree - -l $NOWHERE/f -l", "$NOWHERE is not set"),
        ("r btree root -l /f -l", "the privilege 'root' is no owner:group:mode"),
        ("r btree root:0 -l /f -l", "the privilege 'root:0' is no owner:group:mode"),
        ("r btree 0:0:888 -l /f -l", "the privilege '0:0:888' is no owner:group:mode"),
        ("r btree :0:644 -l /f -l", "the privilege ':0:644' is no owner:group:mode"),
        ("r btree - l /f -l", "the newdb options 'l' do not begin with '-'"),
        ("r btree - -lz /f -l", "the newdb option 'z' is unknown"),
        ("r btree - -lu /f -l", "the newdb options l and u exclude"),
        ("r btree - -rl /f -l", "the newdb option r (a live map"),
        ("r! btree - -l /f -l", "'r!' is no relation name"),
        ("r btree - -l /f\0 -l", "the line has a NUL"),
    ]

    @Test(arguments: unusableLines)
    func linesThatCannotBeUsed(line: String, text: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try definitions("# first\n\(line)\n") }
        #expect(error?.file == "/conf/dbases.conf")
        #expect(error?.line == 2)
        #expect(error?.text.hasPrefix(text) == true, "\(error?.text ?? "")")
    }

    @Test func aFileThatIsMissingOrTooLargeIsAnError() throws {
        let directory = try TemporaryDirectory()
        let settings = try Settings.load(environmentFile: nil, standardFiles: [])
        #expect(throws: ConfigurationError.self) {
            try DatabasesConf(file: directory.file("none"), settings: settings, types: MapBackEnds.all.types)
        }
        try directory.write("large", String(repeating: "#\n", count: 600_000))
        #expect(throws: ConfigurationError.self) {
            try DatabasesConf(file: directory.file("large"), settings: settings, types: MapBackEnds.all.types)
        }
        #expect(throws: ConfigurationError.self) { try definitions("#" + String(repeating: "x", count: 70_000)) }
    }

    @Test func whereDbasesConfIsLookedFor() throws {
        let directory = try TemporaryDirectory()
        func location(_ named: String? = nil) throws -> String {
            try DatabasesConf.location(
                named: named,
                settings: try Settings.load(
                    environmentFile: nil, standardFiles: [], overrides: [("MAILVAR", directory.path)]))
        }
        #expect(try location("/named") == "/named")
        #expect(try location() == directory.file("db/dbases.conf"))
        try directory.write("dbases.conf", "")
        #expect(try location() == directory.file("dbases.conf"))
        try directory.makeDirectory("db")
        try directory.write("db/dbases.conf", "")
        #expect(try location() == directory.file("db/dbases.conf"))
        #expect(throws: ConfigurationError.self) {
            try DatabasesConf.location(settings: try Settings.load(environmentFile: nil, standardFiles: []))
        }
    }
}

@Suite struct DatabasesFlagsTests {
    @Test(arguments: [
        ("-lm%:d pathalias", SearchDriver.pathalias),
        ("-lm%d  pathalias", .pathalias),
        ("-ld pathalias", .pathalias),
        ("-ldpathalias", .pathalias),
        ("-d pathalias.nodot", .pathaliasNoDot),
        ("-d pathalias.at -l", .pathaliasAt),
        ("-lmd longestmatch", .longestMatch),
        ("$FLAGS", .pathalias),
        ("-lm%", .none),
        ("-", .none),
        ("", .none),
    ])
    func theDriverAndItsArgument(text: String, driver: SearchDriver) throws {
        #expect(try flags(text).driver == driver)
    }

    @Test func lettersTogetherAndApartSayTheSame() throws {
        var all = RelationFlags()
        all.folding = .lower
        all.reopensChanged = true
        all.substitutes = true
        all.hasDefaultKeysFlag = true
        all.cachesAbsences = true
        all.cacheSize = 9999
        all.cacheSeconds = 60
        all.driver = .pathalias
        all.environmentFile = "/env"
        for text in [
            "-lm%:N -s9999 -e60 -dpathalias -C/env",
            "-l -m -% -: -N -s 9999 -e 60 -d pathalias -C /env",
            "-C /env -lm%:Nd pathalias -s 9999 -e 60 # and a comment -q",
            "-t bind -f /other -lm%:Ns9999 -e60 -d pathalias.nodot -d pathalias -C /env",
        ] {
            var read = try flags(text)
            read.file = nil
            #expect(read == all, "\(text)")
        }
    }

    @Test(arguments: [
        "", "-l", "-lm%:", "-u", "-lmNb", "-n", "-%", "-ld pathalias", "-d pathalias.nodot -s 7 -e 60",
        "-l -C /e -f /f",
    ])
    func flagsAreWrittenAsTheyAreRead(_ text: String) throws {
        let read = try flags(text)
        #expect(try flags(read.description == "-" ? "" : read.description) == read)
    }

    @Test(arguments: [
        ("-u", KeyFolding.upper, RelationAnswer.value), ("-l", .lower, .value), ("-n", .none, .valueOrKey),
        ("-lb", .lower, .key), ("-bn", .none, .valueOrKey), ("-nb", .none, .key),
    ])
    func foldingAndAnswers(text: String, folding: KeyFolding, answer: RelationAnswer) throws {
        #expect(try flags(text).folding == folding)
        #expect(try flags(text).answer == answer)
    }

    @Test func theFlagFNamesTheFileOnlyWhereTheLineNamesNone() throws {
        #expect(try definitions("r text - - - -f /x").first?.tablePath == "/x")
        #expect(try definitions("r text - - /f -f /x").first?.tablePath == "/f")
    }

    @Test(arguments: [
        ("-i", "the relation flag -i is not supported"),
        ("-lp", "the relation flag -p is not supported"),
        ("-lu", "the relation flags -l and -u exclude each other"),
        ("-l -u", "the relation flags -l and -u exclude each other"),
        ("-q", "the relation flag -q is unknown"),
        ("--lower", "the relation flag -- is unknown"),
        ("-lm pathalias", "'pathalias' is no relation flag"),
        ("-d", "the relation flag -d lacks its argument"),
        ("-lmC", "the relation flag -C lacks its argument"),
        ("-d nosuch", "the search driver 'nosuch' is unknown"),
        ("-s many", "the relation flag -s needs a number"),
        ("-s -1", "the relation flag -s needs a number"),
        ("-s 1000001", "the relation flag -s needs a number"),
        ("-e 99999999999999999999", "the relation flag -e needs a number"),
        ("-e +1", "the relation flag -e needs a number"),
    ])
    func flagsThatCannotBeUsed(text: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try flags(text) }
        #expect(error?.line == 1)
        #expect(error?.text.hasPrefix(message) == true, "\(error?.text ?? "")")
    }
}

@Suite struct DatabasesPrivilegeTests {
    @Test(arguments: [
        (0o644, "OWNER:GROUP:644", ""),
        (0o600, "OWNER:GROUP:644", ""),
        (0o664, "OWNER:GROUP:664", ""),
        (0o666, "OWNER:GROUP:644", "is writable by everyone (mode 666, not 644)"),
        (0o664, "OWNER:GROUP:644", "is writable by its group (mode 664, not 644)"),
        (0o664, "OWNER:54321:664", "is writable by group"),
        (0o644, "54321:GROUP:644", "belongs to user"),
        (0o644, "no-such-user:GROUP:644", "should belong to 'no-such-user'"),
        (0o666, "-", ""),
    ])
    func filesThatAreTooWidelyWritableOrSomeoneElsesAreNamed(mode: Int, privilege: String, finding: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write("f.db", "")
        chmod(directory.file("f.db"), mode_t(mode))
        let field = privilege.replacingOccurrences(of: "OWNER", with: "\(getuid())")
            .replacingOccurrences(of: "GROUP", with: "\(getgid())")
        let line = "r btree \(field) -l \(directory.file("f")) -l"
        let conf = try DatabasesConf(Array(line.utf8), file: "/c", variables: Variables(), types: MapBackEnds.all.types)
        let warnings = conf.checkPrivileges()
        if finding.isEmpty {
            #expect(warnings.isEmpty)
        } else {
            #expect(warnings.count == 1)
            #expect(
                warnings.first?.description.hasPrefix("/c:1: warning: map file \(directory.file("f.db")) \(finding)")
                    == true)
        }
    }

    @Test func namesAreResolvedAndAMissingFileIsNoFinding() throws {
        let directory = try TemporaryDirectory()
        try directory.write("f.db", "")
        let owner = try #require(getpwuid(getuid())).pointee
        let line = "r btree \(String(cString: owner.pw_name)):0:644 -l \(directory.file("f")) -l\n"
        let missing = "r btree no-such-user:0:644 -l \(directory.file("none")) -l\n"
        let conf = try DatabasesConf(
            Array((line + missing).utf8), file: "/c", variables: Variables(), types: MapBackEnds.all.types)
        #expect(conf.checkPrivileges().isEmpty)
    }
}
