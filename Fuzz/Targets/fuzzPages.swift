// Berkeley DB files of any bytes.

import BerkeleyDB
import Maps

func fuzzPages(_ bytes: [UInt8]) {
    let file = MemoryFile(bytes)
    let table = BerkeleyDBTable(name: TableName(relation: "fuzz", backEnd: "btree", file: file.path))
    var value: [UInt8] = []
    for key in ["", "a", "k1", "k2", "k9", "list", "z"] {
        let bytes = Array(key.utf8)
        guard let isFound = try? table.lookUp(bytes.span, into: &value), isFound else { continue }
        precondition(!value.contains(0), "a value has a NUL inside")
        precondition(value.count <= file.count, "a value is longer than the file")
    }
}
