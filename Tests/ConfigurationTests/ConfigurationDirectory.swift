// A directory of configuration files that lives as long as one test.

import Foundation

final class ConfigurationDirectory {
    let path: String

    init(_ files: [String: String]) throws {
        path = NSTemporaryDirectory() + "zroute-configuration-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files {
            let whole = text.replacingOccurrences(of: "@CASE@", with: path)
            try whole.write(toFile: "\(path)/\(name)", atomically: false, encoding: .isoLatin1)
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
