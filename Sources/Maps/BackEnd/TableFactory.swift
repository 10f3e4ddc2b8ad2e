// How a set of relations gets its tables without knowing any back end, and where tables are wrapped: to trace, to fail
// on purpose.

import Configuration

/// Makes the tables of maps; each worker gets its own.
public protocol TableFactory {
    /// Makes the table of one map.
    ///
    /// It opens no file and cannot fail: a map that cannot be read is a failure of each lookup in it.
    ///
    /// - Parameter definition: a map of any type but `none`.
    func makeTable(for definition: MapDefinition) -> any Table
}

extension TableFactory {
    /// A factory that hands every table it makes through a function, which may wrap it in another.
    public func wrapping(
        _ wrap: @escaping (MapDefinition, any Table) -> any Table
    ) -> some TableFactory {
        WrappingTableFactory(base: self, wrap: wrap)
    }
}

private struct WrappingTableFactory: TableFactory {
    let base: any TableFactory
    let wrap: (MapDefinition, any Table) -> any Table

    func makeTable(for definition: MapDefinition) -> any Table {
        wrap(definition, base.makeTable(for: definition))
    }
}

/// Makes the tables of one worker, each by its back end; a back end that no line names is not begun.
public final class WorkerTables: TableFactory {
    private let backEnds: MapBackEnds
    private let worker: MapWorker
    private var factories: [(types: [MapType], factory: any TableFactory)] = []

    /// A factory for one worker.
    public init(_ backEnds: MapBackEnds, for worker: MapWorker) {
        self.backEnds = backEnds
        self.worker = worker
    }

    /// Makes the table of one map.
    public func makeTable(for definition: MapDefinition) -> any Table {
        if let known = factories.first(where: { $0.types.contains(definition.type) }) {
            return known.factory.makeTable(for: definition)
        }
        guard let backEnd = backEnds.backEnd(of: definition.type) else {
            return LazyTable(name: definition.tableName) {
                .failure(
                    ConfigurationError(
                        file: definition.file, line: definition.line,
                        text: "no back end reads maps of type \(definition.type.name)"))
            }
        }
        let factory = backEnd.makeTables(for: worker)
        factories.append((backEnd.types, factory))
        return factory.makeTable(for: definition)
    }
}
