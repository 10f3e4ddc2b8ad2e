// Maps whose entries were read already, as the engine asks them: a live map is read once, and left alone from then on, whatever
// is asked of it.

import Bytes
import Configuration
import Maps
import System

/// The entries of maps in memory, as a back end of one type.
struct HeldEntriesBackEnd: MapBackEnd {
    /// The type by which definitions name it.
    static let type = MapType("held", .source)

    /// The entries by the files that they were read from.
    let sources: [String: MapSource]

    var types: [MapType] { [Self.type] }

    func makeTables(for worker: MapWorker) -> any TableFactory { Factory(sources: sources) }

    func readEntries(of definition: MapDefinition, to reader: EntryConsumer) {}

    private struct Factory: TableFactory {
        let sources: [String: MapSource]

        func makeTable(for definition: MapDefinition) -> any Table {
            HeldEntries(name: definition.tableName, source: definition.path.flatMap { sources[$0] })
        }
    }
}

/// One map in memory.
private final class HeldEntries: Table {
    let name: TableName
    let privilege: UInt32
    private let source: MapSource?

    init(name: TableName, source: MapSource?) {
        self.name = name
        self.source = source
        privilege = (try? FileIdentity(path: name.file))?.privilege ?? nobody
    }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        guard let source else { throw MapError(table: name, text: "its entries could not be read") }
        guard let index = source.index(of: key) else { return false }
        value = Array(source.bytes[source.place(of: index).value])
        return true
    }

    func refresh() -> Bool { false }
}
