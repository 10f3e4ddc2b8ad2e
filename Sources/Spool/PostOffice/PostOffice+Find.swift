// Finds what a name stands for: a message may be submitted, routed, on hold, or put aside, and a name that another program gave
// may stand for two of these, as inode numbers come back.

import Bytes
import Glibc
package import System

/// Where a message is in a spool.
package enum MessagePlace: Sendable, Hashable, CaseIterable {
    /// It is routed, and its control file in `transport`.
    case routed
    /// It is routed and on hold.
    case onHold
    /// It is submitted and not routed yet: a file of `router`.
    case submitted
    /// It was put aside: a file of `postman`.
    case aside

    /// The directory that it is in.
    package var directory: String {
        switch self {
        case .routed, .onHold: "transport"
        case .submitted: "router"
        case .aside: "postman"
        }
    }
}

extension PostOffice {
    /// Where there is something of a name; empty where there is nothing.
    package func places(of name: MessageName) throws(FileError) -> [MessagePlace] {
        var places: [MessagePlace] = []
        if try transport.status(name.description) != nil { places.append(.routed) }
        if try isOnHold(name) { places.append(.onHold) }
        if try router.status(name.description) != nil { places.append(.submitted) }
        if name.refused == nil, try postman.status(name.description) != nil { places.append(.aside) }
        return places
    }

    /// The path of the file of a message, for messages to people.
    package func path(of name: MessageName, in place: MessagePlace) -> String {
        switch place {
        case .routed, .onHold: transport.path(of: controlName(of: name, onHold: place == .onHold))
        case .submitted: router.path(of: name.description)
        case .aside: postman.path(of: name.description)
        }
    }

    /// Reads a message from an offset on, piece by piece: the body of one that is routed, the whole file of any other.
    ///
    /// - Parameter take: is given each piece; false ends the reading.
    /// - Returns: false where there is no such file.
    package func read(
        _ name: MessageName, in place: MessagePlace, from offset: Int = 0, take: ([UInt8]) -> Bool
    ) throws(FileError) -> Bool {
        guard let file = try textDirectory(of: place).open(name.description) else { return false }
        var position = offset
        while true {
            let piece = try file.read(at: position, count: 64 << 10)
            guard !piece.isEmpty, take(piece) else { return true }
            position += piece.count
        }
    }

    /// Where the text of messages is.
    func textDirectory(of place: MessagePlace) -> SpoolDirectory {
        switch place {
        case .routed, .onHold: queue
        case .submitted: router
        case .aside: postman
        }
    }

    /// Who owns the spool: the user and the group of `transport`.
    package func owner() throws(FileError) -> (user: UInt32, group: UInt32) {
        let identity = try transport.identity()
        return (identity.owner, identity.group)
    }
}

// Who has a message locked: the kernel's list of locks names the process.

/// A process that has a file locked.
package struct LockHolder: Sendable, Hashable, CustomStringConvertible {
    /// Its number.
    package let process: Int32
    /// Its command line, as far as the system shows it; may be empty.
    package let command: String

    /// The holder in words.
    package var description: String { command.isEmpty ? "process \(process)" : "process \(process) (\(command))" }

    /// Who has the file of a path locked; nil where nobody has any more, or the system does not tell.
    package init?(ofFileAt path: String) {
        guard let file = try? FileIdentity(path: path), let locks = ProcessLife.read("/proc/locks") else { return nil }
        let inode = Array(":\(file.inode)".utf8)
        for line in locks.split(separator: 0x0A) {
            // `1: FLOCK  ADVISORY  WRITE 1234 00:2f:5678 0 EOF`; one that waits has an arrow behind the number.
            let words = line.split(separator: 0x20)
            guard words.count > 5, words[1].elementsEqual("FLOCK".utf8),
                words[5].reversed().starts(with: inode.reversed()),
                let process = Decimal.value(words[4]).flatMap({ Int32(exactly: $0) }), process > 0,
                ProcessLife.hasOpen(process, file) ?? true
            else { continue }
            self.process = process
            let line = ProcessLife.read("/proc/\(process)/cmdline") ?? []
            command = Self.text(line)
            return
        }
        return nil
    }

    /// The first words of a command line that no terminal is controlled by.
    private static func text(_ line: [UInt8]) -> String {
        let words = line.split(separator: 0).prefix(4)
        let shown = words.joined(separator: [0x20]).prefix(120).map { $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self)
    }
}
