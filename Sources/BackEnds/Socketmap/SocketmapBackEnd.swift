// Socketmap as a back end: the type `socketmap`, whose maps other programs have.

package import Configuration
package import Maps
import System

extension MapType {
    /// A map of a server, by its address.
    package static let socketmap = MapType("socketmap", .server)
}

/// Maps of servers that speak socketmap: of Postfix's and sendmail's helpers, Cyrus's smmapd, and `zroute serve`.
package struct SocketmapBackEnd: MapBackEnd {
    package let types: [MapType] = [.socketmap]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory { SocketmapTables(watch: worker.watch) }

    package func findings(about definition: MapDefinition) -> [Finding] {
        do throws(SocketmapServer.Mistake) {
            _ = try SocketmapServer(definition.tablePath ?? "")
            return []
        } catch {
            return [
                Finding(.invalidValue, .error, file: definition.file, line: definition.line, text: error.text)
            ]
        }
    }

    /// Asks the server for its canary, or for a key that nobody has.
    package func conditionFindings(of definition: MapDefinition) -> [Finding] {
        guard let server = try? SocketmapServer(definition.tablePath ?? "") else { return [] }
        let table = SocketmapTable(
            definition.tableName, server, over: SocketmapConnection(server.place, deadline: nil))
        let key = server.canary ?? Array("zroute-check.invalid".utf8)
        var value: [UInt8] = []
        do throws(MapError) {
            _ = try table.lookUp(key.span, into: &value)
            return []
        } catch {
            return [.unanswered(definition, "the server does not answer: \(error.text)")]
        }
    }

    package func listsEntries(of definition: MapDefinition) -> Bool { false }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        throw MapError(
            table: definition.tableName,
            text: "its entries cannot be listed: a server answers for single keys alone; ask for those that matter")
    }
}

/// The tables of one worker; those of one server share a connection.
private final class SocketmapTables: TableFactory {
    private var connections: [SocketmapConnection] = []
    private let watch: CallWatch?

    init(watch: CallWatch?) {
        self.watch = watch
    }

    func makeTable(for definition: MapDefinition) -> any Table {
        let name = definition.tableName
        let address = definition.tablePath ?? "-"
        let table = LazyTable(name: name) { [self] in
            do throws(SocketmapServer.Mistake) {
                let server = try SocketmapServer(address)
                return .success(SocketmapTable(name, server, over: connection(to: server.place)))
            } catch {
                return .failure(ConfigurationError(file: definition.file, line: definition.line, text: error.text))
            }
        }
        guard let watch else { return table }
        return WatchedTable(wrapping: table, resource: WatchedResource(.server(address), watch: watch))
    }

    private func connection(to place: SocketmapServer.Place) -> SocketmapConnection {
        if let known = connections.first(where: { $0.place == place }) { return known }
        let connection = SocketmapConnection(place, deadline: watch?.health.deadline)
        connections.append(connection)
        return connection
    }
}
