// What a lookup in a map costs, without anything around it: looks each line of standard input up, so many times over.
//
//   map-lookups TYPE BASE FLAGS PASSES [THREADS] < KEYS       TYPE, BASE and FLAGS as in dbases.conf

import Bytes
import Configuration
import Glibc
import Maps
import Site
import Synchronization
import System

/// Looks keys up in maps of its own, as a worker does.
///
/// - Returns: how many were found.
func look(
    _ keys: some Collection<ArraySlice<UInt8>>, _ databases: DatabasesConf, _ texts: TextTableLoader, _ passes: Int
)
    throws(MapError) -> Int
{
    var maps = MapSet(databases, tables: WorkerTables(.all, for: MapWorker(texts: texts)))
    let relation = maps.relation("keys")
    // One text holds them all, as it holds the pieces of an address.
    var text = TextArena()
    let places = keys.map { text.append(Array($0).span) }
    let end = text.end
    var found = 0
    // What is opened, or copied, at the first lookup is not to be measured.
    if let first = places.first { _ = try maps.find(first, of: &text, in: relation) }
    text.removeAll(from: end)
    for _ in 0..<passes {
        for place in places {
            if try maps.find(place, of: &text, in: relation) != nil { found += 1 }
            text.removeAll(from: end)
        }
    }
    return found
}

/// Looks a key up, again and again while a first copy is not whole.
func open(
    _ key: some Collection<ArraySlice<UInt8>>, _ databases: DatabasesConf, _ texts: TextTableLoader,
    within nanoseconds: UInt64
) throws(MapError) {
    let start = monotonicNanoseconds()
    while true {
        do throws(MapError) {
            _ = try look(key, databases, texts, 1)
            return
        } catch {
            guard monotonicNanoseconds() - start < nanoseconds else { throw error }
            usleep(10_000)
        }
    }
}

/// Looks the keys up, divided among threads, and prints how many were found, and in what time.
func run(_ arguments: [String]) throws {
    guard 5...6 ~= arguments.count, let passes = Int(arguments[4]),
        let threads = arguments.count == 6 ? Int(arguments[5]) : 1, threads > 0
    else {
        print("usage: map-lookups TYPE BASE FLAGS PASSES [THREADS] < KEYS")
        exit(64)
    }
    let line = "keys \(arguments[1]) - -l \(arguments[2]) \(arguments[3])\n"
    let databases = try DatabasesConf(
        Array(line.utf8), file: "arguments", variables: Variables(), types: MapBackEnds.all.types)
    let keys = try readDescriptor(STDIN_FILENO, name: "keys", limit: 1 << 30).split(separator: UInt8(ascii: "\n"))
    let texts = TextTableLoader()
    // Whatever the threads share is there before they begin.
    let opening = monotonicNanoseconds()
    try open(keys.prefix(1), databases, texts, within: 120_000_000_000)
    let start = monotonicNanoseconds()
    let next = Atomic<Int>(0), found = Atomic<Int>(0)
    let failure = Mutex<MapError?>(nil)
    let share = (keys.count + threads - 1) / threads
    runThreads(threads) {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        do throws(MapError) {
            let count = try look(keys.dropFirst(number * share).prefix(share), databases, texts, passes)
            found.wrappingAdd(count, ordering: .relaxed)
        } catch {
            failure.withLock { $0 = error }
        }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    let (opened, taken) = (start - opening, monotonicNanoseconds() - start)
    let rate = UInt64(passes * keys.count) * 1_000_000_000 / max(taken, 1)
    print(
        "\(passes * keys.count) lookups, \(found.load(ordering: .relaxed)) found, \(taken / 1000) us, opened in \(opened / 1000) us,"
            + " \(rate) a second")
}

do {
    try run(CommandLine.arguments)
} catch {
    print("map-lookups: \(error)")
    exit(1)
}
