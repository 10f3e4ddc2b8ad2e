// A message handed from the routing of a process to its delivery: what is in memory need not be opened and read again.

import Files

/// A message that a commit has just put in place, its control file open and locked until the last copy of this value is
/// gone.
public struct RoutedMessage: Sendable {
    /// The message.
    public let name: MessageName
    /// The size of its control file in bytes, which is held in memory.
    public var size: Int { contents.size }
    let contents: ControlFile
    let file: OpenFile
    /// The control file's status when it had been written: with any other it is read again.
    let identity: FileIdentity
    let body: OpenFile
}
