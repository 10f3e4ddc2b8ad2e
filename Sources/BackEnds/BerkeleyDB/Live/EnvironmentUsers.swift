// Which living processes use an environment. Berkeley DB does not tell (DB_REGISTER is refused for CDB), but whoever uses
// an environment has its region files mapped, and Linux shows that in /proc.

import Glibc
import Maps
import System

/// The processes that have an environment's region files mapped or open.
struct EnvironmentUsers: Sendable {
    /// One process.
    struct User: Sendable, Hashable {
        /// Its number.
        let process: Int32
        /// Its program's name, as the system knows it.
        let name: String
    }

    /// Those that use the environment as it is on disk.
    let present: [User]
    /// Those that still have an environment mapped that was removed since.
    let former: [User]
    /// Those that this user may not look into.
    let hidden: [User]
    /// Whether there may be processes that do not even show.
    let isIncomplete: Bool

    /// Looks at all processes but this one.
    ///
    /// - Parameter home: the environment's directory.
    /// - Throws: `FileError` when /proc or the environment cannot be read: an environment that cannot be looked into may
    ///   have users all the same.
    init(home: String) throws(FileError) {
        let directory = resolvedPath(home) ?? home
        let inodes = try Self.regionInodes(home: home)
        var present: [User] = []
        var former: [User] = []
        var hidden: [User] = []
        let names = try fileNames(in: "/proc")
        for name in names {
            guard let process = Int32(name), process != getpid() else { continue }
            do {
                let lines = try readProcess("/proc/\(name)/maps")
                guard let use = Self.use(lines, directory, inodes) else { continue }
                let user = User(process: process, name: Self.programName(process))
                if use == .present { present.append(user) } else { former.append(user) }
            } catch {
                // A process that ended meanwhile uses nothing.
                guard error.code != ENOENT, error.code != ESRCH else { continue }
                hidden.append(User(process: process, name: Self.programName(process)))
            }
        }
        self.present = present
        self.former = former
        self.hidden = hidden
        // Under the mount option hidepid a user sees only processes of his own; process 1 always exists.
        isIncomplete = !names.contains("1")
    }

    /// The inodes of the region files; none where the environment's directory does not exist.
    private static func regionInodes(home: String) throws(FileError) -> Set<UInt64> {
        var inodes: Set<UInt64> = []
        do {
            for name in try RegionFiles(home: home).names() {
                do {
                    inodes.insert(try FileIdentity(path: "\(home)/\(name)").inode)
                } catch  where error.isMissing {
                    // Removed since it was listed: whoever still has it mapped shows by its path.
                    continue
                }
            }
        } catch  where error.isMissing {
            return []
        }
        return inodes
    }

    private enum Use { case present, former }

    /// What the lines of /proc/PID/maps say, which are `address permissions offset device inode path`.
    ///
    /// The device is not compared: stacked file systems show another one there than stat does.
    private static func use(_ lines: [UInt8], _ directory: String, _ inodes: Set<UInt64>) -> Use? {
        var use: Use?
        for line in lines.split(separator: 0x0A) {
            let fields = line.split(separator: 0x20, maxSplits: 5)
            guard fields.count == 6, let inode = UInt64(String(decoding: fields[4], as: UTF8.self)) else { continue }
            let path = String(decoding: fields[5], as: UTF8.self)
            let isRemoved = path.hasSuffix(" (deleted)")
            let plain = isRemoved ? String(path.dropLast(10)) : path
            let name = plain.split(separator: "/").last.map(String.init) ?? ""
            guard RegionFiles.isRegionFile(name) else { continue }
            if inodes.contains(inode), !isRemoved { return .present }
            if isRemoved, plain == "\(directory)/\(name)" { use = .former }
        }
        return use
    }

    private static func programName(_ process: Int32) -> String {
        let bytes = (try? readProcess("/proc/\(process)/comm")) ?? []
        return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    }
}

/// Reads a file of /proc, whose size is not known before.
private func readProcess(_ path: String) throws(FileError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    return try readDescriptor(descriptor, name: path, limit: 64 << 20)
}

/// The path without symbolic links; nil if it does not exist.
private func resolvedPath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
}
