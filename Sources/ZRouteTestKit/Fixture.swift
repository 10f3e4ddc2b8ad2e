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
