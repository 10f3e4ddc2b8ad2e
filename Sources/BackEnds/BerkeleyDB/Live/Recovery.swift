// Brings an environment back to life whose locks a killed process took to its grave: what can be read of its databases
// is written down first, then the region files go, then each damaged database is built anew beside the old one, which
// is kept under another name.

import Configuration
import Glibc
package import Maps
import System

/// The recovery of one CDB environment and of the databases in it.
package struct Recovery {
    /// A database of the environment.
    package struct Database {
        /// What messages call it, and its file.
        package let name: TableName
        /// A dump that it is to be built from, and what messages call that; nil for what can be read of its file.
        package let source: (bytes: [UInt8], name: String)?

        /// Names a database.
        package init(name: TableName, source: (bytes: [UInt8], name: String)? = nil) {
            self.name = name
            self.source = source
        }
    }

    private let settings: EnvironmentSettings
    private let databases: [Database]
    private let date: String
    private let report: (String) -> Void

    /// Describes what to recover.
    ///
    /// - Parameters:
    ///   - settings: the environment.
    ///   - date: what the names of dumps and kept files end with, such as the date and time; where such a name is taken a
    ///     number follows it.
    ///   - report: is told what is done, in sentences for people.
    package init(
        _ settings: EnvironmentSettings, databases: [Database], date: String, report: @escaping (String) -> Void
    ) {
        self.settings = settings
        self.databases = databases
        self.date = date
        self.report = report
    }

    /// Recovers the environment.
    ///
    /// - Parameters:
    ///   - isForced: whether processes that this user may not look into are taken not to use it.
    ///   - observer: watches calls that may never return, and may want the work to end before it is done.
    /// - Returns: whether every entry is there, or may be: false where a database had to be built from what could be read
    ///   of it, and that was not all.
    package func run(isForced: Bool, observer: (any CallObserver)? = nil) throws(RecoveryError) -> Bool {
        let lock = try takeAlone()
        try refuseWhileUsed(isForced: isForced)
        let stamp = freeStamp()
        var plans: [(database: Database, dump: SalvagedDatabase)] = []
        for database in databases {
            if let dump = try salvage(database, stamp, observer) { plans.append((database, dump)) }
        }
        if observer.isStopRequested { throw RecoveryError("\(settings.home): ended by a signal; nothing was changed") }
        let regions = RegionFiles(home: settings.home)
        let owner = try? FileIdentity(path: regions.first)
        do {
            let count = try regions.remove()
            report("\(settings.home): removed \(counted(count, "region file", "region files"))")
        } catch {
            throw RecoveryError("\(error); nothing else was changed")
        }
        for plan in plans { try rebuild(plan.database, plan.dump, stamp, observer) }
        lock?.share()
        do {
            for plan in plans { try check(plan.database, observer) }
        } catch {
            // The new region files are there, and readers must be able to use them.
            try? restore(owner)
            throw error
        }
        try restore(owner)
        try nameFormerUsers()
        let lossy = plans.filter { $0.database.source == nil && !$0.dump.isWhole && $0.dump.missing != 0 }
        for plan in lossy { reportLoss(plan.database, plan.dump) }
        return lossy.isEmpty
    }

    /// Two recoveries may fall into one second, and what the first kept is not to be touched.
    private func freeStamp() -> String {
        var stamp = date
        var number = 1
        while isTaken(stamp) {
            number += 1
            stamp = "\(date)-\(number)"
        }
        return stamp
    }

    private func isTaken(_ stamp: String) -> Bool {
        databases.contains { database in
            ["salvage", "damaged"].contains { (try? FileIdentity(path: "\(database.name.file).\($0)-\(stamp)")) != nil }
        }
    }

    private func reportLoss(_ database: Database, _ dump: SalvagedDatabase) {
        let path = database.name.file
        let lost =
            switch dump.missing {
            case nil: "how many entries are lost cannot be told"
            case 1: "about 1 entry is lost"
            case .some(let count): "about \(count) entries are lost"
            }
        let map = database.name.relation == "-" ? "--env \(settings.home) \(path)" : database.name.relation
        report(
            "\(path): \(lost); before mail flows, load what the map is made from, or a dump: `zroute db load \(map) "
                + "FILE`")
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

    private func salvage(
        _ database: Database, _ stamp: String, _ observer: (any CallObserver)?
    ) throws(RecoveryError) -> SalvagedDatabase? {
        let path = database.name.file
        do {
            let identity = try FileIdentity(path: path)
            let kind = DatabaseKind(rawValue: database.name.backEnd) ?? .btree
            let dump = try SalvagedDatabase(
                path, identity, kind: kind, dump: "\(path).salvage-\(stamp)", observer: observer)
            let state = dump.isWhole ? "is whole" : "is damaged"
            report("\(path): \(state); \(counted(dump.entries, "entry", "entries")) written to \(dump.path)")
            if dump.fragments > 0 {
                report("\(path): \(counted(dump.fragments, "more entry has", "more entries have")) lost key or value")
            }
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

    private func rebuild(
        _ database: Database, _ dump: SalvagedDatabase, _ stamp: String, _ observer: (any CallObserver)?
    ) throws(RecoveryError) {
        guard !dump.isWhole || database.source != nil else { return }
        let path = database.name.file
        let kept = "\(path).damaged-\(stamp)"
        do {
            let result = try DatabaseRebuild(database.name, dump, observer: observer).run(
                source: database.source, keepingOldAs: kept)
            let origin = database.source?.name ?? dump.path
            let entries = counted(result.entries, "entry", "entries")
            report("\(path): built anew from \(origin), \(entries); the old file is \(kept)")
            if database.source != nil {
                let keys = counted(result.onlySalvaged, "key", "keys")
                report(
                    "\(path): \(keys) of the old file could be read and are not in \(origin); see \(dump.path)")
            }
            if result.conflicts > 0 {
                report("\(path): \(counted(result.conflicts, "key", "keys")) had two values; the first one stands")
            }
        } catch let error as RecoveryError {
            throw error
        } catch {
            throw RecoveryError(
                "\(error); \(path) is as it was, its dump is \(dump.path), and the environment's region files are gone")
        }
    }

    private func check(_ database: Database, _ observer: (any CallObserver)?) throws(RecoveryError) {
        do {
            let map = try LiveDatabase(database.name, environment: settings, access: .write, observer: observer)
            try map.verify()
            var count = 0
            try map.forEach { _, _ in count += 1 }
            try map.close()
            report("\(database.name.file): works in the new environment; \(counted(count, "entry", "entries"))")
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

// Why an environment was not recovered.

/// A recovery that was refused, or could not be finished.
package struct RecoveryError: Error, Sendable, CustomStringConvertible {
    /// The cause, what was changed until then, and the remedy.
    package let description: String

    /// Records why.
    package init(_ description: String) { self.description = description }

    init(_ path: String, _ failure: BerkeleyDBFailure) { self.init("\(path): \(failure.text)") }
}
