// What comes of opening a control file.

public import Files

/// A control file that could not be opened or read.
public enum ControlAccessError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The system failed: try again later.
    case file(FileError)
    /// The file is damaged; nothing in it is touched until a person has looked at it.
    case content(path: String, ControlFileError)

    /// The reason in one line.
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .content(let path, let error): "\(path): not a control file: \(error)"
        }
    }

    /// Does file work whose failure is that of the access.
    static func about<Result: ~Copyable>(
        _ work: () throws(FileError) -> Result
    ) throws(ControlAccessError) -> Result {
        do throws(FileError) {
            return try work()
        } catch {
            throw .file(error)
        }
    }
}

/// What came of opening a control file to work on it.
public enum ControlAccess: ~Copyable {
    /// It is ours.
    case opened(OpenControlFile)
    /// Another run works on it.
    case busy
    /// There is no such message any more.
    case gone
}
