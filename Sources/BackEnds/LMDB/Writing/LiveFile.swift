// One file of LMDB that a command looks into and changes while others read it. Reading takes no lock; changes are transactions
// of the library, each checked before the library looks at a page.

import CLMDB
import Glibc
import Maps
import System

/// A file of LMDB that a command names.
struct LiveFilePlace: LiveMapPlace {
    private let name: TableName
    private let database: String?

    init(_ request: LiveMapRequest) throws(LiveMapRefusal) {
        guard request.home == nil else {
            throw .usage("\(request.name.file): a map of type lmdb lives in no environment; leave out --env")
        }
        name = request.name
        database = request.definition?.flags.database
    }

    /// Every change is a transaction, which readers see as a whole.
    var refusal: String? { nil }

    var hangRemedy: String {
        "another process has the right to write, and was stopped or hangs, or the disk does not answer; `fuser -v "
            + "\(name.file)-lock \(name.file)` names those that have it open: continue or kill it, nothing breaks by that"
    }

    var findsKeysWithoutNUL: Bool { true }

    func refusal(ofKey key: [UInt8], value: [UInt8]) -> String? {
        KeyLimit.refusal(ofKey: key.last == 0 ? key.count - 1 : key.count)
    }

    func isDamage(_ error: MapError) -> Bool { LMDBFailure.isDamage(error.code) }

    func open(_ access: LiveMapAccess, observer: (any CallObserver)?) throws(MapError) -> any LiveMap {
        try LiveFile(name, database: database, access: access, observer: observer)
    }
}

/// An open file, for one thread of one command.
final class LiveFile: LiveMap {
    let name: TableName
    private let database: String?
    private let access: LiveMapAccess
    private let observer: (any CallObserver)?
    private let path: String
    private var file: MapFile?
    private var environment: LibraryEnvironment?
    private var lock: PostmapLock?
    /// Whether all of the file was found to be right since it was opened.
    private var isChecked = false

    init(
        _ name: TableName, database: String?, access: LiveMapAccess, observer: (any CallObserver)?
    ) throws(MapError) {
        self.name = name
        self.database = database
        self.access = access
        self.observer = observer
        path = LMDBTable.path(of: name.file)
        if case .create(let mode) = access, isMissingOrEmpty {
            // What was made and not filled, such as by one who was killed, is made again.
            try reporting { () throws(LMDBFailure) in
                try watched { () throws(LMDBFailure) in try LibraryEnvironment(path, .shared(mode: mode)).close() }
            }
        }
        if case .create = access, database != nil {
            // A database that is not there yet is made by the first change.
            file = try? MapFile(path: path, database: database.map { Array($0.utf8) })
        } else {
            file = try reporting { () throws(LMDBFailure) in try open() }
        }
    }

    deinit { try? close() }

    var dumpType: String { "btree" }

    private var isMissingOrEmpty: Bool {
        do throws(FileError) {
            return try FileIdentity(path: path).size == 0
        } catch {
            return error.isMissing
        }
    }

    private func open() throws(LMDBFailure) -> MapFile {
        try MapFile(path: path, database: database.map { Array($0.utf8) })
    }

    func get(_ key: [UInt8]) throws(MapError) -> [UInt8]? {
        try stopIfRequested()
        return try reporting(key) { () throws(LMDBFailure) in
            try watched { () throws(LMDBFailure) in
                if let environment, environment.isInTransaction {
                    if let value = try environment.get(asStored(key)) { return value }
                    return try environment.get(otherForm(of: asStored(key)))
                }
                guard let file else { return nil }
                return unsafe try withoutNUL(key).span.withUnsafeBytes { key throws(LMDBFailure) in
                    try file.reading { () throws(LMDBFailure) in
                        guard let node = unsafe try file.stored(key) else { return nil }
                        return unsafe try Array(file.value(of: node, in: file.snapshot.tree))
                    }
                }
            }
        }
    }

    func put(_ key: [UInt8], _ value: [UInt8]) throws(MapError) {
        try stopIfRequested()
        if let text = KeyLimit.refusal(ofKey: withoutNUL(key).count) {
            throw MapError(table: name, key: withoutNUL(key), code: MDB_BAD_VALSIZE, text: text)
        }
        try reporting(key) { () throws(LMDBFailure) in
            try watched { () throws(LMDBFailure) in
                let environment = try beginWriting()
                let stored = asStored(key)
                // Of the two forms of a key only one is to be there.
                _ = try environment.delete(otherForm(of: stored))
                let newValue = asStored(value)
                _ = try unsafe stored.span.withUnsafeBytes { key throws(LMDBFailure) in
                    try unsafe newValue.span.withUnsafeBytes { value throws(LMDBFailure) in
                        unsafe try environment.put(key, value)
                    }
                }
            }
        }
    }

    func delete(_ key: [UInt8]) throws(MapError) -> Bool {
        try stopIfRequested()
        guard try get(key) != nil else { return false }
        return try reporting(key) { () throws(LMDBFailure) in
            try watched { () throws(LMDBFailure) in
                let environment = try beginWriting()
                let isFirst = try environment.delete(asStored(key))
                let isSecond = try environment.delete(otherForm(of: asStored(key)))
                return isFirst || isSecond
            }
        }
    }

    func watching<Answer>(_ body: () throws(MapError) -> Answer) throws(MapError) -> Answer {
        observer?.callBegins()
        defer { observer?.callEnded() }
        return try body()
    }

    func sync() throws(MapError) {
        guard let environment, environment.isInTransaction else { return }
        defer { lock = nil }
        try reporting { () throws(LMDBFailure) in
            try watched { () throws(LMDBFailure) in try environment.commit() }
        }
        if file == nil { file = try reporting { () throws(LMDBFailure) in try open() } }
    }

    func close() throws(MapError) {
        environment?.close()
        environment = nil
        lock = nil
        file = nil
    }

    /// Checks all pages, those among them that nobody uses.
    ///
    /// Readers and writers go on; where these are too fast for the check, they wait for it.
    func verify() throws(MapError) {
        try stopIfRequested()
        isChecked = false
        try reporting { () throws(LMDBFailure) in
            let file = try MapFile(path: path, database: nil, allowsDatabases: true)
            for _ in 0..<3 {
                if try FileCheck.check(file) { return }
                if observer.isStopRequested { throw LMDBFailure(code: ECANCELED, text: MapError.stopText) }
            }
            try watched { () throws(LMDBFailure) in
                _ = try beginWriting()
                environment?.abort()
                lock = nil
            }
        }
    }

    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) throws(MapError) -> Void) throws(MapError) {
        guard let file else { return }
        var failure: MapError?
        try reporting { () throws(LMDBFailure) in
            try file.forEach { (key, value) throws(LMDBFailure) in
                do throws(MapError) {
                    try stopIfRequested()
                    try body(key, value)
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
        }
        if let failure { throw failure }
    }

    /// The right to write is held: of programs with the lock file, and of postmap.
    func holdingWriters(_ body: () -> Void) throws(MapError) {
        try stopIfRequested()
        let isWriting = environment?.isInTransaction ?? false
        try reporting { () throws(LMDBFailure) in
            try watched { () throws(LMDBFailure) in _ = try beginWriting() }
        }
        body()
        guard !isWriting else { return }
        environment?.abort()
        lock = nil
    }

    /// Pages are at least half full, and what a transaction changes is written to other pages first.
    func room(key: Int, value: Int) -> Int {
        let page = 4096
        func own(_ count: Int) -> Int { count > page / 4 ? count + 2 * page : count * 2 }
        return own(key) + own(value) + 32
    }

    // MARK: Writing

    /// Begins a transaction, unless one was begun; all that the library will trust is checked first.
    private func beginWriting() throws(LMDBFailure) -> LibraryEnvironment {
        if let environment, environment.isInTransaction { return environment }
        var mode: UInt32 = 0o644
        var creates = false
        if case .create(let wanted) = access { (mode, creates) = (wanted, true) }
        // Before the library maps the file it has to be as long as it says.
        let file = try MapFile(path: path, database: nil, allowsDatabases: true)
        let environment =
            if let known = self.environment { known } else { try LibraryEnvironment(path, .shared(mode: mode)) }
        self.environment = environment
        environment.clearDeadReaders()
        lock = try PostmapLock(path)
        let transaction = try environment.begin()
        do throws(LMDBFailure) {
            // Nobody else can write any more: it is the state that the library works with.
            if !isChecked {
                guard try FileCheck.check(file) else {
                    throw LMDBFailure(code: EBUSY, text: "is written to by a program that takes no locks; end it")
                }
            }
            isChecked = true
            try Self.compare(transaction, file, path)
            try environment.openDatabase(database, creating: creates)
        } catch {
            environment.abort()
            throw error
        }
        return environment
    }

    /// Makes sure that the library goes on from the last state of the file.
    ///
    /// It knows that from the lock file, which belongs to the path: whoever still has a file open that was replaced goes on
    /// counting there, and whoever writes without locks does not count.
    private static func compare(_ transaction: UInt64, _ file: MapFile, _ path: String) throws(LMDBFailure) {
        let chosen = try file.state(ofTransactionBefore: transaction)
        guard chosen.main == file.snapshot.meta.main, chosen.free == file.snapshot.meta.free else {
            throw LMDBFailure(
                code: EBUSY,
                text:
                    "its lock file does not know its last state: a program has a file open that was replaced, or writes "
                    + "without locks; end it (`fuser -v \(path)-lock` names it), and run this again")
        }
    }

    /// The bytes as the file stores them: with a NUL where its first key has one.
    private func asStored(_ bytes: [UInt8]) -> [UInt8] {
        file?.endsKeysWithNUL ?? true ? bytes : withoutNUL(bytes)
    }

    private func stopIfRequested() throws(MapError) {
        if observer.isStopRequested { throw .stopped(name) }
    }

    private func watched<Answer>(_ body: () throws(LMDBFailure) -> Answer) throws(LMDBFailure) -> Answer {
        observer?.callBegins()
        defer { observer?.callEnded() }
        return try body()
    }

    private func reporting<Answer>(
        _ key: [UInt8]? = nil, _ body: () throws(LMDBFailure) -> Answer
    ) throws(MapError) -> Answer {
        do {
            return try body()
        } catch {
            throw MapError(error, name, key: key.map(withoutNUL))
        }
    }
}

/// `F_OFD_SETLKW` of Linux, which Swift's module of the C library leaves out.
private let lockOfDescriptor: Int32 = 38

/// The lock that postmap and Postfix's readers take on the file itself (fcntl), because they use no lock file.
private struct PostmapLock: ~Copyable {
    private let descriptor: Int32

    /// Takes it; waits for whoever has it.
    init(_ path: String) throws(LMDBFailure) {
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw LMDBFailure(FileError(operation: "open", path: path, code: errno)) }
        var wanted = flock()
        wanted.l_type = Int16(F_WRLCK)
        wanted.l_whence = Int16(SEEK_SET)
        // It belongs to the descriptor: what else this process does with the file does not end it.
        while unsafe fcntl(descriptor, lockOfDescriptor, &wanted) != 0 {
            guard errno == EINTR else {
                let code = errno
                Glibc.close(descriptor)
                throw LMDBFailure(FileError(operation: "lock", path: path, code: code))
            }
        }
        self.descriptor = descriptor
    }

    deinit {
        // Closing is not enough where a child that has just been forked shares the open file.
        var none = flock()
        none.l_type = Int16(F_UNLCK)
        none.l_whence = Int16(SEEK_SET)
        _ = unsafe fcntl(descriptor, lockOfDescriptor, &none)
        Glibc.close(descriptor)
    }
}
