// The site of these tests: configuration files of any bytes, and nothing else.

import ZRouteTestKit

/// A directory with files of bytes that the texts' characters stand for, one each; `@SITE@` in them is its path.
func configurationDirectory(_ files: [String: String]) throws -> TemporaryDirectory {
    let site = try TestSite([:])
    for (name, text) in files {
        let bytes = text.replacing("@SITE@", with: site.path).unicodeScalars.map {
            UInt8(truncatingIfNeeded: $0.value)
        }
        try site.write(bytes, to: name)
    }
    return site.place
}
