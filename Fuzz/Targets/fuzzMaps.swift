// Maps: their configuration, their sources, their values.

import Configuration
import MailAddress
import Maps

func fuzzDatabases(_ bytes: [UInt8]) {
    let variables = Variables(["MAILVAR": "/var", "DBTYPE": "btree"])
    guard let databases = try? DatabasesConf(bytes, file: "/dbases.conf", variables: variables) else { return }
    for relation in databases.relations {
        precondition(!databases.definitions(of: relation).contains { $0.relation != relation })
    }
}

func fuzzSources(_ bytes: [UInt8]) {
    for form in [SourceForm.aliases, .plain] {
        for folding in [KeyFolding.none, .lower, .upper] {
            let report = try? MapCompiler.check(.bytes(bytes, name: "input"), form: form, folding: folding)
            precondition(report.map { $0.entries >= 0 } ?? true)
        }
    }
}

func fuzzSubstitution(_ bytes: [UInt8]) {
    // The first byte says which arguments there are; the rest is the value.
    guard let present = bytes.first else { return }
    var block = ByteBlock()
    var places = SubstitutionPlaces()
    for number in 1...8 where present >> UInt8(number - 1) & 1 == 1 {
        places[number] = block.append([UInt8](repeating: UInt8(number), count: number))
    }
    let value = Array(bytes.dropFirst())
    let zero: [UInt8] = [0]
    let end = block.end
    let result = places.substitute(in: value.span, argumentZero: zero.span, into: &block)
    precondition(result.map { $0.lowerBound == end && $0.upperBound == block.end } ?? (block.end == end))
}
