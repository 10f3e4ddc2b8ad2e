// Lookups in a map of another program, asked over a socket (socketmap_table(5)).

import Bytes
import Glibc
package import Maps

/// A map behind a socket.
package final class SocketmapTable: Table {
    /// What messages call the map.
    package let name: TableName
    /// Nobody's: who wrote the entry is not known.
    package let privilege: UInt32 = nobody

    private let server: SocketmapServer
    private let connection: SocketmapConnection
    /// The connection over which the canary was found.
    private var provenGeneration = 0

    init(_ name: TableName, _ server: SocketmapServer, over connection: SocketmapConnection) {
        self.name = name
        self.server = server
        self.connection = connection
    }

    /// Asks the server for a key.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        do throws(SocketmapConnection.Failure) {
            let end = try connection.begin()
            var found = try connection.ask(server.map, key, until: end)
            if found == nil, let canary = server.canary, provenGeneration != connection.generation {
                try prove(canary, until: end)
                // It may be another server that knows the canary, and has not been asked for the key.
                found = try connection.ask(server.map, key, until: end)
                guard provenGeneration == connection.generation else {
                    throw SocketmapConnection.Failure(text: "the server closes its connections too often; try again")
                }
            }
            guard let found else { return false }
            value.removeAll(keepingCapacity: true)
            value += found
            return true
        } catch {
            throw MapError(
                table: name, key: Array(copying: key), code: error.isLate ? ETIMEDOUT : 0,
                text: "\(connection.place): \(error.text)")
        }
    }

    /// Makes sure that the server has what it should have.
    private func prove(_ canary: [UInt8], until end: UInt64) throws(SocketmapConnection.Failure) {
        guard try connection.ask(server.map, canary.span, until: end) != nil else {
            throw SocketmapConnection.Failure(
                text:
                    "the canary '\(String(decoding: canary, as: UTF8.self))' is not found, so nothing is certainly absent; see that"
                    + " the server has its entries, or correct the canary")
        }
        provenGeneration = connection.generation
    }

    /// Whether the server would still answer as before nobody knows.
    package func refresh() -> Bool { true }
}
