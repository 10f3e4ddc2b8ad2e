// Berkeley DB as a back end: ZMailer's types `btree` and `bhash`, in or out of an environment.

package import Configuration
import Glibc
package import Maps
import System

/// Berkeley DB files: of ZMailer's makedb, of newdb, and of programs that change them while they are read.
package struct BerkeleyDBBackEnd: MapBackEnd {
    package let types: [MapType] = [.btree, .bhash]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory { BerkeleyDBTables(watch: worker.watch) }

    package func format(of type: MapType) -> (any MapFormat)? {
        BerkeleyDBFormat(type == .bhash ? .hash : .btree)
    }

    package func conditionFindings(of definition: MapDefinition) -> [Finding] {
        guard let file = definition.environmentFile, let settings = try? EnvironmentSettings(file: file) else {
            return []
        }
        let regions = RegionFiles(home: settings.home)
        guard regions.isMissing else { return DeadLockHolders.finding(in: settings).map { [$0] } ?? [] }
        let failure: BerkeleyDBFailure
        if (try? FileIdentity(path: settings.home))?.isDirectory != true {
            failure = regions.missingDirectory
        } else if settings.create {
            // The first who looks something up makes it.
            return []
        } else {
            failure = regions.failure(joining: ENOENT, LibraryMessages())
        }
        return [
            Finding(
                .unreadableMap, .error, file: definition.tablePath ?? definition.file,
                text: failure.text(for: definition.tableName, inEnvironment: settings.home)
                    + "; until then all mail that needs relation \(definition.relation) is held")
        ]
    }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        let environment: EnvironmentSettings?
        do {
            environment = try definition.environmentFile.map { file throws(ConfigurationError) in
                try EnvironmentSettings(file: file)
            }
        } catch {
            throw MapError(table: definition.tableName, text: "\(error)")
        }
        let map = try LiveDatabase(
            definition.tableName, environment: environment.flatMap { RegionFiles(home: $0.home).isMissing ? nil : $0 },
            access: .read, observer: ReadingObserver(exchange: reader.exchange))
        let result = Result { () throws(MapError) in
            try map.forEach { key, value throws(MapError) in
                _ = reader.take(
                    MapEntry(
                        key: Self.withoutNUL(key), value: Self.withoutNUL(value), lacksNUL: key.last != 0))
            }
        }
        try map.close()
        do {
            try result.get()
        } catch  where !error.isStop {
            throw error
        } catch {}
    }

    private static func withoutNUL(_ bytes: [UInt8]) -> [UInt8] { bytes.last == 0 ? Array(bytes.dropLast()) : bytes }

    package func livePlace(of request: LiveMapRequest) throws(LiveMapRefusal) -> (any LiveMapPlace)? {
        try LiveDatabasePlace(request)
    }

    package func findings(about definition: MapDefinition) -> [Finding] {
        definition.environmentFile.map { EnvironmentFile(reading: $0).findings } ?? []
    }
}

/// Tells whoever wants the entries of a map that the library has answered again.
private struct ReadingObserver: CallObserver {
    let exchange: EntryExchange

    func callBegins() {}
    func callEnded() { exchange.noteStep() }
    var isStopRequested: Bool { exchange.isStopped }
}

/// The tables of one worker; those that name the same environment share it.
private final class BerkeleyDBTables: TableFactory {
    /// One for each home, of which sites have one or two.
    private var environments: [BerkeleyDBEnvironment] = []
    private let watch: CallWatch?

    init(watch: CallWatch?) {
        self.watch = watch
    }

    func makeTable(for definition: MapDefinition) -> any Table {
        let name = definition.tableName
        guard let file = definition.environmentFile else { return BerkeleyDBTable(name: name, watch: watch) }
        // The environment's description is read at the first lookup: as long as it cannot be, every lookup fails.
        return LazyTable(name: name) { [self] in
            Result { () throws(ConfigurationError) in
                BerkeleyDBTable(name: name, environment: environment(try EnvironmentSettings(file: file)))
            }
        }
    }

    private func environment(_ settings: EnvironmentSettings) -> BerkeleyDBEnvironment {
        if let known = environments.first(where: { $0.settings == settings }) { return known }
        let environment = BerkeleyDBEnvironment(settings: settings, watch: watch)
        environments.append(environment)
        return environment
    }
}

/// How newdb and makedb write Berkeley DB files.
package struct BerkeleyDBFormat: MapFormat {
    /// The kind of file.
    package let kind: DatabaseKind

    /// The format of one kind.
    package init(_ kind: DatabaseKind) {
        self.kind = kind
    }

    package var fileExtension: String { kind == .hash ? ".dbh" : ".db" }

    package func begin(filling path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter {
        try writer(path, kind, size)
    }

    package func entryCount(of path: String) -> Int? { (try? LeafCensus(path))??.entries }

    package func begin(
        addingTo path: String, copyOf original: String, _ size: MapFileSize
    ) throws(MapFileError) -> any MapFileWriter {
        do {
            try DatabaseCheck.verify(path)
        } catch {
            throw MapFileError(error.text)
        }
        return try writer(path, nil, size)
    }

    private func writer(
        _ path: String, _ kind: DatabaseKind?, _ size: MapFileSize
    ) throws(MapFileError) -> any MapFileWriter {
        do throws(BerkeleyDBFailure) {
            return try BerkeleyDBWriter(
                filling: path, kind: kind, cacheSize: cacheSize(sourceSize: size.sourceBytes), count: size.entries)
        } catch {
            throw MapFileError(error.text)
        }
    }

    /// Sorted entries fill a B-tree from left to right, so a small cache does; a hash table is filled all over.
    private func cacheSize(sourceSize: Int) -> Int {
        switch kind {
        case .btree: 16 << 20
        case .hash: min(max(sourceSize.multipliedReportingOverflow(by: 3).partialValue, 16 << 20), 512 << 20)
        }
    }
}
