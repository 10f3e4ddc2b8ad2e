// A message being worked on: its control file locked, its tags rewritten in place, its diagnostics appended.
//
// Agents find recipients by byte position, so nothing in the file ever moves. The lock is the kernel's (flock on the
// file) and dies with its holder; the `~` tags with a process number tell ZMailer's agents, which know no other lock.
// Beside the content each holder notes its number (an extended attribute): whoever has the lock after it knows by that
// that tags with this number are no living process's, whatever process has the number now or in another namespace.
//
// What servers answered must not be forgotten because the disk fails for a while: `record` keeps it in `contents` and in a
// list of changes that the file has not taken yet, which every later change writes first.

import Glibc
package import System

/// A locked control file.
///
/// Changes reach the file at once and are durable after `sync`, so that many tags cost one sync. A change that throws is
/// not made; only what `record` was told stands whatever happens.
package struct OpenControlFile: ~Copyable {
    /// The message.
    package let message: MessageName
    /// The file as it is now.
    package private(set) var contents: ControlFile
    /// The file's status when it was opened, before any change by this process.
    package let identity: FileIdentity
    /// Whether the message is on hold.
    package let isOnHold: Bool
    /// The spool that it is in.
    package let postOffice: PostOffice
    let file: OpenFile
    /// False at first too: the process before may have died with changes of its own in memory alone.
    private var isDurable = false
    private var changes = UnsyncedChanges()
    private var isNoted = false
    /// The body's file, once somebody has needed it.
    private(set) var body: OpenFile?

    init(
        message: MessageName, contents: ControlFile, identity: FileIdentity, postOffice: PostOffice, file: OpenFile,
        body: OpenFile?, isOnHold: Bool = false
    ) {
        self.message = message
        self.isOnHold = isOnHold
        self.contents = contents
        self.identity = identity
        self.postOffice = postOffice
        self.file = file
        self.body = body
    }

    /// The message's body, opened once.
    ///
    /// - Throws: `FileError` also where it is missing (ENOENT) or no regular file.
    package mutating func openBody() throws(FileError) -> MessageBody {
        if body == nil { body = try postOffice.queue.open(message.description) }
        guard let file = body else {
            throw FileError(operation: "open", path: postOffice.bodyPath(of: message), code: ENOENT)
        }
        return MessageBody(file: file, identity: try file.identity(), path: postOffice.bodyPath(of: message))
    }

    /// Marks a recipient as worked on by this process; false where it is not pending.
    package mutating func lock(recipientAt offset: Int) throws(FileError) -> Bool {
        guard let tag = try tag(at: offset), tag == RecipientTag.pending.rawValue else { return false }
        let columns = RecipientColumns.columns(process: getpid())
        if !isNoted {
            file.noteHolder(columns)
            isNoted = true
        }
        try write(.locked, columns: columns, at: offset)
        return true
    }

    /// Sets a recipient's tag and clears the process number: done, failed, or pending again.
    ///
    /// - Throws: `FileError` also where no recipient line begins at the offset.
    package mutating func mark(_ tag: RecipientTag, recipientAt offset: Int) throws(FileError) {
        let blanks = [UInt8](repeating: 0x20, count: ControlRecipient.processColumns)
        try write(tag, columns: blanks, at: offset)
    }

    /// Marks the diagnostic whose line begins at an offset as reported (tag `+`), as ZMailer's scheduler does.
    mutating func markReported(diagnosticAt offset: Int) throws(FileError) {
        guard let index = contents.lineIndex(at: offset), contents.lines[index].kind == .diagnostic else {
            throw noSuchLine(offset)
        }
        try make(.init(offset: offset + 1, bytes: [RecipientTag.done.rawValue]))
        contents.setTag(.done, at: index)
    }

    /// Appends diagnostics at the end of the file, all of them or none.
    package mutating func append(_ diagnostics: [Diagnostic]) throws(FileError) {
        guard !diagnostics.isEmpty else { return }
        let lines = diagnostics.map(\.line)
        try make(appending(lines))
        for line in lines { contents.append(line) }
    }

    /// Notes durably that a recipient may be taken over although it was routed, so that whoever opens the file looks for that.
    mutating func noteGivenOver(recipientAt offset: Int) throws(FileError) {
        guard !contents.givenOver.contains(offset) else { return try sync() }
        let line = ControlLine(.givenOver, text: Array("\(offset)".utf8))
        try make(appending([line]))
        contents.append(line)
        try sync()
    }

    /// Notes what became of recipients: from here on `contents` says so, whether the file takes it or not.
    ///
    /// - Throws: `FileError` where the file has not taken all of it; `flush` and `sync` try again, as does every other change.
    package mutating func record(_ outcomes: [RecordedOutcome]) throws(FileError) {
        isDurable = false
        // Should the process die in the midst of it, it is what was delivered that must not be sent again.
        for outcome in outcomes where outcome.tag == .done { note(outcome) }
        // A failed tag without its diagnostic would never be reported.
        let lines = outcomes.compactMap(\.diagnostic?.line)
        if !lines.isEmpty {
            changes.append(appending(lines))
            for line in lines { contents.append(line) }
        }
        for outcome in outcomes where outcome.tag != .done { note(outcome) }
        try flush()
    }

    /// Whether the file has all that was recorded.
    package var isWritten: Bool { changes.areWritten }

    /// Writes what was recorded and the file has not taken yet.
    package mutating func flush() throws(FileError) { try changes.write(to: file) }

    /// Makes all changes durable; costs nothing where there are none.
    package mutating func sync() throws(FileError) {
        guard !isDurable else { return }
        try flush()
        do throws(FileError) {
            try file.sync()
        } catch {
            // The kernel may have dropped what it could not write: all of it is written anew before the next sync.
            changes.writeAllAgain()
            throw error
        }
        changes = UnsyncedChanges()
        isDurable = true
    }

    /// Releases the tags of processes that cannot be at work on the file: their recipients are pending again.
    ///
    /// This process holds the file's lock, so none of ours is, neither itself nor one that noted its number. What has
    /// another number is an agent's of ZMailer, which knows no lock, and may be alive.
    mutating func releaseDeadLocks() throws(FileError) {
        let locked = contents.recipients.filter { $0.tag == .locked }
        guard !locked.isEmpty else { return }
        let noted = file.notedHolder().flatMap { RecipientColumns.process($0[...]) }
        for recipient in locked {
            if let process = recipient.process, process != getpid() {
                let isWorking =
                    process == noted
                    ? ProcessLife.hasOpen(process, identity) == true : ProcessLife.mayBeWorking(process, on: identity)
                if isWorking { continue }
            }
            try mark(.pending, recipientAt: recipient.offset)
        }
    }

    /// The tag in the file, which another agent may have changed since it was read; nil where no recipient line begins.
    private func tag(at offset: Int) throws(FileError) -> UInt8? {
        guard recipientLine(at: offset) != nil else { return nil }
        return try file.read(at: offset + 1, count: 1).first
    }

    private func recipientLine(at offset: Int) -> Int? {
        contents.lineIndex(at: offset).flatMap { index in
            [.recipient, .alternative].contains(contents.lines[index].kind) ? index : nil
        }
    }

    private mutating func write(_ tag: RecipientTag, columns: [UInt8], at offset: Int) throws(FileError) {
        guard let index = recipientLine(at: offset) else { throw noSuchLine(offset) }
        try make(.init(offset: offset + 1, bytes: [tag.rawValue] + columns))
        contents.setTag(tag, columns: columns, at: index)
    }

    /// Makes a change after all that the file has not taken yet; none where that or the change itself fails.
    private mutating func make(_ change: UnsyncedChanges.Change) throws(FileError) {
        isDurable = false
        try changes.make(change, to: file)
    }

    private mutating func note(_ outcome: RecordedOutcome) {
        // Where no recipient begins there is nothing to note: the offset is of this file's recipients.
        guard let index = recipientLine(at: outcome.recipientOffset) else { return }
        let columns = [UInt8](repeating: 0x20, count: ControlRecipient.processColumns)
        changes.append(.init(offset: outcome.recipientOffset + 1, bytes: [outcome.tag.rawValue] + columns))
        contents.setTag(outcome.tag, columns: columns, at: index)
    }

    /// The change that appends lines; what is unfinished in the file stands there already and is only ended.
    private func appending(_ lines: [ControlLine]) -> UnsyncedChanges.Change {
        var bytes: [UInt8] = contents.unfinished.isEmpty ? [] : [0x0A]
        for line in lines { line.write(to: &bytes) }
        return .init(offset: contents.size + contents.unfinished.count, bytes: bytes, isAtEnd: true)
    }

    private func noSuchLine(_ offset: Int) -> FileError {
        FileError(operation: "mark", path: file.path, reason: "no line of that kind begins at byte \(offset)")
    }
}

// What comes of opening a control file.

/// A control file that could not be opened or read.
package enum ControlAccessError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The system failed: try again later.
    case file(FileError)
    /// The file is damaged; nothing in it is touched until a person has looked at it.
    case content(path: String, ControlFileError)

    /// The reason in one line.
    package var description: String {
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
package enum ControlAccess: ~Copyable {
    /// It is ours.
    case opened(OpenControlFile)
    /// Another run works on it.
    case busy
    /// There is no such message any more.
    case gone
}
