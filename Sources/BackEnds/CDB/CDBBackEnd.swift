// cdb as a back end: the type `cdb`, constant files that are only ever replaced as a whole.

import Bytes
package import Configuration
package import Maps
import System

extension MapType {
    /// A constant database, `BASE.cdb`.
    package static let cdb = MapType("cdb", .compiled(fileExtension: ".cdb"))
}

/// Constant databases: of newdb and makedb, of `postmap cdb:`, of tinycdb and freecdb.
package struct CDBBackEnd: MapBackEnd {
    package let types: [MapType] = [.cdb]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory {
        Factory(contents: worker.contents, hash: worker.hash)
    }

    package func format(of type: MapType) -> (any MapFormat)? { CDBFormat() }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        guard let path = definition.tablePath else { return }
        let file: CDBFile
        do throws(FileError) {
            file = try CDBFile(path: path)
        } catch {
            throw MapError(table: definition.tableName, code: error.code, text: "\(error.operation): \(error.reason)")
        }
        // Of records that share a key the first is found.
        var known: Set<[UInt8]> = []
        file.forEachRecord { key, value in
            let key = [UInt8](copying: key)
            guard known.insert(key).inserted else { return }
            _ = reader.take(MapEntry(key: key, value: [UInt8](copying: value)))
        }
    }

    /// A sum that is about another file: what another program has written is not known to be as that program meant it.
    package func findings(about definition: MapDefinition) -> [Finding] {
        // What cannot be read, and what does not fit, whoever reads the map says.
        guard let path = definition.tablePath, let sum = try? CDBSum(beside: path),
            let file = try? FileIdentity(path: path), sum.files(ofSize: Int(file.size)).isEmpty
        else { return [] }
        return [
            Finding(
                .sumOfAnotherFile, .warning, file: path + CDBSum.fileExtension,
                text:
                    "is about another file than \(path), which some other program than newdb and makedb has written: a changed"
                    + " byte in a value would not be noticed; compile the map, or remove this file")
        ]
    }

    private struct Factory: TableFactory {
        let contents: SharedContents
        let hash: ByteHash

        func makeTable(for definition: MapDefinition) -> any Table {
            CDBTable(name: definition.tableName, contents: contents, hash: hash)
        }
    }
}

extension Finding.Name {
    /// A sum beside a constant database that is about another file.
    static let sumOfAnotherFile = Finding.Name("sum-of-another-file")
}

/// How newdb and makedb write constant databases.
package struct CDBFormat: MapFormat {
    private let sizeLimit: Int

    /// The format.
    ///
    /// - Parameter sizeLimit: what the size of a file must not exceed.
    package init(sizeLimit: Int = CDBFile.sizeLimit) {
        self.sizeLimit = sizeLimit
    }

    package var fileExtension: String { ".cdb" }

    package func entryCount(of path: String) -> Int? {
        (try? readHead(of: path, count: CDBFile.headerSize)).flatMap { CDBFile.entryCount(inHeader: $0) }
    }

    package func begin(filling path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter {
        try CDBWriter(path, keeping: nil, sizeLimit: sizeLimit)
    }

    package func begin(
        addingTo path: String, copyOf original: String, _ size: MapFileSize
    ) throws(MapFileError) -> any MapFileWriter {
        let old: CDBFile
        do throws(FileError) {
            old = try CDBFile(path: path, copyOf: original)
        } catch {
            throw MapFileError(error)
        }
        return try CDBWriter(path, keeping: old, sizeLimit: sizeLimit)
    }

    /// The sum, made of what can be read back.
    ///
    /// Of an old file that is damaged it says what that should be, so that it is refused as before where nothing takes its
    /// place.
    package func companion(of path: String, becoming target: String) throws(MapFileError) -> MapFileCompanion? {
        let file: CDBFile
        do throws(FileError) {
            file = try CDBFile(path: path)
        } catch {
            throw MapFileError(error)
        }
        let replaced = (try? CDBFile(path: target))?.summed ?? (try? CDBSum(beside: target))?.file(beside: target)
        let sum = CDBSum(of: file.summed, replacing: replaced)
        return MapFileCompanion(
            fileExtension: CDBSum.fileExtension, bytes: Array(sum.text(for: fileName(of: target)).utf8))
    }
}
