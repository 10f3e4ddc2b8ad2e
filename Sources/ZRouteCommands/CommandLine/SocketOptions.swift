// The options that say who may connect to the sockets that a command makes in the file system.

import ArgumentParser
import Glibc
import Service

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
