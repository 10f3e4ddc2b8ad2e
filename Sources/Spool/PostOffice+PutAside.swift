// Puts a report that may go to nobody aside for the postmaster: one about a message that was a report itself.

public import Files

extension PostOffice {
    /// Writes `postman/NAME.report`, in the place of an earlier one; durable when this returns.
    ///
    /// - Parameter write: writes the report, piece by piece.
    /// - Returns: its path.
    public func putAside(
        reportOn message: MessageName,
        write: ((_ bytes: [UInt8]) throws(FileError) -> Void) throws(FileError) -> Void
    ) throws(FileError) -> String {
        let name = "\(message).report"
        let temporary = TemporaryName.control(name)
        // A leftover of a dead run: whoever reports on a message holds its lock.
        try postman.unlink(temporary)
        let file = try postman.create(temporary)
        var size = 0
        try write { (bytes) throws(FileError) in
            try file.write(bytes, at: size)
            size += bytes.count
        }
        try file.sync()
        try postman.rename(temporary, to: name)
        try postman.sync()
        return postman.path(of: name)
    }
}
