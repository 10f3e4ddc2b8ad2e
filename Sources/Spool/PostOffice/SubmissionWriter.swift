// A new submission of our own: a report about failed recipients, or a message whose delivery is to be tried later.
//
// Written under a temporary name, made durable, then renamed into place and that made durable: router/ never shows half
// a message.

package import System

/// Writes a submission piece by piece.
package struct SubmissionWriter: ~Copyable {
    private let postOffice: PostOffice
    private let file: OpenFile
    private let temporary: String
    private var size = 0
    private var isStaged = false

    init(postOffice: PostOffice, temporary: String) throws(FileError) {
        self.postOffice = postOffice
        self.temporary = temporary
        file = try postOffice.router.create(temporary)
    }

    deinit {
        // An abandoned file is in nobody's way for long: `recover` removes it, if this did not.
        if !isStaged { try? postOffice.router.unlink(temporary) }
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
        return try postOffice.place(temporary)
    }

    /// Leaves the submission staged: durable, and invisible until `publishStaged`.
    consuming func stage() throws(FileError) {
        try file.sync()
        try postOffice.router.sync()
        isStaged = true
    }
}

extension PostOffice {
    /// Begins a new submission.
    package func newSubmission() throws(FileError) -> SubmissionWriter {
        try SubmissionWriter(postOffice: self, temporary: TemporaryName.unique())
    }

    /// Begins a submission to be staged for a message; one left staged for it is discarded.
    func newStagedSubmission(for message: MessageName) throws(FileError) -> SubmissionWriter {
        try discardStaged(for: message)
        return try SubmissionWriter(postOffice: self, temporary: TemporaryName.staged(message))
    }

    /// Opens what is staged for a message; nil where nothing is.
    func staged(for message: MessageName) throws(FileError) -> OpenFile? {
        try router.open(TemporaryName.staged(message))
    }

    /// Puts what is staged for a message in place, durably.
    ///
    /// - Returns: its name in `router`.
    func publishStaged(for message: MessageName) throws(FileError) -> MessageName {
        try place(TemporaryName.staged(message))
    }

    /// Discards what is staged for a message, if anything is.
    func discardStaged(for message: MessageName) throws(FileError) {
        try router.unlink(TemporaryName.staged(message))
    }

    /// Gives a durable file in `router` its final name, the inode number.
    ///
    /// By a rename, which is one step: with a link and an unlink a dead run could leave both names, and the message
    /// could be routed by one and then submitted again by the other. Nobody else makes files named by our inode.
    fileprivate func place(_ temporary: String) throws(FileError) -> MessageName {
        guard let inode = try router.status(temporary)?.inode else {
            throw FileError(operation: "submit", path: router.path(of: temporary), reason: "it was removed meanwhile")
        }
        for attempt in 0..<1000 {
            let name = MessageName(inode: inode, attempt: attempt)
            guard try router.status(name.description) == nil else { continue }
            try router.rename(temporary, to: name.description)
            try router.sync()
            return name
        }
        throw FileError(operation: "name", path: router.path(of: "\(inode)"), reason: "a thousand names are taken")
    }
}
