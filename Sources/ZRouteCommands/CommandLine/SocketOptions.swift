// What commands that listen have in common: who may connect, where they listen, and what it means that they cannot.

import ArgumentParser
import Glibc
import Service
import System

/// The permissions of sockets in the file system.
struct SocketOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The mode of a socket that is made, such as 0660.", valueName: "mode"))
    var socketMode: String?

    @Option(help: ArgumentHelp("The group of a socket that is made.", valueName: "group"))
    var socketGroup: String?

    func validate() throws {
        if let socketMode, Self.mode(socketMode) == nil {
            throw ValidationError("--socket-mode is an octal number up to 777, such as 0660: '\(socketMode)'.")
        }
        // Connecting takes the right to write (unix(7)).
        if let socketMode, let mode = Self.mode(socketMode), mode & 0o222 == 0 {
            throw ValidationError(
                "--socket-mode \(socketMode) lets nobody connect: that takes the right to write, as in 0660.")
        }
    }

    /// The permissions that the options give.
    var permissions: SocketPermissions {
        SocketPermissions(mode: socketMode.flatMap(Self.mode), group: socketGroup)
    }

    private static func mode(_ text: String) -> mode_t? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }) else { return nil }
        return mode_t(text, radix: 8).flatMap { $0 <= 0o777 ? $0 : nil }
    }
}

extension ExitCode {
    /// The status of a command that cannot listen.
    ///
    /// A path that no socket can have, or a group that there is not, is a wrong use; a socket or directory that cannot be made
    /// is no matter of time.
    init(unusableSocket error: FileError) {
        switch error.code {
        case ENAMETOOLONG, EINVAL: self = .usage
        case ENOENT, ENOTDIR, EACCES, EPERM, EEXIST, EROFS, ENOSPC, EDQUOT: self = .cannotCreate
        default: self = .tryAgain
        }
    }
}

/// Says on standard output where a command listens: the port was perhaps the system's choice.
func tellOfSockets(_ sockets: [ListeningSocket]) {
    var output = OutputStream(descriptor: STDOUT_FILENO)
    var lines: [String] = []
    for socket in sockets {
        let line = "listening on \(socket.port.map { "port \($0)" } ?? socket.name)\n"
        if !lines.contains(line) { lines.append(line) }
    }
    for line in lines { output.write(line) }
    output.flush()
}
