// Compiles sources into databases in two steps, so that one bad source of several leaves every old database in place:
// first all are written beside the old ones, then all are renamed.

import Glibc
import Synchronization
public import System

/// Compiles a set of maps, and replaces their databases together.
///
/// What was prepared and not committed is removed when the object goes. One thread prepares and commits; any may discard,
/// such as one that takes a signal: what is being replaced then is replaced as a whole.
public final class MapCompiler: Sendable {
    private struct Prepared {
        let temporary: String
        let target: String
        let format: (any MapFormat)?
        /// What is published before it, and lies beside it.
        var companion: Companion?
    }

    /// A companion as it was prepared.
    private struct Companion {
        let temporary: String
        let target: String
        /// The file that was there when it was made; nil where there was none.
        let replaced: FileIdentity?
        /// Makes another, where that file is another by now.
        let remake: @Sendable () throws(MapFileError) -> MapFileCompanion?
    }

    private struct State {
        /// What is beside the databases; the last one may still be being written.
        var prepared: [Prepared] = []
        var isEnded = false
    }

    private let state = Mutex(State())

    /// Makes a compiler with nothing to replace yet.
    public init() {}

    deinit { discard() }

    /// Reads the source of a job only, to say what is wrong with it.
    ///
    /// - Throws: what `prepare` would say of the source.
    public static func check(_ job: CompileJob) throws(CompileError) -> CompileReport {
        let sorted = try MapSource(compiling: job)
        return CompileReport(
            source: job.source.name, entries: sorted.entries.count, kept: 0,
            entriesBefore: sorted.entries.isEmpty ? job.format?.entryCount(of: job.target) : nil,
            findings: sorted.findings)
    }

    /// Compiles a source into a new file beside the database, and makes that durable; the database itself stays.
    ///
    /// - Parameters:
    ///   - appending: whether what the database holds is kept; of two entries with one key the older one stands.
    ///   - progress: is told from time to time how many entries were written, and at the end.
    /// - Throws: if the source cannot be read or breaks its grammar, or the file cannot be written; other maps that were
    ///   prepared before stay prepared.
    public func prepare(
        _ job: CompileJob, appending: Bool = false, progress: (Int) -> Void = { _ in }
    ) throws(CompileError) -> CompileReport {
        guard let format = job.format else {
            throw CompileError(
                file: job.target, reason: "is read as it is, and nothing is compiled into it",
                remedy: "check it, or name a type that is compiled")
        }
        let sorted = try MapSource(compiling: job)
        // What its pages say suffices: the old file may be damaged, and is about to go.
        let entriesBefore = sorted.entries.isEmpty && !appending ? format.entryCount(of: job.target) : nil
        let added = try prepare(
            sorted, format: format, target: job.target, permissions: job.permissions, appending: appending,
            progress: progress)
        return CompileReport(
            source: job.source.name, entries: added, kept: sorted.entries.count - added, entriesBefore: entriesBefore,
            findings: sorted.findings)
    }

    /// Writes entries that were read already into a new file beside a database, and makes that durable.
    ///
    /// - Returns: how many of them were not there before.
    /// - Throws: if the file cannot be written.
    public func prepare(
        _ entries: MapSource, format: any MapFormat, target: String, permissions: CompileJob.Permissions?,
        appending: Bool = false, progress: (Int) -> Void = { _ in }
    ) throws(CompileError) -> Int {
        try prepare(target, format, permissions) { temporary throws(MapFileError) in
            let isNew = appending ? try !copyDatabase(target, to: temporary) : true
            let added = try write(
                entries, format: format, isNew: isNew, to: temporary, for: target, progress: progress)
            try prepareCompanion(of: temporary, format, target: target, permissions: permissions)
            return added
        }
    }

    /// Writes a text into a new file beside a file, and makes that durable: it is committed in its turn.
    ///
    /// - Throws: if the file cannot be written.
    public func prepare(
        _ text: [UInt8], target: String, permissions: CompileJob.Permissions?
    ) throws(CompileError) {
        try prepare(target, nil, permissions) { temporary throws(MapFileError) in
            do throws(FileError) {
                try writeContents(text.span, to: temporary)
            } catch {
                throw MapFileError(error)
            }
        }
    }

    private func prepare<Answer>(
        _ target: String, _ format: (any MapFormat)?, _ permissions: CompileJob.Permissions?,
        fill: (String) throws(MapFileError) -> Answer
    ) throws(CompileError) -> Answer {
        try Self.requireReplaceable(target, format)
        let name = TemporaryName(for: target)
        name.removeLeftovers()
        let temporary = try create(name, for: target, format, mode: permissions == nil ? 0o644 : 0o600)
        do throws(MapFileError) {
            let answer = try fill(temporary)
            try settle(temporary, permissions: permissions)
            return answer
        } catch {
            state.withLock { state in
                Self.discard(&state) { $0.temporary == temporary }
            }
            throw CompileError(file: target, reason: error.text, remedy: "the old file stays")
        }
    }

    /// Puts everything that was prepared in the place of the old databases, and makes that durable.
    ///
    /// - Throws: if a rename fails; databases before it, in the order of preparation, are replaced then, and those after
    ///   it are not.
    public func commit() throws(CompileError) {
        try state.withLock { state throws(CompileError) in
            if state.isEnded { throw Self.ended }
            defer { Self.discard(&state) }
            var directories: [String] = []
            for next in state.prepared { try Self.requireReplaceable(next.target, next.format) }
            while let next = state.prepared.first {
                let directory = directory(of: next.target)
                do throws(FileError) {
                    if let companion = next.companion {
                        // What another run publishes at the same time would come between the two.
                        let lock = try FileLock(directory) {}
                        try publish(companion, of: next.target)
                        try renameFile(next.temporary, to: next.target)
                        lock.unlock()
                    } else {
                        try renameFile(next.temporary, to: next.target)
                    }
                } catch {
                    throw CompileError(
                        error, remedy: "this database and the ones after it stay as they were; run again")
                }
                state.prepared.removeFirst()
                if !directories.contains(directory) { directories.append(directory) }
            }
            for directory in directories {
                do throws(FileError) {
                    try syncDirectory(directory)
                } catch {
                    throw CompileError(
                        error, remedy: "the databases are replaced, but may not survive a crash; run again")
                }
            }
        }
    }

    /// The files that were prepared and not committed, and what they are to replace.
    public var preparedFiles: [(temporary: String, target: String)] {
        state.withLock { state in state.prepared.map { ($0.temporary, $0.target) } }
    }

    /// Removes what was prepared and not committed.
    public func discard() { state.withLock { Self.discard(&$0) } }

    /// Removes what was prepared and not committed; nothing is prepared or committed any more.
    public func end() {
        state.withLock { state in
            Self.discard(&state)
            state.isEnded = true
        }
    }

    private static let ended = CompileError(
        file: "compiler", reason: "ended by a signal", remedy: "the old databases stay")

    private static func discard(_ state: inout State, where isUnwanted: (Prepared) -> Bool = { _ in true }) {
        for file in state.prepared where isUnwanted(file) {
            try? removeFile(file.temporary, missingIsFine: true)
            if let companion = file.companion { try? removeFile(companion.temporary, missingIsFine: true) }
        }
        state.prepared.removeAll(where: isUnwanted)
    }

    /// Writes what is to lie beside a file, where its format wants something there.
    private func prepareCompanion(
        of path: String, _ format: any MapFormat, target: String, permissions: CompileJob.Permissions?
    ) throws(MapFileError) {
        let replaced = try? FileIdentity(path: target)
        guard let companion = try format.companion(of: path, becoming: target) else { return }
        let place = target + companion.fileExtension
        let name = TemporaryName(for: place)
        name.removeLeftovers()
        let temporary: String
        do throws(CompileError) {
            temporary = try create(name, for: place, nil, mode: permissions == nil ? 0o644 : 0o600, beside: path) {
                Companion(temporary: $0, target: place, replaced: replaced) { () throws(MapFileError) in
                    try format.companion(of: path, becoming: target)
                }
            }
        } catch {
            throw MapFileError(error.text)
        }
        do throws(FileError) {
            try writeContents(companion.bytes.span, to: temporary)
        } catch {
            throw MapFileError(error)
        }
        try settle(temporary, permissions: permissions)
    }

    /// Publishes what is to lie beside a file, and makes that durable: a crash must not leave the file without it.
    private func publish(_ companion: Companion, of target: String) throws(FileError) {
        if (try? FileIdentity(path: target)) != companion.replaced {
            do throws(MapFileError) {
                guard let bytes = try companion.remake()?.bytes else { return }
                try writeAnew(bytes, companion.temporary)
            } catch {
                throw FileError(operation: "check", path: target, reason: error.text)
            }
        }
        try renameFile(companion.temporary, to: companion.target)
        try syncDirectory(directory(of: companion.target))
    }

    private func writeAnew(_ bytes: [UInt8], _ path: String) throws(MapFileError) {
        do throws(FileError) {
            try emptyFile(path)
            try writeContents(bytes.span, to: path)
            try syncFile(path)
        } catch {
            throw MapFileError(error)
        }
    }

    /// Creates an empty file that is nobody else's.
    ///
    /// - Parameters:
    ///   - mode: before the umask; a file that is meant for another owner is nobody else's to read before.
    ///   - file: what was prepared that it is to lie beside; nil where it is a file of its own.
    ///   - companion: describes it then.
    private func create(
        _ name: TemporaryName, for target: String, _ format: (any MapFormat)?, mode: UInt32, beside file: String? = nil,
        _ companion: (String) -> Companion? = { _ in nil }
    ) throws(CompileError) -> String {
        for attempt in 0..<1000 {
            let path = name.path(attempt: attempt)
            do {
                try state.withLock { state throws(FileError) in
                    guard !state.isEnded else { throw FileError(operation: "create", path: path, code: ECANCELED) }
                    try createFile(path, mode: mode)
                    if let owner = state.prepared.firstIndex(where: { $0.temporary == file }) {
                        state.prepared[owner].companion = companion(path)
                    } else {
                        state.prepared.append(Prepared(temporary: path, target: target, format: format))
                    }
                }
                return path
            } catch  where error.code == EEXIST {
                continue
            } catch {
                throw CompileError(
                    file: target, reason: "a new file cannot be made in \(directory(of: target)): \(error.reason)",
                    remedy: error.code == EACCES
                        ? "run this as a user who may write there; the old database stays" : "the old database stays")
            }
        }
        throw CompileError(
            file: name.path(attempt: 0), reason: "exists, as do 999 like it", remedy: "remove these temporary files")
    }

    private static func requireReplaceable(_ target: String, _ format: (any MapFormat)?) throws(CompileError) {
        guard let refusal = format?.refusal(toReplace: target) else { return }
        throw CompileError(file: target, reason: refusal, remedy: "the old databases stay")
    }

    /// Copies a database that is to be added to.
    ///
    /// - Returns: false if there is none.
    private func copyDatabase(_ old: String, to path: String) throws(MapFileError) -> Bool {
        do throws(FileError) {
            try copyContents(of: old, to: path)
            return true
        } catch {
            if error.isMissing { return false }
            throw MapFileError(error)
        }
    }

    /// - Returns: how many entries were not there before.
    private func write(
        _ sorted: MapSource, format: any MapFormat, isNew: Bool, to path: String, for target: String,
        progress: (Int) -> Void
    ) throws(MapFileError) -> Int {
        let size = MapFileSize(entries: sorted.entries.count, sourceBytes: sorted.bytes.count)
        let writer =
            isNew ? try format.begin(filling: path, size) : try format.begin(addingTo: path, copyOf: target, size)
        var added = 0
        let bytes = sorted.bytes.span
        for (number, entry) in sorted.entries.enumerated() {
            if try writer.put(key: bytes.extracting(entry.key), value: bytes.extracting(entry.value)) { added += 1 }
            if number & 0xFFF == 0xFFF { progress(number + 1) }
        }
        try writer.finish()
        progress(sorted.entries.count)
        return added
    }

    private func settle(_ path: String, permissions: CompileJob.Permissions?) throws(MapFileError) {
        do throws(FileError) {
            if let permissions {
                try changeOwner(of: path, owner: permissions.owner, group: permissions.group)
                try changeMode(of: path, to: permissions.mode)
            }
            try syncFile(path)
        } catch {
            throw MapFileError(error)
        }
    }
}

extension MapFileError {
    /// A failure of the file system.
    public init(_ error: FileError) {
        self.init("\(error.operation): \(error.reason)")
    }
}
