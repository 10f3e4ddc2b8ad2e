// The one rule by which files that are saved in place are read whole: a file is believed only when it has kept still.
// Whoever reads it in the moment between its truncation and the last write would take half of it for all.

import Glibc

/// A file that is looked at again and again, and read when it has changed and kept still since.
///
/// By its own date, or for as long as it was looked at, whichever is longer: the clocks of file servers differ. The very
/// file is kept open between looks, so that a file which is replaced by rename all the time is believed too.
public struct SettlingFile: ~Copyable, Sendable {
    /// What one look came to.
    public enum Look: Sendable {
        /// It is the file whose content was given last.
        case unchanged
        /// It is another, or was changed, and has not kept still for long enough.
        case unsettled(UnsettledFile)
        /// Its new content.
        case settled(bytes: [UInt8], state: FileState)
    }

    /// The path.
    public let path: String
    private let limit: Int
    private let clock: FileClock
    private var believed: FileState?
    /// The size of the content that was given last.
    private var size: Int64 = 0
    private var candidate: Candidate?
    private var unsettledSince: MonotonicTime?
    private var remaining: UInt64 = 0

    /// Names a file; nothing is read yet.
    ///
    /// - Parameter limit: the largest number of bytes accepted.
    public init(_ path: String, limit: Int, clock: FileClock = .system) {
        self.path = path
        self.limit = limit
        self.clock = clock
    }

    /// Lets the content that was given last be given once more.
    public mutating func forget() { believed = nil }

    /// Looks at the file, without waiting.
    ///
    /// - Throws: `FileError` when it does not exist, cannot be read, is no regular file, or is larger than the limit.
    public mutating func look() throws(FileError) -> Look { try look(by: .later) }

    /// Reads the file, and waits for a moment where it does not keep still.
    ///
    /// - Throws: `FileError` as `look` does; also when it did not keep still (`isUnsettled`).
    public mutating func read() throws(FileError) -> (bytes: [UInt8], state: FileState) {
        forget()
        let end = clock.now().advanced(by: SettlingRule.wait)
        while true {
            switch try look(by: .first) {
            case .settled(let bytes, let state): return (bytes, state)
            case .unchanged: forget()
            case .unsettled(let file):
                let now = clock.now()
                guard now < end else { throw FileError(file) }
                clock.wait(min(max(remaining, 1_000_000), 50_000_000, end.nanoseconds - now.nanoseconds))
            }
        }
    }

    private mutating func look(by rule: SettlingRule) throws(FileError) -> Look {
        let present = try FileState(path: path)
        if present == believed {
            candidate = nil
            unsettledSince = nil
            return .unchanged
        }
        if let unsettled = try examine(present.identity, rule) { return .unsettled(unsettled) }
        guard let candidate = candidate.take() else { return .unchanged }
        let before = try candidate.file.currentState()
        let bytes = try candidate.file.readWhole(limit: limit)
        let after = try candidate.file.currentState()
        guard Stamp(after) == candidate.stamp, !after.isWritten(since: before),
            Int64(bytes.count) == after.identity.size
        else {
            // It is opened anew at the next look.
            return .unsettled(unsettled(.beingWritten))
        }
        believed = after
        size = after.identity.size
        unsettledSince = nil
        return .settled(bytes: bytes, state: after)
    }

    /// Brings what is known of the candidate up to date.
    ///
    /// - Returns: why it is not believed yet; nil where it is.
    private mutating func examine(_ present: FileIdentity, _ rule: SettlingRule) throws(FileError) -> UnsettledFile? {
        let now = clock.now()
        var known = candidate.take()
        if var candidate = known.take() {
            let isSuperseded = !candidate.file.identity.isSameFile(as: present)
            let isStill = try candidate.isUnchanged(at: now)
            // What was replaced is good if it was complete; otherwise the new one is to be looked at.
            if !isSuperseded || (isStill && candidate.endsInNewline) { known = consume candidate }
        }
        if known == nil { known = try Candidate.open(path, at: now) }
        guard let candidate = known.take() else { return unsettled(.beingWritten) }
        guard candidate.stamp.size <= Int64(limit) else {
            throw FileError(operation: "read", path: path, reason: "larger than \(limit) bytes")
        }
        let (reason, needed) = need(candidate, rule)
        let age = candidate.age(at: now, date: clock.date())
        self.candidate = consume candidate
        guard age < needed else { return nil }
        remaining = needed - age
        return unsettled(reason)
    }

    private func need(_ candidate: borrowing Candidate, _ rule: SettlingRule) -> (UnsettledFile.Reason, UInt64) {
        let now = candidate.stamp.size
        if now == 0 { return size > 0 ? (.emptied, rule.cutShort) : (.beingWritten, rule.empty) }
        if !candidate.endsInNewline { return (.cutShort, rule.cutShort) }
        if now < size, let believed, candidate.file.identity.isSameFile(as: believed.identity) {
            return (.shrunk, rule.shrunk)
        }
        return (.beingWritten, candidate.isInWork ? rule.inWork : rule.whole)
    }

    private mutating func unsettled(_ reason: UnsettledFile.Reason) -> UnsettledFile {
        let now = clock.now()
        let since = unsettledSince ?? now
        unsettledSince = since
        return UnsettledFile(
            path: path, reason: reason, isEndless: since.advanced(by: SettlingRule.patience) < now)
    }
}

/// What changes when a file is written to.
private struct Stamp: Sendable, Hashable {
    let size: Int64, modified: Int64

    init(_ state: FileState) {
        size = state.identity.size
        modified = state.identity.modified
    }
}

/// An open file that may be believed soon.
private struct Candidate: ~Copyable, Sendable {
    let file: ReadableFile
    private(set) var stamp: Stamp
    private(set) var endsInNewline: Bool
    /// Since when it was seen unchanged.
    private var since: MonotonicTime
    private var wasSeenChanging = false

    /// Whether more of it may be on the way.
    var isInWork: Bool { file.isOpenForWriting() ?? wasSeenChanging }

    private init(_ file: consuming ReadableFile, _ stamp: Stamp, endsInNewline: Bool, at now: MonotonicTime) {
        self.file = file
        self.stamp = stamp
        self.endsInNewline = endsInNewline
        since = now
    }

    /// Opens the file of a path.
    static func open(_ path: String, at now: MonotonicTime) throws(FileError) -> Candidate {
        let file = try ReadableFile(path)
        let stamp = Stamp(file.state)
        let endsInNewline = try endsInNewline(file, stamp)
        return Candidate(file, stamp, endsInNewline: endsInNewline, at: now)
    }

    /// Whether it is as it was at the last look; notes how it is now.
    mutating func isUnchanged(at now: MonotonicTime) throws(FileError) -> Bool {
        let present = Stamp(try file.currentState())
        guard present != stamp else { return true }
        stamp = present
        endsInNewline = try Self.endsInNewline(file, present)
        since = now
        wasSeenChanging = true
        return false
    }

    /// For how many nanoseconds it has not been written to.
    func age(at now: MonotonicTime, date: Int64) -> UInt64 {
        let watched = now.nanoseconds &- since.nanoseconds
        let (dated, isOverflow) = date.subtractingReportingOverflow(stamp.modified)
        return max(watched, isOverflow ? 0 : UInt64(clamping: dated))
    }

    private static func endsInNewline(_ file: borrowing ReadableFile, _ stamp: Stamp) throws(FileError) -> Bool {
        guard stamp.size > 0 else { return false }
        var last: [UInt8] = [0]
        return try file.read(into: &last, at: Int(stamp.size) - 1) == 1 && last[0] == UInt8(ascii: "\n")
    }
}

/// Reads a file that a program reads once, and waits for a moment where it is being written.
///
/// - Throws: `FileError` as `readFile` does; also when it did not keep still (`isUnsettled`).
public func readSettledFile(
    _ path: String, limit: Int, clock: FileClock = .system
) throws(FileError) -> (bytes: [UInt8], state: FileState) {
    var file = SettlingFile(path, limit: limit, clock: clock)
    return try file.read()
}

/// Reads a file of settings that a program reads once, as `readSettledFile` does.
///
/// - Throws: `FileError` as that; also where an editor saved it with a byte order mark or as UTF-16: its first line, or every
///   one, would mean nothing.
public func readTextFile(
    _ path: String, limit: Int, clock: FileClock = .system
) throws(FileError) -> (bytes: [UInt8], state: FileState) {
    let read = try readSettledFile(path, limit: limit, clock: clock)
    if read.bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
        throw FileError(
            operation: "read", path: path,
            reason:
                "line 1 begins with a byte order mark, which would become part of it; save the file as UTF-8 without it"
        )
    }
    if read.bytes.starts(with: [0xFF, 0xFE]) || read.bytes.starts(with: [0xFE, 0xFF]) {
        throw FileError(operation: "read", path: path, reason: "it is UTF-16; save it as UTF-8 without byte order mark")
    }
    return read
}

// How long a file must have kept still before its content is believed.

/// For how long a file must not have been written to; all times in nanoseconds.
struct SettlingRule: Sendable {
    /// A file that ends with a newline.
    let whole: UInt64
    /// Such a file that somebody has open for writing, or that was seen growing where that cannot be known.
    let inWork: UInt64
    /// An empty one that was empty before, or that nobody knows: most writers empty a file first.
    let empty: UInt64
    /// One that is smaller than the content believed before, written into the same file.
    let shrunk: UInt64
    /// One without a newline at its end, or empty where it had content: probably cut short.
    let cutShort: UInt64

    /// For the first look: there is no content from before, and a person or a script waits.
    ///
    /// A whole file is believed two ticks of the slowest kernel's clock after it was written: what is written later has
    /// another date, and is noticed. So a map can be written and compiled in one breath.
    static let first = SettlingRule(
        whole: 20_000_000, inWork: 1_000_000_000, empty: 1_000_000_000, shrunk: 1_000_000_000, cutShort: 2_000_000_000)

    /// For a file that changed: the content from before is good until then.
    static let later = SettlingRule(
        whole: 1_000_000_000, inWork: 1_000_000_000, empty: 1_000_000_000, shrunk: 5_000_000_000,
        cutShort: 60_000_000_000)

    /// So long the content believed before is good while the file does not keep still.
    static let patience: UInt64 = 90_000_000_000
    /// So long a reader waits that has no content from before.
    static let wait: UInt64 = 3_000_000_000
}

// Why a file is not believed yet, for messages.

/// A file that is being written, or looks as if it were.
public struct UnsettledFile: Error, Sendable, Hashable, CustomStringConvertible {
    /// The ways in which a file is not settled.
    public enum Reason: Sendable, Hashable {
        /// It was written to a moment ago.
        case beingWritten
        /// It became smaller.
        case shrunk
        /// It does not end with a newline.
        case cutShort
        /// It is empty, and was not.
        case emptied
    }

    /// The file.
    public let path: String
    /// In which way.
    public let reason: Reason
    /// Whether it has not kept still for so long that what was believed before is no longer good.
    public let isEndless: Bool

    /// What is wrong, and what to do.
    public var text: String {
        let what =
            switch reason {
            case .beingWritten: "is being written"
            case .shrunk: "became smaller a moment ago"
            case .cutShort: "does not end with a newline and was written a moment ago; it may be cut short"
            case .emptied: "is empty and was not; it may be cut short"
            }
        return what + ": not believed before it has kept still;"
            + " finish it (with a newline at the end), or replace it by rename"
    }

    /// The form of messages: the path, then the text.
    public var description: String { "\(path): \(text)" }
}

extension FileError {
    /// Records that a file is not believed yet.
    public init(_ file: UnsettledFile) {
        self.init(operation: "read", path: file.path, reason: file.text, isUnsettled: true)
    }
}
