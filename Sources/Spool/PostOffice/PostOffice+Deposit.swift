// Puts a message that was routed already straight into queue/ and transport/: what direct delivery could not finish.
//
//   step                                     queue/.tmp  queue/N  transport/.N.new  transport/N   a later run
//   1 body written, durable                      x          -            -               -         the tmp file is in nobody's way
//   2 body renamed, queue/ durable               -          x            -               -         lists a body without message
//   3 control file written, durable              -          x            x               -         the same
//   4 who has the message already is left out    -          x            x               -         the same
//   5 control file renamed, transport/ durable   -          x            -               x         delivers
//
// Until step 5 is done the caller has not answered its own caller, who still has the message. Steps 1 to 3 take all the room
// there is to be taken: they come before anything is sent, so that a full disk is found before a store has the message.

package import System

/// A message that is in the spool but for its last steps, which need no more room.
package struct PreparedMessage: Sendable {
    /// The message's name, once it is in place.
    package let name: MessageName
    let file: OpenFile
}

extension PostOffice {
    /// Puts a message in place; it is durable when this returns.
    ///
    /// - Parameters:
    ///   - draft: the control file, whose body offset fits the bytes that `write` writes.
    ///   - write: writes the body's file, piece by piece.
    /// - Returns: the message's name.
    package func deposit(
        _ draft: ControlFileDraft,
        body write: ((_ bytes: [UInt8]) throws(FileError) -> Void) throws(FileError) -> Void
    ) throws(FileError) -> MessageName {
        let prepared = try prepare(draft, body: write)
        try deposit(prepared)
        return prepared.name
    }

    /// Takes steps 1 to 3 with a message; whoever takes them ends with `deposit` or `discard`.
    package func prepare(
        _ draft: ControlFileDraft,
        body write: ((_ bytes: [UInt8]) throws(FileError) -> Void) throws(FileError) -> Void
    ) throws(FileError) -> PreparedMessage {
        let temporary = TemporaryName.unique()
        let file = try queue.create(temporary)
        do throws(FileError) {
            var size = 0
            try write { (bytes) throws(FileError) in
                try file.write(bytes, at: size)
                size += bytes.count
            }
            try file.sync()
            let name = try Self.newName(inode: file.identity().inode, freeIn: [queue, transport])
            try queue.rename(temporary, to: name.description)
            do throws(FileError) {
                try queue.sync()
                return try prepareControlFile(draft, name: name)
            } catch {
                try? queue.unlink(name.description)
                throw error
            }
        } catch {
            try? queue.unlink(temporary)
            throw error
        }
    }

    private func prepareControlFile(_ draft: ControlFileDraft, name: MessageName) throws(FileError) -> PreparedMessage {
        let control = try controlFile(draft, name)
        let temporary = TemporaryName.control(name.description)
        let file = try transport.create(temporary)
        do throws(FileError) {
            try file.write(control.bytes(), at: 0)
            try file.sync()
            // Its name takes room too.
            try transport.sync()
        } catch {
            try? transport.unlink(temporary)
            throw error
        }
        return PreparedMessage(name: name, file: file)
    }

    private func controlFile(_ draft: ControlFileDraft, _ name: MessageName) throws(FileError) -> ControlFile {
        do throws(ControlFileError) {
            return try draft.file(name: name)
        } catch {
            throw FileError(operation: "write", path: controlPath(of: name), reason: "\(error)")
        }
    }

    /// Takes the last steps with a message; it is durable when this returns.
    ///
    /// Where it throws, it can be called again.
    ///
    /// - Parameter draft: the same with fewer recipients, which needs no more room; nil where all are left.
    package func deposit(_ prepared: PreparedMessage, leaving draft: ControlFileDraft? = nil) throws(FileError) {
        if let draft {
            // Nobody sees the file yet: it need not be whole before it has its name.
            let bytes = try controlFile(draft, prepared.name).bytes()
            try prepared.file.write(bytes, at: 0)
            try prepared.file.truncate(to: bytes.count)
            try prepared.file.sync()
        }
        do throws(FileError) {
            try transport.rename(
                TemporaryName.control(prepared.name.description), to: prepared.name.description)
        } catch {
            // Renamed by a call before, which failed after that.
            guard error.isMissing, try transport.status(prepared.name.description) != nil else { throw error }
        }
        try transport.sync()
    }

    /// Takes a message out of the spool again that nobody is to deliver.
    package func discard(_ prepared: PreparedMessage) throws(FileError) {
        try transport.unlink(TemporaryName.control(prepared.name.description))
        try queue.unlink(prepared.name.description)
    }
}
