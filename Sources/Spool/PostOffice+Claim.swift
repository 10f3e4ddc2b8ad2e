// Claims a submission: lock, name, and completion of what a dead run began.

public import Files

extension PostOffice {
    /// Takes a submission for this run, unless another run has it.
    ///
    /// A submission whose message is in place already (same file in `queue`, and a control file) was left by a run that
    /// died in its last step, or is a second hard link to one message; its name is removed, and nothing is routed twice.
    ///
    /// - Throws: `FileError` where the file cannot be opened or is none: a symbolic link, a fifo, a directory.
    public func claim(_ submission: MessageName) throws(FileError) -> SubmissionClaim {
        let file: OpenFile
        let identity: FileIdentity
        switch try router.openLocked(submission.description) {
        case .busy: return .busy
        case .gone: return .gone
        case .locked(let opened, let status): (file, identity) = (opened, status)
        }
        let (message, isCommitted) = try messageName(inode: identity.inode)
        guard isCommitted else {
            return .claimed(
                ClaimedSubmission(submission: submission, message: message, identity: identity, file: file))
        }
        // The names in place may not have been durable yet when the run died.
        try queue.sync()
        try transport.sync()
        try router.unlink(submission.description)
        try router.sync()
        return .finished(message)
    }

    /// The name for the message of a file, and whether it is in place under that name already.
    ///
    /// The inode number, unless that name belongs to another file: then the first free one of `INODE.1`, `INODE.2`.
    private func messageName(inode: UInt64) throws(FileError) -> (name: MessageName, isCommitted: Bool) {
        for attempt in 0..<1000 {
            let name = MessageName(inode: inode, attempt: attempt)
            let body = try queue.status(name.description)
            let control = try transport.status(name.description)
            if let body {
                if body.inode == inode { return (name, control != nil) }
            } else if control == nil {
                return (name, false)
            }
        }
        throw FileError(operation: "name", path: queue.path(of: "\(inode)"), reason: "a thousand names are taken")
    }
}
