// What all commands for live maps do alike: find the map, open it, and turn failures into exit statuses.

import ArgumentParser
import Configuration
import Glibc
import Maps

/// One command's work on one map.
struct DbSession: ~Copyable {
    let target: DbTarget
    let log: DiagnosticLog
    private let watchdog: DbWatchdog

    /// Finds the map.
    ///
    /// - Throws: `ExitCode`, after saying why.
    init(_ map: String, _ options: DbOptions) throws {
        log = DiagnosticLog(options.site.log.form)
        do {
            let site = try Self.site(options, isNeeded: !map.contains("/"))
            target = try DbTarget(map, options, databases: site?.databases)
            watchdog = Self.watchdog("map \(target.name)", target.environment, site, options.site.log.form)
        } catch {
            log.say(error)
            throw ExitCode.configuration
        }
    }

    /// The site; nil where it has no configuration and none is needed.
    static func site(_ options: DbOptions, isNeeded: Bool) throws -> Site? {
        do {
            return try Site(options: options.site)
        } catch {
            let isOwn = options.site.config != nil || options.site.dbases != nil
            guard !isNeeded, !isOwn, options.home != nil || options.hasNoEnvironment else { throw error }
            return nil
        }
    }

    static func watchdog(_ what: String, _ environment: EnvironmentSettings?, _ site: Site?, _ log: LogForm)
        -> DbWatchdog
    {
        let seconds = site?.settings.lookupTimeout ?? standardTimeout
        let remedy =
            environment.map {
                "a killed process probably left the environment \($0.home) locked; stop its users and run `zroute db "
                    + "recover --env \($0.home)`"
            } ?? "the disk does not answer"
        return DbWatchdog(
            seconds: seconds,
            message: "\(what): no answer within \(seconds) s, and it is not known what was done: \(remedy)", log: log)
    }

    private static let standardTimeout = 5

    /// Opens the map for reading.
    func openForReading() throws -> LiveMap { try open(.read) }

    /// Opens the map for what also checks it: inside an environment that takes the right to write.
    func openForChecking() throws -> LiveMap {
        try reporting { () throws(MapError) in try openUnreported() }
    }

    /// Opens the map for changing it.
    func openForWriting(create: Bool) throws -> LiveMap {
        guard target.mayChange else {
            log.say(
                "\(target.name.file): lives in no environment, so its readers would miss keys while it is changed; "
                    + "compile it with newdb, or say --no-env if nobody reads it now")
            throw ExitCode.usage
        }
        return try open(create ? .create(target.kind, mode: target.mode) : .write)
    }

    /// Opens the map for what checks it, and leaves its failure to the caller.
    func openUnreported() throws(MapError) -> LiveMap {
        let access = target.environment == nil ? LiveMap.Access.read : .write
        return try LiveMap(target.name, environment: target.environment, access: access, observer: watchdog)
    }

    private func open(_ access: LiveMap.Access) throws -> LiveMap {
        try reporting { () throws(MapError) in
            try LiveMap(target.name, environment: target.environment, access: access, observer: watchdog)
        }
    }

    /// Does something with the map, and turns its failure into a message and an exit status.
    func reporting<Answer>(
        _ context: String = "", _ body: () throws(MapError) -> Answer
    ) throws -> Answer {
        do {
            return try body()
        } catch {
            log.say(error, rest: context)
            throw Self.status(of: error)
        }
    }

    /// A full disk is told apart from a map that cannot answer.
    static func status(of error: MapError) -> ExitCode {
        [ENOSPC, EFBIG, EDQUOT, EROFS, EIO].contains(error.code) ? .inputOutput : .tryAgain
    }

    /// The stored form of a key given on the command line: folded as lookups fold it, with the NUL that ends it.
    func storedKey(_ key: String, isRaw: Bool) -> [UInt8] {
        key.utf8.map { isRaw ? $0 : target.folding.fold($0) } + [0]
    }
}
