// The reading of every configuration file: whole, with a limit, and free of characters that nobody sees. One place, so that
// no such file can be misread in silence.

package import System

/// A configuration file that was read whole.
package struct ConfigurationFile: Sendable {
    /// Its bytes.
    package let bytes: [UInt8]
    /// The very file that they came from.
    package let state: FileState

    /// The largest file read, in bytes.
    private static let largest = 1 << 20

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - remedy: what to do about one that cannot be read, as the end of a message.
    /// - Throws: `ConfigurationError` where it cannot be read, or has a character outside comments that nobody sees.
    package init(_ path: String, remedy: (FileError) -> String = { _ in "" }) throws(ConfigurationError) {
        do throws(FileError) {
            (bytes, state) = try readTextFile(path, limit: Self.largest)
        } catch {
            throw Self.error(error, remedy)
        }
        try checkCharacters(of: path)
    }

    /// Reads a file that need not exist; nil where it does not.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - isScript: whether it is another program's script, of which only some lines mean something here: whoever reads
    ///     those looks at their characters.
    /// - Throws: `ConfigurationError` as for a file that must exist.
    init?(ifPresent path: String, isScript: Bool) throws(ConfigurationError) {
        do throws(FileError) {
            (bytes, state) = try readTextFile(path, limit: Self.largest)
        } catch {
            guard error.isMissing else { throw Self.error(error) { _ in "" } }
            return nil
        }
        if !isScript { try checkCharacters(of: path) }
    }

    private static func error(_ error: FileError, _ remedy: (FileError) -> String) -> ConfigurationError {
        ConfigurationError(
            file: error.path, text: "cannot be read: \(error.operation): \(error.reason)\(remedy(error))",
            isTemporary: error.isUnsettled)
    }

    private func checkCharacters(of path: String) throws(ConfigurationError) {
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if let character = UnseenCharacter(in: line) { throw character.error(file: path, line: number) }
        }
    }
}
