// Brings an environment back to life whose locks a killed process took to its grave: what can be read of its databases
// is written down first, then the region files go, then each damaged database is built anew beside the old one, which
// is kept under another name.

import Files
import Glibc

/// The recovery of one CDB environment and of the databases in it.
public struct Recovery {
    /// A database of the environment.
    public struct Database {
        /// What messages call it, and its file.
        public let name: TableName
        /// A dump that it is to be built from, and what messages call that; nil for what can be read of its file.
        public let source: (bytes: [UInt8], name: String)?

        /// Names a database.
        public init(name: TableName, source: (bytes: [UInt8], name: String)? = nil) {
            self.name = name
            self.source = source
        }
    }

    private let settings: EnvironmentSettings
    private let databases: [Database]
    private let stamp: String
    private let report: (String) -> Void

    /// Describes what to recover.
    ///
    /// - Parameters:
    ///   - settings: the environment.
    ///   - stamp: what the names of dumps and kept files end with, such as the date and time.
    ///   - report: is told what is done, in sentences for people.
    public init(
        _ settings: EnvironmentSettings, databases: [Database], stamp: String, report: @escaping (String) -> Void
    ) {
        self.settings = settings
        self.databases = databases
        self.stamp = stamp
        self.report = report
    }

    /// Recovers the environment.
    ///
    /// - Parameters:
    ///   - isForced: whether processes that this user may not look into are taken not to use it.
    ///   - observer: watches calls that may never return.
    public func run(isForced: Bool, observer: (any CallObserver)? = nil) throws(RecoveryError) {
        let lock = try takeAlone()
        try refuseWhileUsed(isForced: isForced)
        var plans: [(database: Database, dump: SalvagedDatabase)] = []
        for database in databases {
            if let dump = try salvage(database) { plans.append((database, dump)) }
        }
        let regions = RegionFiles(home: settings.home)
        let owner = try? FileIdentity(path: regions.first)
        do {
            report("\(settings.home): removed \(try regions.remove()) region files")
        } catch {
            throw RecoveryError("\(error); nothing else was changed")
        }
        for plan in plans { try rebuild(plan.database, plan.dump) }
        lock?.share()
        for plan in plans { try check(plan.database, observer) }
        try restore(owner)
        try nameFormerUsers()
    }

    private func takeAlone() throws(RecoveryError) -> HomeLock? {
        do {
            if let lock = try HomeLock.takeAlone(settings.home) { return lock }
        } catch {
            throw RecoveryError(settings.home, error)
        }
        throw RecoveryError(
            "\(settings.home): a `zroute db` command is using the environment; wait for it to end; nothing was changed")
    }

    private func refuseWhileUsed(isForced: Bool) throws(RecoveryError) {
        let users = try users()
        guard users.present.isEmpty else {
            throw RecoveryError(
                "\(settings.home): in use by \(Self.list(users.present)); stop them and run this again; nothing was "
                    + "changed")
        }
        guard !isForced else { return }
        guard !users.isIncomplete else {
            throw RecoveryError(
                "\(settings.home): this user cannot see all processes, so some may use the environment; run this as "
                    + "root, or stop all users and say --force; nothing was changed")
        }
        guard users.hidden.isEmpty else {
            throw RecoveryError(
                "\(settings.home): this user may not look into \(Self.list(users.hidden)), so they may use the "
                    + "environment; run this as root, or make sure that they do not and say --force; nothing was changed"
            )
        }
    }

    private func users() throws(RecoveryError) -> EnvironmentUsers {
        do {
            return try EnvironmentUsers(home: settings.home)
        } catch {
            throw RecoveryError("\(error); processes that use the environment cannot be found; nothing was changed")
        }
    }

    private static func list(_ users: [EnvironmentUsers.User]) -> String {
        let named = users.prefix(10).map { "process \($0.process) (\($0.name))" }.joined(separator: ", ")
        return users.count > 10 ? "\(named) and \(users.count - 10) more" : named
    }

    private func salvage(_ database: Database) throws(RecoveryError) -> SalvagedDatabase? {
        let path = database.name.file
        do {
            let identity = try FileIdentity(path: path)
            let kind = DatabaseKind(rawValue: database.name.backEnd) ?? .btree
            let dump = try SalvagedDatabase(path, identity, kind: kind, dump: "\(path).salvage-\(stamp)")
            let state = dump.isWhole ? "is whole" : "is damaged"
            report("\(path): \(state); \(dump.entries) entries written to \(dump.path)")
            if dump.fragments > 0 { report("\(path): \(dump.fragments) more had lost their key or their value") }
            return dump
        } catch let failure as FileError where failure.isMissing {
            report("\(path): does not exist; nothing to recover")
            return nil
        } catch let failure as BerkeleyDBFailure {
            throw RecoveryError("\(path): \(failure.text); nothing was changed")
        } catch {
            throw RecoveryError("\(error); nothing was changed")
        }
    }

    private func rebuild(_ database: Database, _ dump: SalvagedDatabase) throws(RecoveryError) {
        guard !dump.isWhole || database.source != nil else { return }
        let path = database.name.file
        let kept = "\(path).damaged-\(stamp)"
        do {
            let result = try DatabaseRebuild(database.name, dump).run(source: database.source, keepingOldAs: kept)
            let origin = database.source?.name ?? dump.path
            report("\(path): built anew from \(origin), \(result.entries) entries; the old file is \(kept)")
            if database.source != nil {
                report(
                    "\(path): \(result.onlySalvaged) keys could be read of the old file and are not in \(origin); see "
                        + dump.path)
            } else {
                report("\(path): entries on damaged pages are lost; compare with the program that keeps this map")
            }
            if result.conflicts > 0 { report("\(path): \(result.conflicts) keys had two values; the first one stands") }
        } catch let error as RecoveryError {
            throw error
        } catch {
            throw RecoveryError(
                "\(error); \(path) is as it was, its dump is \(dump.path), and the environment's region files are gone")
        }
    }

    private func check(_ database: Database, _ observer: (any CallObserver)?) throws(RecoveryError) {
        do {
            let map = try LiveMap(database.name, environment: settings, access: .write, observer: observer)
            try map.verify()
            var count = 0
            try map.forEach { _, _ in count += 1 }
            try map.close()
            report("\(database.name.file): works in the new environment; \(count) entries")
        } catch {
            throw RecoveryError("\(error); run this again")
        }
    }

    /// Readers need write access to the new region files, which otherwise belong to whoever ran this.
    private func restore(_ old: FileIdentity?) throws(RecoveryError) {
        guard let old, old.isRegularFile else { return }
        do {
            for name in try RegionFiles(home: settings.home).names() {
                let path = "\(settings.home)/\(name)"
                if geteuid() == 0 { try changeOwner(of: path, owner: old.owner, group: old.group) }
                try changeMode(of: path, to: old.mode & 0o777)
            }
        } catch {
            throw RecoveryError("\(error); give the region files the owner that readers need")
        }
    }

    private func nameFormerUsers() throws(RecoveryError) {
        let former = try users().former
        guard !former.isEmpty else { return }
        report("\(settings.home): \(Self.list(former)) still use the removed environment; restart those that write")
    }
}
