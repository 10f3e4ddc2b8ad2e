// Names for messages: made once, and found again by whoever goes on with what a run that died had begun.
//
// The name of a submission that was named here is its message's name too. Other programs name what they submit by the
// inode number alone, which comes back: their messages get a name of ours when they are claimed. It is written down nowhere
// but where the body is linked: a run that died before that had done nothing that another one would have to know, and after
// it the body is found, as a further link to the submitted file.

import System

extension PostOffice {
    /// A name that no message has or had, for a file with this inode number.
    ///
    /// - Parameter directories: where the file is to be put by this name; what is there is never replaced.
    static func newName(inode: UInt64, freeIn directories: [SpoolDirectory]) throws(FileError) -> MessageName {
        var name = MessageName(newFor: inode)
        for _ in 0..<10 {
            var isFree = true
            for directory in directories where try directory.status(name.description) != nil { isFree = false }
            if isFree { return name }
            name = MessageName(newFor: inode)
        }
        throw FileError(
            operation: "name", path: directories.first?.path(of: name.description) ?? name.description,
            reason: "ten new names in a row are taken; is the clock of this host standing still?")
    }

    /// The name for the message of a submitted file, and whether it is in place under that name already.
    func messageName(
        of submission: MessageName, _ file: FileIdentity
    ) throws(FileError) -> (name: MessageName, isCommitted: Bool) {
        if file.links > 1 {
            var bodies: [MessageName] = []
            for name in try names(of: file, in: queue) {
                if try isRouted(name) { return (name, true) }
                // A body of recipients that were to be taken over is no message's beginning.
                if name.origin == nil { bodies.append(name) }
            }
            if let name = bodies.first { return (name, false) }
        }
        if submission.isMade(for: file.inode), try queue.status(submission.description) == nil,
            try !isRouted(submission)
        {
            return (submission, false)
        }
        return (try Self.newName(inode: file.inode, freeIn: [queue, transport]), false)
    }

    /// The names of messages that a file has in a directory, in alphabetical order.
    func names(of file: FileIdentity, in directory: SpoolDirectory) throws(FileError) -> [MessageName] {
        var names: [MessageName] = []
        for entry in try directory.list() where entry.inode == file.inode {
            guard let name = MessageName(bytes: entry.name),
                let status = try directory.status(name.description), status.isSameFile(as: file)
            else { continue }
            names.append(name)
        }
        return names.sorted()
    }

    /// Whether a message has a control file, on hold or not.
    func isRouted(_ message: MessageName) throws(FileError) -> Bool {
        if try transport.status(message.description) != nil { return true }
        return try isOnHold(message)
    }
}
