// A copy on disk: blocks of changes, each with its digest, so that whatever a crash or a full disk has left is known to be whole up to
// some commit. Nothing is synced on the way: what is lost is asked for again.

import Bytes
import Glibc
import System

/// The file of a copy, and the lock beside it: one process writes it, others that find it only read.
struct CopyFile: ~Copyable {
    /// What a file says.
    struct Content {
        /// From where the source goes on.
        var cookie: [UInt8]
        /// When the source was last in touch, in seconds of the wall clock.
        var contact: Int64
    }

    fileprivate enum Mark: UInt8 {
        /// What is copied: an identity of the source and of the question.
        case subject = 0x53
        case put = 0x50, remove = 0x52
        /// All changes before it belong together.
        case commit = 0x43
        case contact = 0x54
    }

    private static let head = Array("zroute copy 1\n".utf8)
    private static let digestSize = 16, blockLimit = 1 << 20
    /// Beyond so many bytes of changes, and half of what a whole copy has, it is written anew.
    private static let changesLimit = 1 << 20

    private let path: String
    private let subject: [UInt8]
    private let lock: AppendedFile
    private var file: AppendedFile?
    /// How many bytes it has; nil where nothing can be added to it.
    private var size: Int?
    /// The size that the file had when it was written as a whole.
    private var wholeSize = 0

    /// Names the file, and takes its lock.
    ///
    /// - Parameter subject: says what is copied; a file about anything else is of no use.
    /// - Returns: nil where another process writes the file.
    init?(_ path: String, subject: [UInt8]) throws(FileError) {
        self.path = path
        self.subject = subject
        lock = try AppendedFile("\(path).lock", mode: 0o600)
        guard lock.tryLock() else { return nil }
    }

    /// Whether it has grown so much that it should be written as a whole.
    var isOvergrown: Bool {
        guard let size else { return true }
        return size - wholeSize > max(wholeSize / 2, Self.changesLimit)
    }

    // MARK: Writing

    /// Writes a whole copy in the place of what the file had.
    mutating func write(_ entries: CopiedEntries, cookie: [UInt8], contact: Int64) throws(FileError) {
        file = nil
        size = nil
        let name = "\(path).new"
        try removeFile(name, missingIsFine: true)
        var new = try AppendedFile(name, mode: 0o600)
        do throws(FileError) {
            try new.append(Self.head.span)
            var block = Block()
            block.begin(.subject)
            block.field(subject)
            var failure: FileError?
            entries.forEach { item, key, value in
                guard failure == nil else { return }
                block.put(item, [(key, value)])
                guard block.bytes.count >= Self.blockLimit else { return }
                do throws(FileError) { try new.append(block.take().span) } catch { failure = error }
            }
            if let failure { throw failure }
            block.commit(cookie, contact)
            try new.append(block.take().span)
            try syncFile(name)
            try renameFile(name, to: path)
        } catch {
            try? removeFile(name, missingIsFine: true)
            throw error
        }
        wholeSize = new.size
        size = wholeSize
        file = consume new
    }

    /// Writes changes behind what the file has.
    mutating func append(_ changes: Changes, cookie: [UInt8], contact: Int64) throws(FileError) {
        var block = changes.block
        block.commit(cookie, contact)
        try append(block.take())
    }

    /// Writes that the source is in touch.
    mutating func append(contact: Int64) throws(FileError) {
        var block = Block()
        block.begin(.contact)
        block.number(UInt64(bitPattern: contact))
        try append(block.take())
    }

    private mutating func append(_ bytes: [UInt8]) throws(FileError) {
        guard let size else { return }
        do throws(FileError) {
            try file?.append(bytes.span)
            self.size = size + bytes.count
        } catch {
            // What it has ends with a commit, and is good until it can be written anew.
            file = nil
            self.size = nil
            throw error
        }
    }

    // MARK: Reading

    /// Reads a copy.
    ///
    /// - Parameters:
    ///   - subject: what is to be copied.
    ///   - entries: get what the file has, up to the last commit that is whole.
    /// - Returns: nil where there is no file, or where it is about something else or says nothing whole.
    /// - Throws: where the file cannot be read.
    static func read(
        _ path: String, subject: [UInt8], into entries: inout CopiedEntries
    ) throws(FileError) -> (content: Content, size: Int)? {
        let blocks: BlockFile
        do throws(FileError) {
            blocks = BlockFile(try ReadableFile(path))
        } catch {
            if error.isMissing { return nil }
            throw error
        }
        guard let start = try blocks.start() else { return nil }
        var end = start
        var content: Content?
        var size = 0
        var isSubject = false
        var waiting: [Change] = []
        while let block = try blocks.block(at: &end) {
            var reader = BlockReader(block)
            while let change = reader.next() {
                switch change {
                case .subject(let found):
                    guard found == subject else { return nil }
                    isSubject = true
                case .put, .remove: waiting.append(change)
                case .commit(let cookie, let contact):
                    guard isSubject else { return nil }
                    for change in waiting { change.make(&entries) }
                    waiting = []
                    content = Content(cookie: cookie, contact: contact)
                    size = end
                case .contact(let contact):
                    content?.contact = contact
                    size = end
                }
            }
            guard reader.isAtEnd else { break }
            // A whole copy need not wait in memory for its one commit: without that nothing of it is used.
            if content == nil {
                for change in waiting { change.make(&entries) }
                waiting = []
            }
        }
        return content.map { ($0, size) }
    }

    /// Goes on writing behind what was read.
    mutating func resume(at size: Int) throws(FileError) {
        var file = try AppendedFile(path, mode: 0o600)
        try file.cut(to: size)
        wholeSize = size
        self.size = size
        self.file = consume file
    }
}

extension CopyFile {
    /// One change, as a file has it.
    enum Change {
        case subject([UInt8])
        case put(CopiedItem, [(key: [UInt8], value: [UInt8])])
        case remove(CopiedItem)
        case commit(cookie: [UInt8], contact: Int64)
        case contact(Int64)

        func make(_ entries: inout CopiedEntries) {
            switch self {
            case .put(let item, let all): entries.add(item, all)
            case .remove(let item): entries.remove(item)
            case .subject, .commit, .contact: break
            }
        }
    }

    /// Changes that wait for their commit.
    struct Changes {
        fileprivate var block = Block()

        /// Nothing is changed.
        init() {}

        /// Notes what an item has now.
        mutating func put(_ item: CopiedItem, _ entries: [(key: [UInt8], value: [UInt8])]) {
            remove(item)
            if !entries.isEmpty { block.put(item, entries) }
        }

        /// Notes that an item is gone.
        mutating func remove(_ item: CopiedItem) {
            block.begin(.remove)
            item.append(to: &block.bytes)
        }
    }

    /// Bytes that are written together.
    fileprivate struct Block {
        var bytes: [UInt8] = []

        mutating func begin(_ mark: Mark) { bytes.append(mark.rawValue) }

        mutating func number(_ number: UInt64) { bytes.append(word: number) }

        mutating func field(_ field: [UInt8]) {
            number(UInt64(field.count))
            bytes += field
        }

        mutating func put(_ item: CopiedItem, _ entries: [(key: [UInt8], value: [UInt8])]) {
            begin(.put)
            item.append(to: &bytes)
            number(UInt64(entries.count))
            for entry in entries {
                field(entry.key)
                field(entry.value)
            }
        }

        mutating func commit(_ cookie: [UInt8], _ contact: Int64) {
            begin(.commit)
            field(cookie)
            number(UInt64(bitPattern: contact))
        }

        /// The block as a file has it: its size, its digest, and itself.
        mutating func take() -> [UInt8] {
            var whole = Block()
            whole.number(UInt64(bytes.count))
            whole.bytes += SHA256.digest(of: bytes.span).prefix(CopyFile.digestSize)
            whole.bytes += bytes
            bytes = []
            return whole.bytes
        }
    }

    /// Reads a file block by block.
    fileprivate struct BlockFile: ~Copyable {
        private let file: ReadableFile

        init(_ file: consuming ReadableFile) { self.file = file }

        /// Where the first block begins; nil in a file of another kind.
        func start() throws(FileError) -> Int? {
            var head = [UInt8](repeating: 0, count: CopyFile.head.count)
            return try file.read(into: &head, at: 0) == head.count && head == CopyFile.head ? head.count : nil
        }

        /// The next block; nil where there is none that is whole.
        func block(at position: inout Int) throws(FileError) -> [UInt8]? {
            var head = [UInt8](repeating: 0, count: UInt64.wordSize + CopyFile.digestSize)
            guard try file.read(into: &head, at: position) == head.count else { return nil }
            let count = UInt64(word: head.prefix(UInt64.wordSize))
            let start = position + head.count
            guard Int64(clamping: count) <= file.identity.size - Int64(start) else { return nil }
            var block = [UInt8](repeating: 0, count: Int(count))
            guard try file.read(into: &block, at: start) == block.count,
                SHA256.digest(of: block.span).starts(with: head.dropFirst(UInt64.wordSize))
            else { return nil }
            position = start + block.count
            return block
        }
    }

    /// Reads the changes of a block; whatever is no change ends it.
    fileprivate struct BlockReader {
        private let bytes: [UInt8]
        private var position = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { position == bytes.count }

        mutating func next() -> Change? {
            let start = position
            let change = change()
            if change == nil { position = start }
            return change
        }

        private mutating func change() -> Change? {
            guard let mark = take(1)?.first.flatMap(Mark.init) else { return nil }
            switch mark {
            case .subject: return field().map(Change.subject)
            case .remove: return item().map(Change.remove)
            case .commit:
                guard let cookie = field(), let contact = number() else { return nil }
                return .commit(cookie: cookie, contact: Int64(bitPattern: contact))
            case .contact: return number().map { .contact(Int64(bitPattern: $0)) }
            case .put:
                guard let item = item(), let count = number() else { return nil }
                var entries: [(key: [UInt8], value: [UInt8])] = []
                for _ in 0..<count {
                    guard let key = field(), let value = field() else { return nil }
                    entries.append((key, value))
                }
                return .put(item, entries)
            }
        }

        private mutating func item() -> CopiedItem? { take(UInt64(CopiedItem.size)).map { CopiedItem(Array($0)) } }

        private mutating func field() -> [UInt8]? {
            guard let count = number(), let field = take(count) else { return nil }
            return Array(field)
        }

        private mutating func number() -> UInt64? { take(UInt64(UInt64.wordSize)).map { UInt64(word: $0) } }

        private mutating func take(_ count: UInt64) -> ArraySlice<UInt8>? {
            guard count <= UInt64(bytes.count - position) else { return nil }
            let end = position + Int(count)
            defer { position = end }
            return bytes[position..<end]
        }
    }
}
