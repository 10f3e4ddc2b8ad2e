// Maildirs: a message is written under tmp/, synced, renamed into new/, and the directory synced, before anybody is told
// that it was delivered.

import Glibc
import MailSyntax
import Synchronization
package import System

/// A directory of Maildirs, one a mailbox, each with its folders.
package final class MaildirStore: Sendable {
    /// The directory.
    package let path: String
    private let host: String
    private let state = Mutex(State())

    private struct State {
        var deliveries = 0
        /// Maildirs that are there, down to cur, new and tmp.
        var known: Set<String> = []
    }

    /// Opens a store, creating its directory.
    package init(path: String, host: String) throws(FileError) {
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
            try syncDirectory(System.directory(of: path))
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

// A recipient of the sink, and the directory its mail goes to: never one outside the store, whatever the address holds.

/// A recipient address taken apart into user, folder and domain.
struct MailboxAddress: Sendable, Hashable {
    /// The address without brackets.
    let bytes: [UInt8]
    /// What stands before the last `@`, quotes taken off.
    let localPart: [UInt8]
    /// The local part before the first `+`.
    let user: [UInt8]
    /// What follows that `+`; nil where there is none, or nothing.
    let folder: [UInt8]?
    private let domain: [UInt8]?

    /// The longest name of a directory (NAME_MAX).
    private static let nameLimit = 255

    /// Takes an address apart; nil where it has no user.
    init?(_ bytes: [UInt8]) {
        self.bytes = bytes
        let at = bytes.lastIndex(of: UInt8(ascii: "@"))
        var local = Array(bytes[..<(at ?? bytes.endIndex)])
        domain = at.map { Array(bytes[($0 + 1)...]) }
        if local.count >= 2, local.first == UInt8(ascii: "\""), local.last == UInt8(ascii: "\"") {
            local = QuotedString.unquoted(local[...])
        }
        localPart = local
        let plus = local.firstIndex(of: UInt8(ascii: "+")) ?? local.endIndex
        user = Array(local[..<plus])
        let rest = plus < local.endIndex ? Array(local[(plus + 1)...]) : []
        folder = rest.isEmpty ? nil : rest
        guard !user.isEmpty else { return nil }
    }

    /// The Maildir's path below the store: `user@domain`, and for a folder `user@domain/.lists.swift` (Maildir++).
    ///
    /// Nil where a name would be too long.
    var directory: String? {
        let mailbox = Self.name(user, keepsDots: true) + (domain.map { "@" + Self.name($0, keepsDots: true) } ?? "")
        guard mailbox.utf8.count <= Self.nameLimit else { return nil }
        guard let folder else { return mailbox }
        // A slash parts levels of folders, in the file's name a dot; a dot of the folder's own name is encoded.
        let levels = folder.split(separator: UInt8(ascii: "/")).map { Self.name(Array($0), keepsDots: false) }
        guard !levels.isEmpty else { return mailbox }
        let name = "." + levels.joined(separator: ".")
        return name.utf8.count <= Self.nameLimit ? "\(mailbox)/\(name)" : nil
    }

    /// A name in which only letters, digits and a few signs stand for themselves; all else is `%XX`.
    private static func name(_ bytes: [UInt8], keepsDots: Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var name: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "="),
                UInt8(ascii: "+"):
                name.append(byte)
            case UInt8(ascii: ".") where keepsDots && index > 0: name.append(byte)
            default: name += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
