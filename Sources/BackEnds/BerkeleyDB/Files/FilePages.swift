// The pages of a file outside of any environment. They are read, never mapped: a mapped file that somebody truncates
// kills the process with SIGBUS.

import CBerkeleyDB
import Maps
import System

/// The pages of a file.
final class FilePages: PageOrigin {
    private let file: ReadableFile

    /// Opens a file.
    init(_ path: String) throws(BerkeleyDBFailure) {
        do {
            file = try ReadableFile(path)
        } catch {
            throw BerkeleyDBFailure(error)
        }
    }

    var isShared: Bool { false }

    /// The identity of the file that is open.
    var identity: FileIdentity { file.identity }

    /// Checks that no page is missing at the end.
    func isAsLongAsItSays(_ header: DatabaseHeader) throws(BerkeleyDBFailure) {
        let size = (UInt64(header.lastPage) + 1) * UInt64(header.layout.pageSize)
        guard size <= UInt64(clamping: identity.size) else {
            throw BerkeleyDBFailure(code: DB_PAGE_NOTFOUND, messages: LibraryMessages())
        }
    }

    /// Reads a page; of the first one, as much as there is.
    func read(_ number: UInt32, size: Int, known: [UInt8]?) throws(BerkeleyDBFailure) -> [UInt8]? {
        if known != nil { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        let count: Int
        do {
            // In range: both are numbers of at most 32 bits.
            count = try file.read(into: &bytes, at: Int(number) * size)
        } catch {
            throw BerkeleyDBFailure(error)
        }
        if count == size { return bytes }
        guard number == 0 else { throw BerkeleyDBFailure(code: DB_PAGE_NOTFOUND, messages: LibraryMessages()) }
        return Array(bytes[..<count])
    }
}
