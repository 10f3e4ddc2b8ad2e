// A new submission: a report about failed recipients, a message whose delivery is to be tried later, or one that a program submits.
//
// Written under a temporary name, in router/ or in public/ (MailDrop.swift), made durable, then renamed into place and that made
// durable: router/ never shows half a message.

package import System

/// Writes a submission piece by piece.
package struct SubmissionWriter: ~Copyable {
    private let directory: SpoolDirectory
    private let router: SpoolDirectory
    private let file: OpenFile
    private let temporary: String
    private var size = 0
    private var isKept = false

    private init(_ file: OpenFile, temporary: String, in directory: SpoolDirectory, router: SpoolDirectory) {
        self.file = file
        self.temporary = temporary
        self.directory = directory
        self.router = router
    }

    /// Makes a file to write to.
    ///
    /// - Parameters:
    ///   - temporary: its name while it is written.
    ///   - directory: where that is.
    ///   - reader: who has to be able to read it; nil where its owner alone does, or root.
    static func begin(
        _ temporary: String, in directory: SpoolDirectory, router: SpoolDirectory,
        reader: (user: UInt32, group: UInt32)? = nil
    ) throws(FileError) -> SubmissionWriter {
        let writer = SubmissionWriter(
            try directory.create(temporary), temporary: temporary, in: directory, router: router)
        if let reader { try writer.file.admit(reader) }
        return writer
    }

    deinit {
        // An abandoned file is in nobody's way for long: `recover` removes it, if this did not.
        if !isKept { try? directory.unlink(temporary) }
    }

    /// Writes further bytes: envelope lines, `env-end`, header, blank line, body.
    package mutating func write(_ bytes: [UInt8]) throws(FileError) {
        try file.write(bytes, at: size)
        size += bytes.count
    }

    /// Puts the submission in place; it is durable when this returns.
    ///
    /// - Returns: its name in `router`.
    package consuming func finish() throws(FileError) -> MessageName {
        try file.sync()
        let name = try directory.place(temporary, in: router)
        isKept = true
        do throws(FileError) {
            try router.sync()
        } catch {
            // Whoever is told so submits it again: it must not be there for a second time, if nobody has routed it yet.
            try? router.unlink(name.description)
            throw error
        }
        return name
    }

    /// Leaves the submission staged: durable, and invisible until `publishStaged`.
    consuming func stage() throws(FileError) {
        try file.sync()
        try directory.sync()
        isKept = true
    }
}

extension PostOffice {
    /// Begins a new submission.
    package func newSubmission() throws(FileError) -> SubmissionWriter {
        try SubmissionWriter.begin(TemporaryName.unique(), in: router, router: router)
    }

    /// Begins a submission to be staged for a message; one left staged for it is discarded.
    func newStagedSubmission(for message: MessageName) throws(FileError) -> SubmissionWriter {
        try discardStaged(for: message)
        return try SubmissionWriter.begin(TemporaryName.staged(message), in: router, router: router)
    }

    /// Opens what is staged for a message; nil where nothing is.
    func staged(for message: MessageName) throws(FileError) -> OpenFile? {
        try router.open(TemporaryName.staged(message))
    }

    /// Puts what is staged for a message in place, durably.
    ///
    /// - Returns: its name in `router`.
    func publishStaged(for message: MessageName) throws(FileError) -> MessageName {
        let name = try router.place(TemporaryName.staged(message), in: router)
        try router.sync()
        return name
    }

    /// Discards what is staged for a message, if anything is.
    func discardStaged(for message: MessageName) throws(FileError) {
        try router.unlink(TemporaryName.staged(message))
    }
}

extension SpoolDirectory {
    /// Gives a durable file its final name in `router`, which no message has or had; that is durable after a sync of `router`.
    ///
    /// By a rename, which is one step: with a link and an unlink a dead run could leave both names, and the message
    /// could be routed by one and then submitted again by the other.
    fileprivate func place(_ temporary: String, in router: SpoolDirectory) throws(FileError) -> MessageName {
        guard let inode = try status(temporary)?.inode else {
            throw FileError(operation: "submit", path: path(of: temporary), reason: "it was removed meanwhile")
        }
        let name = try PostOffice.newName(inode: inode, freeIn: [router])
        try move(temporary, to: router, as: name.description)
        return name
    }
}
