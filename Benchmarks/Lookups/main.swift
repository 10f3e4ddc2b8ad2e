// What a lookup in a map costs, without anything around it: looks each line of standard input up, so many times over.
//
//   map-lookups TYPE BASE FLAGS PASSES < KEYS       TYPE, BASE and FLAGS as in dbases.conf

import Bytes
import Configuration
import Glibc
import Maps
import Site
import System

/// Looks the keys up, and prints how many were found.
func run(_ arguments: [String]) throws {
    guard arguments.count == 5, let passes = Int(arguments[4]) else {
        print("usage: map-lookups TYPE BASE FLAGS PASSES < KEYS")
        exit(64)
    }
    let line = "keys \(arguments[1]) - -l \(arguments[2]) \(arguments[3])\n"
    let databases = try DatabasesConf(
        Array(line.utf8), file: "arguments", variables: Variables(), types: MapBackEnds.all.types)
    var maps = MapSet(databases, tables: WorkerTables(.all, for: MapWorker(texts: TextTableLoader())))
    let relation = maps.relation("keys")
    let keys = try readDescriptor(STDIN_FILENO, name: "keys", limit: 1 << 30).split(separator: UInt8(ascii: "\n"))
    // One text holds them all, as it holds the pieces of an address.
    var text = TextArena()
    let places = keys.map { text.append(Array($0).span) }
    let end = text.end
    var found = 0
    for _ in 0..<passes {
        for place in places {
            if try maps.find(place, of: &text, in: relation) != nil { found += 1 }
            text.removeAll(from: end)
        }
    }
    print("\(passes * keys.count) lookups, \(found) found")
}

do {
    try run(CommandLine.arguments)
} catch {
    print("map-lookups: \(error)")
    exit(1)
}
