// Where the programs are that tests run.

import Foundation
import Glibc

/// The programs of this build.
package enum Programs {
    /// The program under test.
    package static let zroute = Result { try directory() + "/zroute" }

    /// Where the programs of this build are: beside the one that runs the tests.
    package static func directory() throws -> String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        // The test bundle is loaded by a program of the toolchain: the bundle is named on its command line.
        let bundles = CommandLine.arguments.filter { $0.contains(".xctest") }
            .map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
        for candidate in [own] + bundles where unsafe access(candidate + "/zroute", X_OK) == 0 { return candidate }
        throw CommandFailure("\(own): zroute was not built beside the tests")
    }
}
