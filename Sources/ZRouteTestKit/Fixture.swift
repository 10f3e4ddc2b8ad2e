// The recorded files that tests compare with: Fixtures, each folder with a README.

import Foundation

/// Files under Fixtures/.
package enum Fixture {
    /// The folder of all of them.
    package static let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Fixtures").standardized
        .path

    /// The path of a file or folder.
    package static func path(_ name: String) -> String { "\(root)/\(name)" }

    /// The content of a file.
    package static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    /// The content of a file as text.
    package static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

    /// Whether there is such a file.
    package static func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// The names in a folder, sorted; none where there is no such folder.
    package static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []).sorted()
    }
}

// Random numbers that a failure can be repeated with.

/// Numbers that a seed gives, the same on every run.
package struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    /// Begins with a seed.
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
