// What lies in postman/ for the postmaster: submissions that were no message, and reports that nobody may get.

public import Files

/// Something that was put aside in `postman`.
public struct AsideFile: Sendable, Hashable {
    /// What it is.
    public enum Kind: Sendable, Hashable {
        /// A submission that was refused, with the reason beside it; empty where that is missing.
        case rejected(reason: [UInt8])
        /// A report that nobody may be told (`NAME.report`).
        case report
    }

    /// The file's name in `postman`.
    public let name: MessageName
    /// What it is.
    public let kind: Kind
    /// When it was put aside, in seconds since 1970.
    public let time: Int64
}

extension PostOffice {
    /// The longest reason shown, in bytes.
    private static let reasonLimit = 4096

    /// What lies in `postman`, in alphabetical order; what goes away meanwhile is left out.
    public func filesPutAside() throws(FileError) -> [AsideFile] {
        let names = try listing(of: postman).names
        var files: [AsideFile] = []
        for name in names where !name.description.hasSuffix(".reason") {
            guard let own = try postman.status(name.description) else { continue }
            if name.description.hasSuffix(".report") {
                files.append(AsideFile(name: name, kind: .report, time: own.modified / 1_000_000_000))
                continue
            }
            // The submission itself keeps its time of arrival; the reason was written when it was refused.
            let reason = try postman.open("\(name).reason")
            let text = try reason?.read(at: 0, count: Self.reasonLimit) ?? []
            let time = try reason?.identity().modified ?? own.modified
            files.append(
                AsideFile(
                    name: name, kind: .rejected(reason: Array(text.prefix { $0 != 0x0A })), time: time / 1_000_000_000))
        }
        return files
    }
}
