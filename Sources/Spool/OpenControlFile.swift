// A message being worked on: its control file locked, its tags rewritten in place, its diagnostics appended.
//
// Agents find recipients by byte position, so nothing in the file ever moves. The lock is the kernel's (flock on the
// file) and dies with its holder; the `~` tags with a process number tell ZMailer's agents, which know no other lock.

public import Files
import Glibc

/// A locked control file.
///
/// Changes reach the file at once and are durable after `sync`, so that many tags cost one sync.
public struct OpenControlFile: ~Copyable {
    /// The message.
    public let message: MessageName
    /// The file as it is now.
    public private(set) var contents: ControlFile
    /// The file's status when it was opened, before any change by this process.
    public let identity: FileIdentity
    let postOffice: PostOffice
    let file: OpenFile
    /// False at first too: the process before may have died with changes of its own in memory alone.
    private(set) var isDurable = false
    /// The body's file, once somebody has needed it.
    private(set) var body: OpenFile?

    init(
        message: MessageName, contents: ControlFile, identity: FileIdentity, postOffice: PostOffice, file: OpenFile,
        body: OpenFile?
    ) {
        self.message = message
        self.contents = contents
        self.identity = identity
        self.postOffice = postOffice
        self.file = file
        self.body = body
    }

    /// The message's body, opened once.
    ///
    /// - Throws: `FileError` also where it is missing (ENOENT) or no regular file.
    public mutating func openBody() throws(FileError) -> MessageBody {
        if body == nil { body = try postOffice.queue.open(message.description) }
        guard let file = body else {
            throw FileError(operation: "open", path: postOffice.bodyPath(of: message), code: ENOENT)
        }
        return MessageBody(file: file, identity: try file.identity(), path: postOffice.bodyPath(of: message))
    }

    /// Marks a recipient as worked on by this process; false where it is not pending.
    public mutating func lock(recipientAt offset: Int) throws(FileError) -> Bool {
        guard let tag = try tag(at: offset), tag == RecipientTag.pending.rawValue else { return false }
        try write(.locked, columns: RecipientColumns.columns(process: getpid()), at: offset)
        return true
    }

    /// Sets a recipient's tag and clears the process number: done, failed, or pending again.
    ///
    /// - Throws: `FileError` also where no recipient line begins at the offset.
    public mutating func mark(_ tag: RecipientTag, recipientAt offset: Int) throws(FileError) {
        let blanks = [UInt8](repeating: 0x20, count: ControlRecipient.processColumns)
        try write(tag, columns: blanks, at: offset)
    }

    /// Marks the diagnostic whose line begins at an offset as reported (tag `+`), as ZMailer's scheduler does.
    mutating func markReported(diagnosticAt offset: Int) throws(FileError) {
        guard let index = contents.lineIndex(at: offset), contents.lines[index].kind == .diagnostic else {
            throw noSuchLine(offset)
        }
        isDurable = false
        try file.write([RecipientTag.done.rawValue], at: offset + 1)
        contents.setTag(.done, at: index)
    }

    /// Appends diagnostics at the end of the file, all of them or none.
    public mutating func append(_ diagnostics: [Diagnostic]) throws(FileError) {
        guard !diagnostics.isEmpty else { return }
        var changed = contents
        for diagnostic in diagnostics { changed.append(diagnostic.line) }
        // What is unfinished in the file stands there already and is only ended.
        let added = changed.bytes(fromLine: contents.lines.count).dropFirst(contents.unfinished.count)
        let end = contents.size + contents.unfinished.count
        isDurable = false
        do throws(FileError) {
            try file.write(Array(added), at: end)
        } catch {
            try file.truncate(to: end)
            throw error
        }
        contents = changed
    }

    /// Makes all changes durable; costs nothing where there are none.
    public mutating func sync() throws(FileError) {
        guard !isDurable else { return }
        try file.sync()
        isDurable = true
    }

    /// Releases the tags of processes that are dead, or are this one (which holds the file's lock and so has no work in
    /// progress on it): their recipients are pending again.
    mutating func releaseDeadLocks() throws(FileError) {
        let written = identity.modified
        for recipient in contents.recipients where recipient.tag == .locked {
            if let process = recipient.process, process != getpid(),
                ProcessLife.mayBeAlive(process, written: written)
            {
                continue
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
        isDurable = false
        try file.write([tag.rawValue] + columns, at: offset + 1)
        contents.setTag(tag, columns: columns, at: index)
    }

    private func noSuchLine(_ offset: Int) -> FileError {
        FileError(operation: "mark", path: file.path, reason: "no line of that kind begins at byte \(offset)")
    }
}
