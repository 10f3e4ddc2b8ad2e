// Why an environment was not recovered.

import Files

/// A recovery that was refused, or could not be finished.
public struct RecoveryError: Error, Sendable, CustomStringConvertible {
    /// The cause, what was changed until then, and the remedy.
    public let description: String

    /// Records why.
    public init(_ description: String) { self.description = description }

    init(_ path: String, _ failure: BerkeleyDBFailure) { self.init("\(path): \(failure.text)") }
}
