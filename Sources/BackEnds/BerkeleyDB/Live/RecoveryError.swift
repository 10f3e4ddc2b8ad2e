// Why an environment was not recovered.

import Maps
import System

/// A recovery that was refused, or could not be finished.
package struct RecoveryError: Error, Sendable, CustomStringConvertible {
    /// The cause, what was changed until then, and the remedy.
    package let description: String

    /// Records why.
    package init(_ description: String) { self.description = description }

    init(_ path: String, _ failure: BerkeleyDBFailure) { self.init("\(path): \(failure.text)") }
}
