// The back ends that need no library: text files in memory, and the relations that are empty or have no map.

/// Text files, loaded once for all workers of a process.
public struct TextMapBackEnd: MapBackEnd {
    /// The types whose text is read directly.
    public let types: [MapType] = [.text, .unordered, .ordered]

    /// The back end.
    public init() {}

    /// Begins the work for one worker.
    public func makeTables(for worker: MapWorker) -> any TableFactory { Factory(worker: worker) }

    /// Hands on the entries of a source with their lines, in the order of their keys.
    public func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        do {
            guard let source = try MapSource(of: definition) else { return }
            var next = 0
            while next < source.count, reader.take(source[next]) { next += 1 }
        } catch {
            throw MapError(table: definition.tableName, text: error.text)
        }
    }

    private struct Factory: TableFactory {
        let worker: MapWorker

        func makeTable(for definition: MapDefinition) -> any Table {
            let name = definition.tableName
            let judge = worker.judge(definition)
            switch definition.type {
            case .unordered:
                return TextTable.unordered(name: name, judge: judge, loader: worker.texts)
            case .ordered:
                return TextTable.ordered(
                    name: name, folding: definition.flags.folding, judge: judge, loader: worker.texts)
            default:
                return TextTable(
                    name: name, form: definition.compile.isAliases ? .aliases : .plain,
                    folding: definition.compile.folding, judge: judge, loader: worker.texts)
            }
        }
    }
}

extension MapType {
    /// A table in memory, empty at the start.
    public static let incore = MapType("incore", .none)
}

/// Relations without a file: ZMailer's `incore`, and lines that only make a relation known.
public struct EmptyMapBackEnd: MapBackEnd {
    /// The types without a file.
    public let types: [MapType] = [.incore, .none]

    /// The back end.
    public init() {}

    /// Begins the work for one worker.
    public func makeTables(for worker: MapWorker) -> any TableFactory { Factory() }

    /// There is none.
    public func readEntries(of definition: MapDefinition, to reader: EntryConsumer) {}

    private struct Factory: TableFactory {
        func makeTable(for definition: MapDefinition) -> any Table { IncoreTable(name: definition.tableName) }
    }
}
