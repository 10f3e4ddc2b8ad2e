// cdb as a back end: the type `cdb`, constant files that are only ever replaced as a whole.

import Bytes
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

    package func makeTables(for worker: MapWorker) -> any TableFactory { Factory(contents: worker.contents) }

    package func format(of type: MapType) -> (any MapFormat)? { CDBFormat() }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        guard let path = definition.tablePath else { return }
        do throws(FileError) {
            let file = try CDBFile(path: path)
            // Of records that share a key the first is found.
            var known: Set<[UInt8]> = []
            do {
                try file.forEachRecord { key, value in
                    let key = [UInt8](copying: key)
                    guard known.insert(key).inserted else { return }
                    _ = reader.take(MapEntry(key: key, value: [UInt8](copying: value)))
                }
            } catch {
                throw FileError(operation: "read", path: path, reason: error.text)
            }
        } catch {
            throw MapError(table: definition.tableName, code: error.code, text: "\(error.operation): \(error.reason)")
        }
    }

    private struct Factory: TableFactory {
        let contents: SharedContents

        func makeTable(for definition: MapDefinition) -> any Table {
            CDBTable(name: definition.tableName, contents: contents)
        }
    }
}

/// How newdb and makedb write constant databases.
package struct CDBFormat: MapFormat {
    /// The format.
    package init() {}

    package var fileExtension: String { ".cdb" }

    package func entryCount(of path: String) -> Int? {
        (try? readHead(of: path, count: CDBFile.headerSize)).flatMap { CDBFile.entryCount(inHeader: $0) }
    }

    package func begin(filling path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter {
        try CDBWriter(path, keeping: nil)
    }

    package func begin(addingTo path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter {
        let old: CDBFile
        do throws(FileError) {
            old = try CDBFile(path: path)
        } catch {
            throw MapFileError(error)
        }
        return try CDBWriter(path, keeping: old)
    }
}
