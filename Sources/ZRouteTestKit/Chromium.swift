// A real browser, for pages that are to be looked at: Debian's Chromium, without a screen.

import Foundation

/// Chromium without a screen.
package enum Chromium {
    /// Its program; nil, after saying so, where it is not installed.
    package static let program: String? = {
        let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        if found == nil { print("Chromium: pages are not looked at in a browser, because none is installed") }
        return found
    }()

    /// The document of a page after its scripts ran.
    ///
    /// - Parameter url: its address, with a fragment perhaps.
    package static func document(of url: String) throws -> String {
        try String(decoding: run(["--dump-dom", url]), as: UTF8.self)
    }

    /// Takes a picture of a page.
    ///
    /// - Parameters:
    ///   - path: where it is put, as PNG.
    ///   - isDark: whether the screen is one for the night.
    package static func takePicture(
        of url: String, to path: String, width: Int = 1440, height: Int = 1200, isDark: Bool = false
    ) throws {
        let options = ["--window-size=\(width),\(height)", "--hide-scrollbars", "--screenshot=\(path)"]
        _ = try run(options + (isDark ? ["--blink-settings=preferredColorScheme=0"] : []) + [url])
    }

    private static func run(_ arguments: [String]) throws -> [UInt8] {
        guard let program else { throw CommandFailure("there is no Chromium") }
        let profile = try TemporaryDirectory()
        // Virtual time: it passes as fast as the page has work, and stands still while something is fetched.
        let result = try runCommand(
            program,
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--user-data-dir=\(profile.path)", "--virtual-time-budget=5000",
            ] + arguments, endedAfter: 120)
        guard result.status == 0 else { throw CommandFailure("\(program): \(result.status): \(result.errorText)") }
        return result.output
    }
}
