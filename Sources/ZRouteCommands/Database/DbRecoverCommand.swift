// `zroute db recover`: brings an environment back that a killed process left locked.

import ArgumentParser
import BerkeleyDB
import Configuration
import Glibc
import Maps
import Site
import System

/// Recovers an environment.
struct DbRecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Recover an environment that a killed process left locked.",
        discussion: """
            It refuses while a living process uses the environment. What can be read of each database is written to \
            FILE.salvage-DATE. The region files are removed; a damaged database is built anew from what could be read, \
            or from --source, and the old file kept as FILE.damaged-DATE. Every database is then checked in the new \
            environment. What was done is printed.

            The exit status is 0 if every entry is there, 1 if the environment works again but entries are lost, which \
            must be loaded before mail flows, and 75 if it was not recovered.

            Examples:

              # After a message that says that the environment is locked.
              zroute db recover fqdnroutes
              # From a dump, whatever the file is like.
              zroute db recover --source fqdnroutes.dump fqdnroutes
            """)

    @OptionGroup var options: DbOptions

    @Option(help: ArgumentHelp("Build MAP from this dump, whether it is damaged or not.", valueName: "file"))
    var source: String?

    @Flag(help: "Go on although some processes cannot be looked into.")
    var force = false

    @Argument(help: "A relation, or a path; none for all databases of --env.")
    var map: String?

    func validate() throws {
        guard map != nil || options.home != nil else { throw ValidationError("Name a map, or an environment.") }
        guard map != nil || source == nil else { throw ValidationError("--source needs a map to be built from it.") }
        guard !options.hasNoEnvironment else { throw ValidationError("There is nothing to recover without one.") }
    }

    func run() throws {
        let log = DiagnosticLog(options.site.log.form)
        let plan: DbRecoveryPlan
        let site: LoggedSite?
        do {
            site = try DbSession.site(options, isNeeded: map.map { !$0.contains("/") } ?? false)
            plan = try DbRecoveryPlan(map: map, options, databases: site?.databases)
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        let dump = try source.map { (bytes: try readDump($0, log), name: $0) }
        let databases = plan.databases.map {
            Recovery.Database(name: $0, source: $0 == plan.named ? dump : nil)
        }
        let signals = TerminationSignals()
        defer { signals.release() }
        var output = OutputStream(descriptor: STDOUT_FILENO, signals: signals)
        let recovery = Recovery(plan.environment, databases: databases, date: Self.date()) { line in
            output.write("\(line)\n")
            output.flush()
        }
        let isComplete: Bool
        do {
            let watchdog = DbWatchdog(
                "environment \(plan.environment.home)", LiveDatabasePlace.hangRemedy(in: plan.environment), site,
                signals, options.site.log.form)
            isComplete = try recovery.run(isForced: force, observer: watchdog)
        } catch {
            log.say(error)
            throw ExitCode.tryAgain
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        if !isComplete { throw ExitCode.absent }
    }

    /// The date and time in UTC, to the second.
    private static func date() -> String {
        var now = time(nil)
        var parts = unsafe tm()
        unsafe gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let length = unsafe strftime(&text, text.count, "%Y%m%d-%H%M%S", &parts)
        return String(decoding: text[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

// Which databases live in the environment that is to be recovered: those of dbases.conf, or else the files beside it.

/// An environment and its databases.
struct DbRecoveryPlan {
    let environment: EnvironmentSettings
    let databases: [TableName]
    /// The one named on the command line.
    let named: TableName?

    init(map: String?, _ options: DbOptions, databases configured: DatabasesConf?) throws {
        var names: [TableName] = []
        if let map {
            let target = try DbTarget(map, options, databases: configured)
            guard let place = target.place as? LiveDatabasePlace else {
                throw ConfigurationError(
                    file: map,
                    text: "a map of type \(target.name.backEnd) lives in no environment that a killed process could "
                        + "leave locked; check it with db verify, and fill it anew with newdb or db load")
            }
            guard let settings = place.environment else {
                throw ConfigurationError(
                    file: map,
                    text: target.definition?.compile.isLive ?? false
                        ? "its line in dbases.conf names no environment; name it with -C, or here with --env"
                        : "lives in no environment; compile it with newdb")
            }
            environment = settings
            named = target.name
            names.append(target.name)
        } else {
            environment = EnvironmentSettings(home: absolutePath(options.home ?? "."), create: true)
            named = nil
        }
        let home = try FileLocation(environment.home)
        // A line whose environment cannot be read might name this one: its map would be left out.
        let others = try (configured?.definitions ?? []).filter { definition in
            guard let file = definition.environmentFile else { return false }
            let settings = try EnvironmentSettings(file: file)
            return (try? FileLocation(settings.home)) == home
        }
        names += others.map(\.tableName)
        if others.isEmpty {
            for name in try fileNames(in: environment.home).sorted() where !name.hasPrefix(".") {
                guard name.hasSuffix(".db") || name.hasSuffix(".dbh") else { continue }
                let type = name.hasSuffix(".dbh") ? MapType.bhash : .btree
                names.append(
                    TableName(relation: "-", backEnd: type.name, file: "\(environment.home)/\(name)"))
            }
        }
        // One file may be the map of several relations.
        var seen: Set<FileLocation> = []
        self.databases = names.filter { name in
            // What has not even a directory is there only once.
            (try? FileLocation(name.file)).map { seen.insert($0).inserted } ?? true
        }
    }
}
