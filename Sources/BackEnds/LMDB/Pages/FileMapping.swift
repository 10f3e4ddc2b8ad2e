// A file in memory as it is on the disk, for reading only. It may grow, be changed and be cut short under its readers.

import Glibc
import Synchronization
import System

/// A mapped file.
@safe
final class FileMapping {
    /// The file that is mapped.
    let identity: FileIdentity
    private let descriptor: Int32
    private let memory: UnsafeRawBufferPointer
    private let guardian: MappingGuard

    /// So much room for growth is taken from the addresses; neither memory nor disk.
    private static let wantedSize = 64 << 30

    /// Maps a file.
    ///
    /// - Throws: where it cannot be opened or is no regular file.
    init(path: String) throws(LMDBFailure) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw LMDBFailure(FileError(operation: "open", path: path, code: errno)) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw LMDBFailure(FileError(operation: "stat", path: path, code: code))
        }
        let identity = FileIdentity(status)
        guard identity.isRegularFile else {
            close(descriptor)
            throw LMDBFailure(code: EINVAL, text: "not a regular file; correct the path of the map")
        }
        let size = Self.roundedUp(Int(clamping: identity.size))
        // Where addresses are short (RLIMIT_AS) there is room for what is there now.
        for wanted in [max(Self.wantedSize, size * 2), max(size, 4096)] {
            let mapped = unsafe mmap(nil, wanted, PROT_READ, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
            guard unsafe mapped != MAP_FAILED, let start = unsafe mapped else { continue }
            unsafe memory = UnsafeRawBufferPointer(start: start, count: wanted)
            guardian = unsafe MappingGuard(memory)
            self.identity = identity
            self.descriptor = descriptor
            return
        }
        let code = errno
        close(descriptor)
        throw LMDBFailure(FileError(operation: "map", path: path, code: code))
    }

    deinit {
        guardian.end()
        unsafe munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress), memory.count)
        close(descriptor)
    }

    private static func roundedUp(_ size: Int) -> Int { (size + 0xFFFF) & ~0xFFFF }

    /// Whether the file was cut short under a reader: whatever was read meanwhile may be zeros.
    var isTorn: Bool {
        @inline(__always) get { guardian.isTorn }
    }

    /// How many bytes of the mapping the file has now; nil where it has more than the mapping has room for.
    var size: Int? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return 0 }
        let size = Int(clamping: status.st_size)
        return unsafe size <= memory.count ? size : nil
    }

    /// The memory at a place of the file, which the caller knows to lie in it.
    @inline(__always)
    func start(at offset: Int) -> UnsafeRawPointer {
        // Not nil: a mapping has a place.
        unsafe (memory.baseAddress ?? UnsafeRawPointer(bitPattern: 1)).unsafelyUnwrapped + offset
    }

    /// A number that other processes may be changing, at a multiple of eight bytes.
    @inline(__always)
    func number(at offset: Int) -> UInt64 {
        unsafe start(at: offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .acquiring)
    }
}
