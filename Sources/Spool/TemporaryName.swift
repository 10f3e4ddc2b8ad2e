// The names of files still being written: a dot leads them, so that neither ZMailer's programs nor this spool take them
// for messages.

import Glibc

/// Names for unfinished files.
enum TemporaryName {
    private static let prefix = ".", suffix = ".new"

    /// The name of a message's control file while it is written; whoever has the message's lock writes it.
    static func control(_ message: String) -> String { prefix + message + suffix }

    /// The name of a staged submission.
    static func staged(_ message: MessageName) -> String { ".staged-\(message)" }

    /// The message that a staged submission's name is for; nil for any other name.
    static func stagedMessage(_ name: [UInt8]) -> MessageName? {
        name.starts(with: ".staged-".utf8) ? MessageName(bytes: Array(name.dropFirst(8))) : nil
    }

    /// The name of the body of a message that is done, until it is removed.
    static func finished(_ message: MessageName) -> String { ".finished-\(message)" }

    /// The message that a finished one's body has its name from; nil for any other name.
    static func finishedMessage(_ name: [UInt8]) -> MessageName? {
        name.starts(with: ".finished-".utf8) ? MessageName(bytes: Array(name.dropFirst(10))) : nil
    }

    /// Whether a name is one of an unfinished file of this spool, which may be removed when nobody writes it any more.
    static func isUnfinished(_ name: [UInt8]) -> Bool {
        name.first == UInt8(ascii: ".") && name.reversed().starts(with: suffix.utf8.reversed())
    }

    /// A name that no other process and no other call has in use.
    static func unique() -> String { "\(prefix)\(getpid())-\(UInt64.random(in: .min ... .max))\(suffix)" }
}
