// A file that lives as long as one run of a target: text maps are read from files, and a run must leave none behind.

import Glibc
import System

/// A file without a name, with the path by which this process can open it.
final class MemoryFile {
    private let descriptor: Int32

    /// How many bytes it has.
    private(set) var count = 0

    /// Makes a file of these bytes that only its owner may write.
    init(_ bytes: [UInt8]) {
        // Nobody else can draw the same name, which is gone at once.
        let name = "/zroute-fuzz-\(UInt64.random(in: 0 ... .max))"
        descriptor = unsafe shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        precondition(descriptor >= 0, "no file in memory")
        precondition(unsafe shm_unlink(name) == 0, "a file in memory keeps its name")
        write(bytes)
    }

    /// Puts other bytes into the place of those that were there, of another number, so that it is seen to be changed.
    func replace(by bytes: [UInt8]) {
        precondition(ftruncate(descriptor, 0) == 0, "a file in memory is not emptied")
        write(bytes)
    }

    private func write(_ bytes: [UInt8]) {
        let written = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        precondition(written == bytes.count, "a file in memory is not written whole")
        count = bytes.count
    }

    deinit { close(descriptor) }

    /// Whom every such file belongs to.
    static var owner: UInt32 { geteuid() }

    /// Names the file, as long as the value lives.
    var path: String { "/proc/self/fd/\(descriptor)" }
}

extension FileClock {
    /// By which every file of a target has kept still for long.
    static let late = FileClock(date: { .max }, now: { .coarse() }, wait: { _ in })
}
