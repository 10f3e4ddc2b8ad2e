// Puts a message that was routed already straight into queue/ and transport/: what direct delivery could not finish.
//
//   step                                     queue/.tmp  queue/N  transport/.N.new  transport/N   a later run
//   1 body written, durable                      x          -            -               -         the tmp file is in nobody's way
//   2 body renamed, queue/ durable               -          x            -               -         lists a body without message
//   3 control file written, durable              -          x            x               -         the same
//   4 control file renamed, transport/ durable   -          x            -               x         delivers
//
// Until step 4 is done the caller has not answered its own caller, who still has the message.

public import Files

extension PostOffice {
    /// Puts a message in place; it is durable when this returns.
    ///
    /// - Parameters:
    ///   - draft: the control file, whose body offset fits the bytes that `write` writes.
    ///   - write: writes the body's file, piece by piece.
    /// - Returns: the message's name.
    public func deposit(
        _ draft: ControlFileDraft,
        body write: ((_ bytes: [UInt8]) throws(FileError) -> Void) throws(FileError) -> Void
    ) throws(FileError) -> MessageName {
        let temporary = TemporaryName.unique()
        let file = try queue.create(temporary)
        do throws(FileError) {
            var size = 0
            try write { (bytes) throws(FileError) in
                try file.write(bytes, at: size)
                size += bytes.count
            }
            try file.sync()
            let name = try freeName(inode: file.identity().inode)
            try queue.rename(temporary, to: name.description)
            try queue.sync()
            try place(draft, name: name)
            return name
        } catch {
            try? queue.unlink(temporary)
            throw error
        }
    }

    private func place(_ draft: ControlFileDraft, name: MessageName) throws(FileError) {
        let control: ControlFile
        do throws(ControlFileError) {
            control = try draft.file(name: name)
        } catch {
            try queue.unlink(name.description)
            throw FileError(operation: "write", path: controlPath(of: name), reason: "\(error)")
        }
        let temporary = TemporaryName.control(name.description)
        let file = try transport.create(temporary)
        try file.write(control.bytes(), at: 0)
        try file.sync()
        try transport.rename(temporary, to: name.description)
        try transport.sync()
    }

    private func freeName(inode: UInt64) throws(FileError) -> MessageName {
        for attempt in 0..<1000 {
            let name = MessageName(inode: inode, attempt: attempt)
            if try queue.status(name.description) == nil, try transport.status(name.description) == nil { return name }
        }
        throw FileError(operation: "name", path: queue.path(of: "\(inode)"), reason: "a thousand names are taken")
    }
}
