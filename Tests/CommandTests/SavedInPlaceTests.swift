// Files that are saved in place, by editors and scripts, while commands read them.

import Foundation
import Glibc
import Synchronization
import Testing
import ZRouteTestKit

@Suite struct SavedInPlaceTests {
    let site: TestSite

    init() throws {
        site = try TestSite(mapType: "text")
        // Without the live map, which no test here needs.
        try site.place.write("fqdnroutes text - -l $MAILVAR/db/routes -lm%\n", to: "db/dbases.conf")
    }

    /// Does something again and again in a thread of its own while a body runs.
    private func whileDoing(_ work: @escaping @Sendable () throws -> Void, _ body: (Rounds) throws -> Void) throws {
        let rounds = Rounds()
        Thread.detachNewThread {
            while rounds.begin() { try? work() }
            rounds.isDone.signal()
        }
        defer {
            rounds.end()
            rounds.isDone.wait()
        }
        try body(rounds)
    }

    @Test(arguments: ["zmailer.conf", "db/dbases.conf", "db/routes"])
    func endWithStatus75AndSayWhichFileItIs(name: String) throws {
        let path = site.place.file(name)
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try whileDoing({
            try file.write(contentsOf: Data("# being written\n".utf8))
            usleep(5_000)
        }) { _ in
            for command in [["route-test", "one@x.example"], ["makedb", "btree", site.place.file("m"), path]] {
                let result = try site.run(command)
                #expect(result.status == 75, "\(command): \(result.errorText)")
                #expect(result.errorText.contains(path) && result.errorText.contains("being written"))
            }
        }
        try file.close()
    }

    @Test func answerNothingThatAHalfWrittenMapWouldSay() throws {
        let keys = (0..<400).map { "user\($0)@x.example" }
        let lines = ["@x.example error!nosuchuser\n"] + keys.map { "\($0) smtp-lmtp!node!user\n" }
        let path = site.place.file("db/routes")
        let quarter = lines.count / 4
        // At the ends of lines, where half a map looks whole.
        let parts = (0...4).map { lines.dropFirst($0 * quarter).prefix(quarter).joined() }
        try site.place.write(lines.joined(), to: "db/routes")
        var right = 0, held = 0, wrong: [String] = []
        let input = Array((keys.joined(separator: "\n") + "\n").utf8)
        var runs = 0, saves = 0
        try whileDoing({
            let file = open(path, O_WRONLY | O_TRUNC)
            for part in parts {
                _ = part.withCString { Glibc.write(file, $0, strlen($0)) }
                usleep(30_000)
            }
            close(file)
            usleep(60_000)
        }) { rounds in
            while rounds.count < 12 {
                runs += 1
                let result = try site.run(["route-test", "--format", "tsv", "-"], input: input)
                for line in result.text.split(separator: "\n") {
                    if line.hasSuffix("\tsmtp-lmtp!node!user") {
                        right += 1
                    } else if line.contains("\thold!") {
                        held += 1
                    } else {
                        wrong.append(String(line))
                    }
                }
            }
            saves = rounds.count
        }
        print("saved in place \(saves) times, \(runs) runs: \(right) right, \(held) held, \(wrong.count) wrong")
        #expect(wrong.isEmpty, "\(wrong.prefix(3))")
        #expect(right + held == runs * keys.count)
    }
}

/// What a thread is to do again, and when it is to end.
private final class Rounds: Sendable {
    private let state = Mutex((isOver: false, count: 0))
    let isDone = DispatchSemaphore(value: 0)

    var count: Int { state.withLock { $0.count } }

    /// Whether there is to be another round.
    func begin() -> Bool {
        state.withLock { state in
            state.count += 1
            return !state.isOver
        }
    }

    func end() { state.withLock { $0.isOver = true } }
}
