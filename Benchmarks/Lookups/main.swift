// What a lookup in a map costs, without anything around it: looks each line of standard input up, so many times over.
//
//   map-lookups TYPE BASE FLAGS PASSES [WORKERS] < KEYS     TYPE, BASE and FLAGS as in dbases.conf; workers divide the keys
//
// With workers it also prints how many lookups there were in a second.

import Bytes
import Configuration
import Glibc
import Maps
import Site
import Synchronization
import System

/// What workers share.
final class Tally: Sendable {
    let turn = Atomic<Int>(0), found = Atomic<Int>(0)
    let failure = Mutex<MapError?>(nil)
}

/// Looks keys up as one worker does; answers how many were found.
func look(
    up keys: [[UInt8]], _ passes: Int, in databases: DatabasesConf, _ texts: TextTableLoader
) throws(MapError) -> Int {
    var maps = MapSet(databases, tables: WorkerTables(.all, for: MapWorker(texts: texts)))
    let relation = maps.relation("keys")
    // One text holds them all, as it holds the pieces of an address.
    var text = TextArena()
    let places = keys.map { text.append($0.span) }
    let end = text.end
    var found = 0
    for _ in 0..<passes {
        for place in places {
            if try maps.find(place, of: &text, in: relation) != nil { found += 1 }
            text.removeAll(from: end)
        }
    }
    return found
}

/// Looks the keys up, and prints how many were found.
func run(_ arguments: [String]) throws {
    guard 5...6 ~= arguments.count, let passes = Int(arguments[4]),
        let workers = arguments.count == 6 ? Int(arguments[5]) : 1, workers > 0
    else {
        print("usage: map-lookups TYPE BASE FLAGS PASSES [WORKERS] < KEYS")
        exit(64)
    }
    let line = "keys \(arguments[1]) - -l \(arguments[2]) \(arguments[3])\n"
    let databases = try DatabasesConf(
        Array(line.utf8), file: "arguments", variables: Variables(), types: MapBackEnds.all.types)
    let keys = try readDescriptor(STDIN_FILENO, name: "keys", limit: 1 << 30).split(separator: UInt8(ascii: "\n"))
        .map { Array($0) }
    let texts = TextTableLoader()
    if arguments.count == 5 {
        let found = try look(up: keys, passes, in: databases, texts)
        print("\(passes * keys.count) lookups, \(found) found")
        return
    }
    let tally = Tally()
    let start = monotonicNanoseconds()
    runThreads(workers) {
        let number = tally.turn.add(1, ordering: .relaxed).oldValue
        let own = stride(from: number, to: keys.count, by: workers).map { keys[$0] }
        do throws(MapError) {
            tally.found.add(try look(up: own, passes, in: databases, texts), ordering: .relaxed)
        } catch {
            tally.failure.withLock { $0 = error }
        }
    }
    if let error = tally.failure.withLock({ $0 }) { throw error }
    let rate = UInt64(passes * keys.count) * 1_000_000_000 / max(monotonicNanoseconds() - start, 1)
    print("\(passes * keys.count) lookups, \(tally.found.load(ordering: .relaxed)) found, \(rate) a second")
}

do {
    try run(CommandLine.arguments)
} catch {
    print("map-lookups: \(error)")
    exit(1)
}
