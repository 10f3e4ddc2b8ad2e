// The kept corpus of every fuzz target, its findings among it, run as tests.

import Foundation
import FuzzTargets
import Testing

@Suite struct CorpusTests {
    private static let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Fuzz/Corpus")
        .standardized

    @Test(arguments: FuzzTarget.allCases)
    func holdsNothingThatBreaksItsTarget(target: FuzzTarget) throws {
        let directory = Self.root.appendingPathComponent(target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        for file in files {
            let input = Array(try Data(contentsOf: directory.appendingPathComponent(file)))
            target.run(input)
            // What is cut short, or stands twice, must not break it either.
            target.run(Array(input.prefix(input.count / 2)))
            target.run(input + input)
        }
        print("fuzz corpus \(target.rawValue): \(files.count) inputs")
        #expect(!files.isEmpty)
    }
}
