// Whether the process that a recipient's `~` tag names can still be at work: ZMailer's agents leave their number there,
// and nothing else.

import Bytes
import Glibc
import System

/// What is known of another process.
enum ProcessLife {
    /// Whether the process that wrote its number into a file may still be at work on it.
    ///
    /// A process of that number which began after the file was last written to is not the one that wrote it, unless it
    /// has the file open: the clock may have been set since. A file dated ahead of the clock tells nothing, and then only
    /// who has it open is at work.
    ///
    /// - Parameters:
    ///   - process: the number in the file.
    ///   - file: the file as it was when it was last written to.
    static func mayBeWorking(_ process: Int32, on file: FileIdentity) -> Bool {
        guard process > 0 else { return false }
        // EPERM: it exists and is another user's.
        guard kill(process, 0) == 0 || errno == EPERM else { return false }
        let hasOpen = hasOpen(process, file)
        if hasOpen == true { return true }
        guard isVisible, let began = startTime(of: process) else { return true }
        // Both clocks are read in whole seconds and ticks: only a clear difference counts.
        let written = file.modified / 1_000_000_000
        if written > Int64(time(nil)) + 2 { return hasOpen ?? true }
        return began <= written + 2
    }

    /// Whether a process has a file open; nil where the system does not tell.
    static func hasOpen(_ process: Int32, _ file: FileIdentity) -> Bool? {
        guard isVisible, let names = try? fileNames(in: "/proc/\(process)/fd") else { return nil }
        return names.contains { name in
            guard let open = try? FileIdentity(path: "/proc/\(process)/fd/\(name)") else { return false }
            return open.inode == file.inode && open.device == file.device
        }
    }

    /// Whether /proc shows the processes of this namespace, whose numbers are meant.
    private static var isVisible: Bool {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return -1 }
            return unsafe readlink("/proc/self", start, bytes.count)
        }
        return count > 0 && Decimal.value(buffer[..<count]) == Int(getpid())
    }

    /// When a process began, in seconds since 1970; nil where the system does not tell.
    private static func startTime(of process: Int32) -> Int64? {
        guard let status = read("/proc/\(process)/stat"), let system = read("/proc/stat") else { return nil }
        // The command's name is in parentheses and may hold anything; field 22 is the 20th after it.
        guard let close = status.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = status[(close + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, let ticks = Decimal.value(fields[19]) else { return nil }
        for line in system.split(separator: 0x0A) where line.starts(with: "btime ".utf8) {
            guard let boot = Decimal.value(line.dropFirst(6)) else { return nil }
            return Int64(boot) + Int64(ticks / max(sysconf(Int32(_SC_CLK_TCK)), 1))
        }
        return nil
    }

    /// The first bytes of a file of /proc, which has no size to go by; nil where it cannot be read.
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 {
            let block = unsafe [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, count in
                unsafe count = max(Glibc.read(descriptor, buffer.baseAddress, buffer.count), 0)
            }
            if block.isEmpty { break }
            bytes += block
        }
        return bytes
    }
}
