// Submits again what was put aside, when it was mended, and takes submissions and what was put aside out of the spool.
//
//   step                                    postman/N  postman/N.reason  router/N  a later run
//   1 renamed, router/ and postman/ durable     -             x             x      routes N, removes the reason when it is old
//   2 reason removed                            -             -             x      routes N
//
// Step 1 is one rename from one directory to the other: the file is never in both, where it could be routed by the one name and
// submitted again by the other, and never in neither. The file's lock is held, so that nobody is just putting it aside.
//
// Of what is removed the name goes first that `queue` lists, so that nothing is left which nobody sees: the reason before its file.

package import System

/// What became of something that was put aside.
package enum ResubmissionOutcome: Sendable, Hashable {
    /// It is submitted, under this name in `router`.
    case submitted(MessageName)
    /// Somebody has it locked.
    case busy
    /// There is no such file.
    case gone
    /// A report, which is no submission.
    case isReport
}

extension PostOffice {
    /// Submits a file of `postman` again, durably.
    package func resubmit(_ name: MessageName) throws(FileError) -> ResubmissionOutcome {
        guard !name.isReport else { return .isReport }
        guard name.refused == nil else { return .gone }
        let file: OpenFile
        let identity: FileIdentity
        switch try postman.openLocked(name.description) {
        case .busy: return .busy
        case .gone: return .gone
        case .locked(let opened, let status): (file, identity) = (opened, status)
        }
        // The lock goes with the file.
        return try withExtendedLifetime(file) { () throws(FileError) in
            // It stays the same message, and keeps its name, if that is its own.
            let isFree = try router.status(name.description) == nil
            let submission =
                isFree && name.isMade(for: identity.inode)
                ? name : try Self.newName(inode: identity.inode, freeIn: [router])
            try postman.move(name.description, to: router, as: submission.description)
            try router.sync()
            try postman.sync()
            try postman.unlink(name.reason)
            return .submitted(submission)
        }
    }

    /// Takes a submission out of the spool, durably: nobody routes it.
    package func discard(_ claim: ClaimedSubmission) throws(FileError) {
        try router.unlink(claim)
        try router.sync()
    }

    /// Removes a file of `postman`, durably; false where there is none.
    package func discardAside(_ name: MessageName) throws(FileError) -> Bool {
        guard name.refused == nil, try postman.status(name.description) != nil else { return false }
        try postman.unlink(name.reason)
        try postman.unlink(name.description)
        try postman.sync()
        return true
    }
}
