// `%N` substitution: every way to it gives what a reading byte by byte gives.

import Bytes
import Configuration
import Maps
import Site

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

/// Puts the arguments into a text, and says where they are.
private func places(of given: [Int: [UInt8]], in text: inout TextArena) -> SubstitutionPlaces {
    var places = SubstitutionPlaces()
    for number in 1...9 {
        places[number] = given[number].map { text.append($0) }
        precondition(places[number].map { text[$0] } == given[number], "an argument is not where it was put")
    }
    return places
}

private func checkPlaces(_ value: [UInt8], _ given: [Int: [UInt8]], _ wanted: [UInt8]?) {
    var text = TextArena()
    let places = places(of: given, in: &text)
    let zero = text.append(given[0] ?? [])
    let value = text.append(value)
    let before = text.array
    let place = SubstitutionPlaces.reference(in: value, of: text).flatMap {
        places.substitute(in: value, from: $0, argumentZero: zero, text: &text)
    }
    precondition(place.map { text[$0] } == wanted, "another substitution")
    precondition(text.array == before + (wanted ?? []), "more is in the text, or less")
}

/// The value as an answer of a relation, with the flag for substitution and without.
private func checkHit(_ value: [UInt8], _ given: [Int: [UInt8]], _ wanted: [UInt8]?) {
    let conf = "substituting incore - - - -%\nplain incore - - - -\n"
    guard
        let databases = try? DatabasesConf(
            Array(conf.utf8), file: "/dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
    else {
        preconditionFailure("the configuration of the target is not valid")
    }
    var set = MapSet(databases, tables: OneEntry(key: given[0] ?? [], value: value))
    for (name, answer) in [("substituting", wanted ?? value), ("plain", value)] {
        var text = TextArena()
        let key = text.append(given[0] ?? [])
        guard let hit = try? set.find(key, of: &text, in: set.relation(name)) else {
            preconditionFailure("the entry is not found")
        }
        precondition(text[hit.value] == value && text[hit.key] == given[0], "\(name): another value or key")
        let places = places(of: given, in: &text)
        let place = hit.value(substituting: places, in: &text)
        precondition(text[place] == answer, "\(name): another value")
        precondition(text[hit.value] == value, "\(name): substituting changes what was found")
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
