// The files that `:include:` names. A file that cannot be read, or that is not safe to read, is a failed lookup like any
// other: its members are people.

import Files
import Glibc

/// What `:include:` names, by its path.
public protocol IncludedLists: AnyObject {
    /// What a list holds, one address list a line.
    ///
    /// - Parameters:
    ///   - path: the path of the list, as the map has it.
    ///   - authority: the owner of the map that names the list; nobody where no map does, or others may write it.
    /// - Throws: `MapError` where the list cannot be had, or not on this authority.
    func content(of path: [UInt8], onBehalfOf authority: UInt32) throws(MapError) -> [UInt8]
}

extension TableName {
    /// What messages call an included list.
    package init(includedList path: [UInt8]) {
        self.init(relation: "include", backEnd: "file", file: String(decoding: path, as: Unicode.UTF8.self))
    }
}

/// The contents of included files, read when an address needs them.
public final class IncludedFiles: IncludedLists {
    /// The largest file accepted.
    private static let limit = 64 << 20

    /// Files by their paths.
    public init() {}

    /// Reads a file: one that everybody may read, or that belongs to the map's owner, and that only its owner may write.
    public func content(of path: [UInt8], onBehalfOf authority: UInt32) throws(MapError) -> [UInt8] {
        let name = TableName(includedList: path)
        func refusal(_ text: String) -> MapError { MapError(table: name, key: path, text: text) }
        guard path.first == UInt8(ascii: "/"), !path.contains(0) else {
            throw refusal("no absolute path; write ':include:/path'")
        }
        let file: (bytes: [UInt8], identity: FileIdentity)
        do {
            file = try readFile(name.file, limit: Self.limit)
        } catch {
            throw MapError(
                table: name, key: path, code: error.code,
                text: "\(error.operation): \(error.reason); make the list readable, or take its :include: out")
        }
        guard file.identity.mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw refusal("others than its owner may write it; take that away (chmod go-w)")
        }
        guard file.identity.mode & S_IROTH != 0 || (authority != nobody && file.identity.owner == authority) else {
            throw refusal(
                "not everybody may read it, and it does not belong to the owner of the map that names it;"
                    + " chmod a+r it, or give it to him")
        }
        return file.bytes
    }
}
