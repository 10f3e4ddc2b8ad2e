// The files that `:include:` names. A file that cannot be read, or that is not safe to read, is a failed lookup like any
// other: its members are people.

import Bytes
import Glibc
public import System

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
    public init(includedList path: [UInt8]) {
        self.init(relation: "include", backEnd: "file", file: String(decoding: path, as: Unicode.UTF8.self))
    }
}

/// The contents of included files, read when an address needs them.
public final class IncludedFiles: IncludedLists {
    /// A file that was read, or could not be.
    private final class Known {
        var file: SettlingFile
        var content: [UInt8]?
        var identity: FileIdentity?
        var hasWaited = false

        init(_ file: consuming SettlingFile) { self.file = file }

        var kept: (bytes: [UInt8], identity: FileIdentity)? {
            guard let content, let identity else { return nil }
            return (content, identity)
        }
    }

    /// The largest file accepted.
    private static let limit = 64 << 20
    /// So many bytes of files are kept, and so many files; beyond that all are forgotten.
    private static let mostBytes = 4 << 20, mostFiles = 1_000

    private let clock: FileClock
    private var known: [[UInt8]: Known] = [:]

    /// Files by their paths.
    ///
    /// - Parameter clock: by which the age of files is judged.
    public init(clock: FileClock = .system) {
        self.clock = clock
    }

    /// Reads a file: one that everybody may read, or that belongs to the map's owner, and that only its owner may write.
    public func content(of path: [UInt8], onBehalfOf authority: UInt32) throws(MapError) -> [UInt8] {
        let name = TableName(includedList: path)
        func refusal(_ text: String) -> MapError { MapError(table: name, key: path, text: text) }
        guard path.first == UInt8(ascii: "/"), !path.contains(0) else {
            throw refusal("no absolute path; write ':include:/path'")
        }
        let file: (bytes: [UInt8], identity: FileIdentity)
        do {
            file = try read(name.file, path)
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

    /// The content that is believed: what is there now, or what was there before as long as that is being written.
    private func read(_ name: String, _ path: [UInt8]) throws(FileError) -> (bytes: [UInt8], identity: FileIdentity) {
        let entry = known[path] ?? Known(SettlingFile(name, limit: Self.limit, clock: clock))
        let fresh: (bytes: [UInt8], identity: FileIdentity)
        do throws(FileError) {
            if !entry.hasWaited {
                entry.hasWaited = true
                fresh = Self.content(try entry.file.read())
            } else {
                switch try entry.file.look() {
                case .settled(let bytes, let file): fresh = (bytes, file.identity)
                case .unchanged:
                    if let kept = entry.kept { return kept } else { fresh = Self.content(try entry.file.read()) }
                case .unsettled(let file):
                    guard let kept = entry.kept, !file.isEndless else { throw FileError(file) }
                    return kept
                }
            }
            try Self.refuseInvisible(in: fresh.bytes, of: name)
        } catch {
            entry.content = nil
            keep(entry, path)
            throw error
        }
        entry.content = fresh.bytes
        entry.identity = fresh.identity
        keep(entry, path)
        return fresh
    }

    private static func content(_ read: (bytes: [UInt8], state: FileState)) -> (bytes: [UInt8], identity: FileIdentity)
    {
        (read.bytes, read.state.identity)
    }

    /// A character that nobody sees would become part of an address, which would then be another one.
    private static func refuseInvisible(in bytes: [UInt8], of name: String) throws(FileError) {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return }
        var number = 0
        for line in bytes.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false) {
            number += 1
            guard line.first != UInt8(ascii: "#") else { continue }
            let text = Array(line)
            let invisible = text.indices.lazy.compactMap { InvisibleCharacter(at: $0, in: text.span) }
            guard let found = invisible.first else { continue }
            throw FileError(
                operation: "read", path: name,
                reason:
                    "line \(number) has \(found), which nobody sees and which would become part of an address; remove it"
            )
        }
    }

    private func keep(_ entry: Known, _ path: [UInt8]) {
        known[path] = entry
        let size = known.values.reduce(0) { $0 + ($1.content?.count ?? 0) }
        if size > Self.mostBytes || known.count > Self.mostFiles { known = [:] }
    }
}
