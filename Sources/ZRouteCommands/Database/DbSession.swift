// What all commands for live maps do alike: find the map, open it, leave its environment whole whatever signal comes, and
// turn failures into exit statuses.

import ArgumentParser
import Configuration
import Glibc
import Maps
import Site
import System

/// One command's work on one map.
struct DbSession: ~Copyable {
    let target: DbTarget
    let log: DiagnosticLog
    let site: LoggedSite?
    private let form: LogForm
    private let map: String, options: DbOptions
    /// The dbases.conf that named the map.
    private let configuration: FileIdentity?

    /// What a map is opened for.
    enum Purpose {
        /// Only looking keys up.
        case reading
        /// What also checks the file: inside an environment that takes the right to write.
        case checking
        /// Changing it; a missing file may be made.
        case writing(create: Bool)
    }

    /// Finds the map.
    ///
    /// - Throws: `ExitCode`, after saying why.
    init(_ map: String, _ options: DbOptions) throws {
        log = DiagnosticLog(options.site.log.form)
        form = options.site.log.form
        (self.map, self.options) = (map, options)
        // Before it is read: what replaces it later is noticed.
        let path = (try? options.site.settings()).flatMap {
            try? DatabasesConf.location(named: options.site.dbases, settings: $0)
        }
        configuration = path.flatMap { try? FileIdentity(path: $0) }
        (site, target) = try Self.find(map, options)
    }

    private static func find(_ map: String, _ options: DbOptions) throws -> (LoggedSite?, DbTarget) {
        let log = DiagnosticLog(options.site.log.form)
        do {
            let site = try site(
                options, isNeeded: !map.contains("/"),
                livesInNone: map.contains("/") && !DbTarget.type(ofFileAt: map).livesInEnvironments)
            return (site, try DbTarget(map, options, databases: site?.databases))
        } catch let error as UsageError {
            log.say(error)
            throw ExitCode.usage
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
    }

    /// The site; nil where it has no configuration and none is needed.
    ///
    /// A configuration that is there and cannot be read may say that a map lives in an environment: nothing is done then.
    ///
    /// - Parameter livesInNone: whether the type of the map has no environments.
    static func site(_ options: DbOptions, isNeeded: Bool, livesInNone: Bool = false) throws -> LoggedSite? {
        let settings = try options.site.settings()
        let isMissing = settings.file == nil && settings.mailVar == nil && options.site.dbases == nil
        if isMissing, !isNeeded, livesInNone || options.home != nil || options.hasNoEnvironment { return nil }
        return try LoggedSite(options: options.site)
    }

    /// Opens the map, works with it, and closes it.
    ///
    /// A signal that would end the process does so when the map is closed; the work ends before its next step. Where the map was
    /// made one of another type meanwhile (`zroute convert`), a change is made in that one, too.
    ///
    /// - Parameters:
    ///   - statusOf: the exit status of a failure.
    ///   - body: gets the map, and standard output.
    /// - Throws: `ExitCode`, after saying why.
    func withMap(
        _ purpose: Purpose, statusOf: (MapError) -> ExitCode = DbSession.status,
        _ body: (_ map: any LiveMap, _ output: inout OutputStream) throws -> Void
    ) throws {
        try workOnMap(purpose, statusOf: statusOf, body)
        guard case .writing = purpose, let successor = try successor() else { return }
        log.say("\(target.name): became \(successor.target.name) meanwhile; the change is made there, too", .notice)
        try successor.workOnMap(purpose, statusOf: statusOf, body)
    }

    /// The same map as dbases.conf names it now; nil where that is the one that was opened.
    private func successor() throws -> DbSession? {
        guard let site, target.definition != nil,
            (try? FileIdentity(path: site.databases.file)) != configuration
        else { return nil }
        let now = try DbSession(map, options)
        if now.target.name == target.name { return nil }
        return consume now
    }

    private func workOnMap(
        _ purpose: Purpose, statusOf: (MapError) -> ExitCode,
        _ body: (_ map: any LiveMap, _ output: inout OutputStream) throws -> Void
    ) throws {
        let access = try access(for: purpose)
        let signals = TerminationSignals()
        // Whatever has been opened is closed when this returns.
        defer { signals.release() }
        let watchdog = DbWatchdog("map \(target.name)", target.place.hangRemedy, site, signals, form)
        do {
            let map = try target.place.open(access, observer: watchdog)
            var output = OutputStream(descriptor: STDOUT_FILENO, signals: signals)
            let result = Result { try body(map, &output) }
            try map.close()
            if output.hasFailed { try finish(&output) }
            try result.get()
            try finish(&output)
        } catch let error as MapError {
            if !error.isStop { log.say(error) }
            throw statusOf(error)
        }
    }

    /// Also a reader that went away did not get all, unless the signal that says so ends the process.
    private func finish(_ output: inout OutputStream) throws {
        guard output.finish(log), !output.hasFailed else { throw ExitCode.inputOutput }
    }

    /// Refuses to change a map whose readers would suffer.
    func requireChangeable() throws {
        guard let refusal = target.place.refusal else { return }
        log.say("\(target.name.file): \(refusal)")
        throw ExitCode.usage
    }

    private func access(for purpose: Purpose) throws -> LiveMapAccess {
        switch purpose {
        case .reading: return .read
        case .checking: return .check
        case .writing(let create):
            try requireChangeable()
            return create ? .create(mode: target.mode) : .write
        }
    }

    /// Does something with the map, and says what its failure means here.
    ///
    /// - Throws: `ExitCode`, after saying why; the map's own error where the work was to end.
    func reporting<Answer>(_ context: String, _ body: () throws(MapError) -> Answer) throws -> Answer {
        do {
            return try body()
        } catch {
            guard !error.isStop else { throw error }
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
