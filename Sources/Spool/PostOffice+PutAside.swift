// Puts a report that may go to nobody aside for the postmaster: one about a message that was a report itself.
//
//   step                          postman/.NAME.report.new  postman/NAME.report  a later run
//   1 report written, durable                 x                     -            writes it anew
//   2 renamed into place, durable             -                     x            finds it there, writes it again in its place

public import Files

extension PostOffice {
    /// Writes `postman/NAME.report`; durable when this returns.
    ///
    /// Names come back as inode numbers do. A report on an earlier message of the name is left alone, and this one is
    /// called `NAME-1.report` then, or whatever is free; only an earlier report on the same message is replaced.
    ///
    /// - Parameters:
    ///   - mark: what the beginning of the report holds, and that of no report on another message.
    ///   - write: writes the report, piece by piece.
    /// - Returns: its path.
    public func putAside(
        reportOn message: MessageName, holding mark: [UInt8],
        write: ((_ bytes: [UInt8]) throws(FileError) -> Void) throws(FileError) -> Void
    ) throws(FileError) -> String {
        let temporary = TemporaryName.control("\(message).report")
        // A leftover of a dead run: whoever reports on a message holds its lock.
        try postman.unlink(temporary)
        let file = try postman.create(temporary)
        var size = 0
        try write { (bytes) throws(FileError) in
            try file.write(bytes, at: size)
            size += bytes.count
        }
        try file.sync()
        let name = try nameAside(message, holding: mark)
        try postman.rename(temporary, to: name)
        try postman.sync()
        return postman.path(of: name)
    }

    /// How much of a report is looked at for its mark, in bytes: its header.
    private static let reportHead = 4096

    private func nameAside(_ message: MessageName, holding mark: [UInt8]) throws(FileError) -> String {
        for attempt in 0..<1000 {
            let name = attempt == 0 ? "\(message).report" : "\(message)-\(attempt).report"
            guard let file = try postman.open(name) else { return name }
            let head = try file.read(at: 0, count: Self.reportHead)
            if head.indices.contains(where: { head[$0...].starts(with: mark) }) { return name }
        }
        throw FileError(
            operation: "name", path: postman.path(of: "\(message).report"),
            reason: "a thousand names are taken; clear the directory")
    }
}
