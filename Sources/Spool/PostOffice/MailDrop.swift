// Where programs come to a spool that may submit mail and do nothing else there: `public`, where a message is written, and
// `router`, into which it is renamed. What they write is theirs: the owner of the file says who submitted it.
//
//   step                                     public/.N.new  router/N   a later run
//   1 file written, durable                        x            -      removes it when it is old
//   2 renamed, router/ durable                     -            x      routes it
//
// Step 2 decides, and whoever submits is answered after it. Nothing else of the spool is opened: to list a queue, or to read
// what others sent, nobody has to be able who may send.

import Glibc
package import System

/// The part of a spool that submitting needs.
package struct MailDrop: Sendable {
    /// The spool's path.
    package let path: String

    private let writing: SpoolDirectory
    private let router: SpoolDirectory
    /// Who reads what is submitted; nil where everything is read, as by root.
    private let reader: (user: UInt32, group: UInt32)?

    /// Opens the directories of a spool that exists.
    ///
    /// - Throws: `FileError` where one of them is missing or may not be opened, or they are not on one file system.
    package init(path: String, operations: FileOperations = FileOperations()) throws(FileError) {
        self.path = path
        router = try SpoolDirectory(path: "\(path)/router", operations: operations)
        writing = try SpoolDirectory(path: "\(path)/public", operations: operations)
        guard try router.identity().device == writing.identity().device else {
            throw FileError(
                operation: "open", path: writing.path,
                reason: "on another file system than \(router.path); a message is renamed from one to the other")
        }
        let owner = try FileIdentity(path: "\(path)/transport")
        reader = owner.owner == 0 ? nil : (owner.owner, owner.group)
    }

    /// Begins a new submission, which is the caller's.
    package func newSubmission() throws(FileError) -> SubmissionWriter {
        try SubmissionWriter.begin(TemporaryName.unique(), in: writing, router: router, reader: reader)
    }
}

extension OpenFile {
    /// Lets somebody read and link the file whose owner is another: by his group, which the owner has to be in, or the
    /// directory to hand on.
    func admit(_ reader: (user: UInt32, group: UInt32)) throws(FileError) {
        let identity = try identity()
        guard identity.owner != reader.user else { return }
        if identity.group != reader.group {
            try changeGroup(
                to: reader.group,
                remedy:
                    "the spool's owner could not read it; as root: chgrp \(reader.group) and chmod g+s the directory")
        }
        // The kernel links a file of another user only where it may be written to (fs.protected_hardlinks).
        try changeMode(to: 0o660)
    }
}
