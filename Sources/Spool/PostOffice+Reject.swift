// Puts files aside that are no messages, with the reason, for the postmaster to look at (ZMailer: POSTOFFICE/postman).
//
//   step                          router/S  postman/N.reason  postman/N   a later run
//   1 reason in place, durable       x             x              -       rejects S anew, replaces the reason
//   2 file linked, durable           x             x              x       finds the link, removes router/S
//   3 submission removed             -             x              x       nothing

public import Files

extension PostOffice {
    /// Moves a submission to `postman`, under its message's name, with a file `NAME.reason` beside it.
    ///
    /// - Parameter reason: why, for a person; a line end is added.
    /// - Returns: the name in `postman`.
    /// - Throws: `FileError`; the submission is then still in `router`.
    public func reject(_ claim: ClaimedSubmission, reason: String) throws(FileError) -> MessageName {
        let name = try postmanName(claim)
        let reasonName = "\(name).reason"
        let temporary = TemporaryName.control(reasonName)
        let file = try postman.createAnew(temporary)
        try file.write(Array("\(reason)\n".utf8), at: 0)
        try file.sync()
        try postman.rename(temporary, to: reasonName)
        if try postman.status(name.description) == nil {
            try router.link(claim.submission.description, to: postman, as: name.description)
            guard try postman.status(name.description)?.inode == claim.identity.inode else {
                try postman.unlink(name.description)
                throw FileError(operation: "link", path: claim.file.path, reason: "another file took its name")
            }
        }
        try postman.sync()
        try router.unlink(claim)
        try router.sync()
        return name
    }

    /// The first name for the file's inode number that is free in `postman` or the file's own already.
    private func postmanName(_ claim: ClaimedSubmission) throws(FileError) -> MessageName {
        for attempt in 0..<1000 {
            let name = MessageName(inode: claim.identity.inode, attempt: attempt)
            let status = try postman.status(name.description)
            if status == nil || status?.inode == claim.identity.inode { return name }
        }
        throw FileError(
            operation: "name", path: postman.path, reason: "a thousand names are taken; clear the directory")
    }
}
