// Opens a message's control file, to look at it or to work on it.

import Files

extension PostOffice {
    /// The largest control file read, in bytes: several times what a header of 16 MiB and 10,000 recipients take.
    private static let controlFileLimit = 256 << 20

    /// Reads a message's control file without locking it; nil where there is no such message.
    public func controlFile(of message: MessageName) throws(ControlAccessError) -> ControlFile? {
        let file = try ControlAccessError.about { () throws(FileError) in
            try transport.open(message.description)
        }
        guard let file else { return nil }
        let size = try ControlAccessError.about { () throws(FileError) in try file.identity().size }
        return try parse(file, size: Int(clamping: size))
    }

    /// Opens a message to work on it, unless another run does.
    ///
    /// What runs that died had begun is completed first: recipients they had locked are pending again, recipients that
    /// another control file has taken over are marked done, and a report they had decided on is submitted. What is
    /// pending then is what there is to do.
    public func open(_ message: MessageName) throws(ControlAccessError) -> ControlAccess {
        let locked = try ControlAccessError.about { () throws(FileError) in try lock(message) }
        switch locked {
        case .busy: return .busy
        case .gone: return .gone
        case .locked(let file, let identity):
            var opened = OpenControlFile(
                message: message, contents: try parse(file, size: Int(clamping: identity.size)), identity: identity,
                postOffice: self, file: file)
            do throws(FileError) {
                try opened.releaseDeadLocks()
                try opened.markTakenOver()
                try opened.completeReport()
            } catch {
                throw .file(error)
            }
            return .opened(opened)
        }
    }

    private enum LockedFile {
        case locked(OpenFile, FileIdentity)
        case busy, gone
    }

    private func lock(_ message: MessageName) throws(FileError) -> LockedFile {
        guard let file = try transport.open(message.description, forWriting: true) else { return .gone }
        guard try file.tryLock() else { return .busy }
        // Between opening and locking another run may have finished and removed the message.
        let identity = try file.identity()
        let isInPlace = try transport.status(message.description)?.inode == identity.inode
        return isInPlace ? .locked(file, identity) : .gone
    }

    private func parse(_ file: OpenFile, size: Int) throws(ControlAccessError) -> ControlFile {
        let bytes = try ControlAccessError.about { () throws(FileError) in
            try file.readAll(size: size, limit: Self.controlFileLimit)
        }
        do throws(ControlFileError) {
            return try ControlFile(parsing: bytes)
        } catch {
            throw .content(path: file.path, error)
        }
    }
}
