// How a set of relations gets its tables without knowing any back end, and where tables are wrapped: to trace, to fail
// on purpose.

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
