// A directory of configuration files for one test.

import ZRouteTestKit

/// A directory with files of bytes that the texts' characters stand for, one each; `@CASE@` in them is its path.
func configurationDirectory(_ files: [String: String]) throws -> TemporaryDirectory {
    let place = try TemporaryDirectory()
    for (name, text) in files {
        let bytes = text.replacing("@CASE@", with: place.path).unicodeScalars.map {
            UInt8(truncatingIfNeeded: $0.value)
        }
        try place.write(bytes, to: name)
    }
    return place
}
