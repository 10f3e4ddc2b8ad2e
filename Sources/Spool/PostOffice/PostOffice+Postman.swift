// What lies in postman/ for the postmaster: submissions that were no message, and reports that nobody may get.

package import System

/// Something that was put aside in `postman`.
package struct AsideFile: Sendable, Hashable {
    /// What it is.
    package enum Kind: Sendable, Hashable {
        /// A submission that was refused, with the reason beside it; empty where that is missing.
        case rejected(reason: [UInt8])
        /// A report that nobody may be told (`NAME.report`).
        case report
    }

    /// The file's name in `postman`.
    package let name: MessageName
    /// What it is.
    package let kind: Kind
    /// When it was put aside, in seconds since 1970.
    package let time: Int64
}

extension MessageName {
    /// Whether it is the name of a report in `postman`.
    var isReport: Bool { description.hasSuffix(".report") }

    /// The name in `postman` of the reason for which the file of this name was refused.
    var reason: String { description + Self.reasonSuffix }

    /// The name of the file that a reason in `postman` belongs to; nil for any other name.
    var refused: String? {
        description.hasSuffix(Self.reasonSuffix) ? String(description.dropLast(Self.reasonSuffix.count)) : nil
    }

    private static let reasonSuffix = ".reason"
}

extension PostOffice {
    /// The longest reason shown, in bytes.
    private static let reasonLimit = 4096

    /// What lies in `postman`, in alphabetical order; what goes away meanwhile is left out.
    package func filesPutAside() throws(FileError) -> [AsideFile] {
        var files: [AsideFile] = []
        for name in try listing(of: postman).names {
            if let file = try filePutAside(name) { files.append(file) }
        }
        return files
    }

    /// What lies in `postman` under a name; nil where there is nothing, or a reason.
    package func filePutAside(_ name: MessageName) throws(FileError) -> AsideFile? {
        guard name.refused == nil, let own = try postman.status(name.description) else { return nil }
        guard !name.isReport else {
            return AsideFile(name: name, kind: .report, time: own.modified / 1_000_000_000)
        }
        // The submission itself keeps its time of arrival; the reason was written when it was refused.
        let reason = try postman.open(name.reason)
        let text = try reason?.read(at: 0, count: Self.reasonLimit) ?? []
        let time = try reason?.identity().modified ?? own.modified
        return AsideFile(
            name: name, kind: .rejected(reason: Array(text.prefix { $0 != 0x0A })), time: time / 1_000_000_000)
    }
}

// Puts a report that may go to nobody aside for the postmaster: one about a message that was a report itself.
//
//   step                          postman/.NAME.report.new  postman/NAME.report  a later run
//   1 report written, durable                 x                     -            writes it anew
//   2 renamed into place, durable             -                     x            finds it there, writes it again in its place

extension PostOffice {
    /// Writes `postman/NAME.report`; durable when this returns.
    ///
    /// Names that were inode numbers came back. A report on an earlier message of the name is left alone, and this one is
    /// called `NAME-1.report` then, or whatever is free; only an earlier report on the same message is replaced.
    ///
    /// - Parameters:
    ///   - mark: what the beginning of the report holds, and that of no report on another message.
    ///   - write: writes the report, piece by piece.
    /// - Returns: its path.
    package func putAside(
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

// Puts files aside that are no messages, with the reason, for the postmaster to look at (ZMailer: POSTOFFICE/postman).
//
//   step                          router/S  postman/N.reason  postman/N   a later run
//   1 reason in place, durable       x             x              -       rejects S anew, replaces the reason
//   2 file linked, durable           x             x              x       finds the link, removes router/S
//   3 submission removed             -             x              x       nothing

extension PostOffice {
    /// Moves a submission to `postman`, under its message's name, with a file `NAME.reason` beside it.
    ///
    /// - Parameter reason: why, for a person; a line end is added.
    /// - Returns: the name in `postman`.
    /// - Throws: `FileError`; the submission is then still in `router`.
    package func reject(_ claim: ClaimedSubmission, reason: String) throws(FileError) -> MessageName {
        let name = try postmanName(claim)
        let reasonName = name.reason
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

    /// The name that the file has in `postman` already, where a run that died had put it; else its message's.
    private func postmanName(_ claim: ClaimedSubmission) throws(FileError) -> MessageName {
        if claim.identity.links > 1, let name = try names(of: claim.identity, in: postman).first { return name }
        if try postman.status(claim.message.description) == nil { return claim.message }
        return try Self.newName(inode: claim.identity.inode, freeIn: [postman])
    }
}
