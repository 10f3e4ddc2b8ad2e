// Maildirs: a message is written under tmp/, synced, renamed into new/, and the directory synced, before anybody is told
// that it was delivered.

public import Files
import Glibc
import Synchronization

/// A directory of Maildirs, one a mailbox, each with its folders.
public final class MaildirStore: Sendable {
    /// The directory.
    public let path: String
    private let host: String
    private let state = Mutex(State())

    private struct State {
        var deliveries = 0
        /// Maildirs that are there, down to cur, new and tmp.
        var known: Set<String> = []
    }

    /// Opens a store, creating its directory.
    public init(path: String, host: String) throws(FileError) {
        self.path = path
        // Maildir: no slash and no colon in file names.
        self.host = String(host.map { $0 == "/" || $0 == ":" ? "_" : $0 })
        do throws(FileError) {
            try Self.makeDirectory(path)
        } catch {
            throw FileError(
                operation: error.operation, path: error.path, code: error.code,
                remedy: error.isMissing
                    ? "make the directory that it is to be in" : "name a directory that this user may write to")
        }
    }

    /// Stores a message.
    ///
    /// - Parameters:
    ///   - directory: the Maildir below the store.
    ///   - parts: the message's bytes.
    /// - Returns: the file's name in `new`.
    func store(_ parts: [[UInt8]], in directory: String) throws(FileError) -> String {
        try prepare(directory)
        let number = state.withLock { state in
            state.deliveries += 1
            return state.deliveries
        }
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        let name = "\(now.tv_sec).M\(now.tv_nsec / 1000)P\(getpid())Q\(number).\(host)"
        let place = "\(path)/\(directory)"
        let temporary = "\(place)/tmp/\(name)"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(operation: "create", path: temporary, code: errno) }
        do throws(FileError) {
            do throws(FileError) {
                for part in parts { try Self.write(part, to: descriptor, path: temporary) }
                guard fsync(descriptor) == 0 else { throw FileError(operation: "fsync", path: temporary, code: errno) }
            } catch {
                close(descriptor)
                throw error
            }
            close(descriptor)
            try renameFile(temporary, to: "\(place)/new/\(name)")
        } catch {
            try? removeFile(temporary, missingIsFine: true)
            throw error
        }
        try syncDirectory("\(place)/new")
        return name
    }

    private func prepare(_ directory: String) throws(FileError) {
        guard !state.withLock({ $0.known.contains(directory) }) else { return }
        var place = path
        for component in directory.split(separator: "/") {
            place += "/\(component)"
            try Self.makeDirectory(place)
        }
        for part in ["tmp", "new", "cur"] { try Self.makeDirectory("\(place)/\(part)") }
        if directory.contains("/") { try? createFile("\(place)/maildirfolder", mode: 0o600) }
        state.withLock { state in
            if state.known.count > 100_000 { state.known = [] }
            state.known.insert(directory)
        }
    }

    /// Makes a directory that survives a crash; one that is there is fine.
    private static func makeDirectory(_ path: String) throws(FileError) {
        if unsafe mkdir(path, 0o700) == 0 {
            try syncDirectory(Files.directory(of: path))
        } else if errno != EEXIST {
            throw FileError(operation: "mkdir", path: path, code: errno)
        } else if try !FileIdentity(path: path).isDirectory {
            throw FileError(operation: "mkdir", path: path, code: ENOTDIR)
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes { buffer in
                // In bounds: done is smaller than the count.
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + done }, bytes.count - done)
            }
            if wrote > 0 {
                done += wrote
            } else if wrote == 0 || errno != EINTR {
                throw FileError(operation: "write", path: path, code: wrote == 0 ? EIO : errno)
            }
        }
    }
}
