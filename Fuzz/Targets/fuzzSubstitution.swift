// `%N` substitution: every way to it gives what a reading byte by byte gives.

import Configuration
import MailAddress
import Maps

func fuzzSubstitution(_ bytes: [UInt8]) {
    // The first byte says which arguments there are, the second how long they are; the rest is the value.
    guard bytes.count >= 2 else { return }
    let (present, shape) = (bytes[0], bytes[1])
    let value = Array(bytes.dropFirst(2))
    let key = [UInt8](repeating: UInt8(ascii: "k"), count: 1 + Int(shape & 3))
    var given: [Int: [UInt8]] = [0: key]
    for number in 1...8 where present >> UInt8(number - 1) & 1 == 1 {
        // Lengths on both sides of where copying changes its ways; some are empty, and one holds a reference itself.
        let count = Int(shape >> 2) * number % 40
        let text = [UInt8](repeating: UInt8(ascii: "0") + UInt8(number), count: count)
        given[number] = number == 8 ? Array("%1".utf8) : text
    }
    let wanted = substituted(value, given)
    checkPlaces(value, given, wanted)
    checkHit(value, given, wanted)
}

/// The value with its references replaced; nil if none of them has an argument.
private func substituted(_ value: [UInt8], _ given: [Int: [UInt8]]) -> [UInt8]? {
    var result: [UInt8] = []
    var hasArgument = false
    var place = 0
    while place < value.count {
        if value[place] == UInt8(ascii: "%"), place + 1 < value.count, ASCII.isDigit(value[place + 1]) {
            let argument = given[Int(value[place + 1] - UInt8(ascii: "0"))]
            hasArgument = hasArgument || argument != nil
            result += argument ?? []
            place += 2
        } else {
            result.append(value[place])
            place += 1
        }
    }
    return hasArgument ? result : nil
}

/// A block with the arguments in it, and their places.
private func arguments(_ given: [Int: [UInt8]]) -> (block: ByteBlock, places: SubstitutionPlaces) {
    var block = ByteBlock()
    var places = SubstitutionPlaces()
    for number in 1...9 {
        places[number] = given[number].map { block.append($0) }
        precondition(places[number].map { block[$0] } == given[number], "an argument is not where it was put")
    }
    return (block, places)
}

private func checkPlaces(_ value: [UInt8], _ given: [Int: [UInt8]], _ wanted: [UInt8]?) {
    var (block, places) = arguments(given)
    let before = block.array
    let zero = given[0] ?? []
    let place = places.substitute(in: value.span, argumentZero: zero.span, into: &block)
    precondition(place.map { block[$0] } == wanted, "another substitution")
    precondition(block.array == before + (wanted ?? []), "more is in the block, or less")
}

/// The value as an answer of a relation, with the flag for substitution and without.
private func checkHit(_ value: [UInt8], _ given: [Int: [UInt8]], _ wanted: [UInt8]?) {
    let conf = "substituting incore - - - -%\nplain incore - - - -\n"
    guard let databases = try? DatabasesConf(Array(conf.utf8), file: "/dbases.conf", variables: Variables()) else {
        preconditionFailure("the configuration of the target is not valid")
    }
    var set = MapSet(databases, tables: OneEntry(key: given[0] ?? [], value: value))
    for (name, answer) in [("substituting", wanted ?? value), ("plain", value)] {
        var hit = MapHit()
        let key = given[0] ?? []
        guard (try? set.find(key.span, in: set.relation(name), into: &hit)) == true else {
            preconditionFailure("the entry is not found")
        }
        var (block, places) = arguments(given)
        let before = block.array
        let place = hit.appendValue(to: &block, substituting: places)
        precondition(block[place] == answer && block.array == before + answer, "\(name): another value in the block")
        precondition(hit.value == value && hit.key == key, "\(name): putting the value into a block changes it")

        var owned = SubstitutionArguments()
        for number in 1...9 {
            if let argument = given[number] { owned.set(number, to: argument.span) }
        }
        hit.substitute(owned)
        precondition(hit.value == answer && hit.key == key, "\(name): another value")
        hit.substitute(owned)
        precondition(hit.value == answer, "\(name): a value is substituted twice")
    }
}

/// Tables in memory with one entry.
private struct OneEntry: TableFactory {
    let key: [UInt8]
    let value: [UInt8]

    func makeTable(for definition: MapDefinition) -> any Table {
        let table = IncoreTable(name: definition.tableName)
        table[key] = value
        return table
    }
}
