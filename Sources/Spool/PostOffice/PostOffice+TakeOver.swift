// Moves some recipients of a message into a control file of their own: held ones whose addresses have now been routed, or
// routed ones that are routed anew.
//
// For a message N, recipients of which go to N-hK (K is the offset of the first of them in N's control file):
//
//   step                                    .N-hK.new  queue/N-hK  transport/N-hK  recipients in N   a later run
//   1 control file written, durable           whole        -             -            pending        begins anew
//   2 body linked, queue/ durable             whole        x             -            pending        begins anew
//   3 control file renamed                      -          x             x            pending        marks them
//   4 transport/ durable                        -          x             x            pending        marks them
//   5 recipients marked done, durable           -          x             x            done           nothing
//
// Step 3 decides. The new file says in its `h` line which recipients it has taken over, and its name is found from the
// recipient, so whoever opens N (`markTakenOver`) marks them before it looks for work. An agent may finish N-hK between
// 3 and 5; `remove` and `hold` therefore see to it first that they are marked in N, durably (`settle`), even where somebody else
// has marked them: whoever dies between his marks and his sync leaves marks that a power failure takes back. The body has one link
// in queue/ for each control file, so each can be finished by itself, and the inode number that N is named by cannot be used anew
// before the last is gone.
//
// Where routed recipients are among them step 0 appends a line `g K` to N, durably: for such files alone N-hK is looked for. The
// recipients are locked (`~`) from before step 0 until they are done, so that no agent of ZMailer's begins with them; the tags of
// a process that died are released before `markTakenOver` looks.
//
// ZMailer's scheduler knows a message by the number its name begins with: it takes N-hK up once N is finished.

import Glibc
package import System

extension OpenControlFile {
    /// The channel of recipients whose addresses could not be routed yet.
    package static let holdChannel = "hold"

    /// Gives recipients over to a new control file, durably, and marks them done in this one.
    ///
    /// - Parameters:
    ///   - offsets: where their lines begin; all must be pending, those of other channels than `hold` locked by this process.
    ///   - draft: the new control file; its body offset is this message's.
    /// - Returns: the new message's name.
    /// - Throws: `TakeOverError`; the recipients are then still this message's, or the next `open` finds them taken over.
    package mutating func takeOver(
        recipientsAt offsets: [Int], into draft: ControlFileDraft
    ) throws(TakeOverError) -> MessageName {
        do throws(FileError) {
            // A call before may have failed after its control file was in place: agents may be at work on it.
            try markTakenOver()
        } catch {
            throw .file(error)
        }
        let held = contents.recipients.filter { $0.tag == .pending && $0.address.isChannel(Self.holdChannel) }
        let locked = contents.recipients.filter(\.isLockedHere)
        let wanted = Set(offsets)
        guard let first = wanted.min(), wanted.isSubset(of: (held + locked).map(\.offset)) else { throw .notHeld }
        guard let name = message.takingOver(recipientAt: first) else { throw .nameTooLong }
        let control: ControlFile
        do throws(ControlFileError) {
            control = try draft.file(name: name, origin: ControlOrigin(message: message, offsets: wanted.sorted()))
        } catch {
            throw .content(error)
        }
        do throws(FileError) {
            if !locked.isEmpty { try noteGivenOver(recipientAt: first) }
            try put(control, name: name.description)
            for offset in wanted.sorted() { try mark(.done, recipientAt: offset) }
            try sync()
        } catch {
            throw .file(error)
        }
        return name
    }

    /// Steps 1 to 4.
    private func put(_ control: ControlFile, name: String) throws(FileError) {
        let queue = postOffice.queue
        let transport = postOffice.transport
        let temporary = TemporaryName.control(name)
        let file = try transport.createAnew(temporary)
        try file.write(control.bytes(), at: 0)
        try file.sync()
        guard let body = try queue.status(message.description) else {
            throw FileError(
                operation: "take over", path: queue.path(of: message.description), reason: "the body is missing")
        }
        if try queue.status(name)?.inode != body.inode {
            try queue.link(message.description, to: queue, as: name)
        }
        try queue.sync()
        try transport.rename(temporary, to: name)
        try transport.sync()
    }

    /// Marks recipients done that another control file has taken over already.
    mutating func markTakenOver() throws(FileError) {
        let givenOver = contents.givenOver
        let held = contents.recipients.filter {
            $0.address.isChannel(Self.holdChannel) || givenOver.contains($0.offset)
        }
        // Of those that were taken over together the first may be marked, and another not.
        guard (givenOver.isEmpty ? held : contents.recipients).contains(where: { $0.tag == .pending }) else { return }
        var marked = false
        for recipient in held {
            guard let name = message.takingOver(recipientAt: recipient.offset),
                try postOffice.transport.status(name.description) != nil
            else { continue }
            // The rename that the new file was found by may not have been durable yet.
            if !marked { try postOffice.transport.sync() }
            marked = try markPending(postOffice.takenOver(by: name)) || marked
        }
        if marked { try sync() }
    }

    /// Marks those of the recipients done that are pending; whether there were any.
    private mutating func markPending(_ offsets: [Int]) throws(FileError) -> Bool {
        let pending = Set(contents.recipients.filter { $0.tag == .pending }.map(\.offset))
        let wanted = offsets.filter(pending.contains)
        for offset in wanted { try mark(.done, recipientAt: offset) }
        return !wanted.isEmpty
    }
}

extension ControlRecipient {
    /// Whether this process works on it.
    package var isLockedHere: Bool {
        tag == .locked && process == RecipientColumns.process(RecipientColumns.columns(process: getpid())[...])
    }
}

extension PostOffice {
    /// The recipients that a control file says it has taken over from the message it is named after.
    fileprivate func takenOver(by name: MessageName) throws(FileError) -> [Int] {
        do throws(ControlAccessError) {
            return try controlFile(of: name)?.origin?.offsets ?? []
        } catch {
            switch error {
            case .file(let failure): throw failure
            case .content: throw FileError(operation: "read", path: controlPath(of: name), reason: "\(error)")
            }
        }
    }
}

/// Why recipients could not be taken over.
package enum TakeOverError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The system failed: try again later.
    case file(FileError)
    /// The new control file cannot be written as asked.
    case content(ControlFileError)
    /// Not all of them are pending recipients of channel `hold`, or locked by this process.
    case notHeld
    /// The new name would be longer than names may be.
    case nameTooLong

    /// The reason in one line.
    package var description: String {
        switch self {
        case .file(let error): error.description
        case .content(let error): error.description
        case .notHeld: "only recipients that wait, and that nobody works on, can be taken over"
        case .nameTooLong: "the name of the new control file would be too long"
        }
    }
}
