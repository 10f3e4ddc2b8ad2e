import BerkeleyDB
import Foundation
import Maps
import Testing
import ZRouteTestKit

/// Looks a key up: its value, or nil where it certainly does not exist.
func find(_ key: String, in table: any Table) throws(MapError) -> String? {
    let bytes = Array(key.utf8)
    var value: [UInt8] = []
    return try table.lookUp(bytes.span, into: &value) ? String(decoding: value, as: UTF8.self) : nil
}

/// The failure that a lookup must end with; nil (and a recorded issue) where it gave an answer.
func failure(
    of key: String, in table: any Table, sourceLocation: SourceLocation = #_sourceLocation
) -> MapError? {
    #expect(throws: MapError.self, sourceLocation: sourceLocation) { try find(key, in: table) }
}

/// A Berkeley DB table outside of an environment.
func berkeleyTable(_ path: String) -> BerkeleyDBTable {
    BerkeleyDBTable(name: TableName(relation: "fqdnroutes", backEnd: "btree", file: path))
}

/// Entries with keys that differ in length and order.
func manyEntries(_ count: Int) -> [(key: String, value: String)] {
    (0..<count).map { ("user\($0 &* 7919 % count)@domain\($0 % 97).example", "smtp-lmtp!node\($0 % 7)!u\($0)") }
}
