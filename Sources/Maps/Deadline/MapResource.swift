// What a lookup may wait for without end. Maps that share such a thing hang together, so it, and not a map, is what is
// found broken.

import Files

/// Something behind maps that may never answer.
public enum MapResource: Sendable, Hashable {
    /// A Berkeley DB environment, by its directory: a process killed inside it may leave it locked for good.
    case environment(home: String)
    /// A file outside of any environment: the disk or the file server under it may hang.
    case file(String)
    /// The system's name service (nsswitch.conf), behind which there may be a server.
    case nameService

    /// The cause of a hang, and what to do, as a clause of a message.
    var remedy: String {
        switch self {
        case .environment(let home):
            "the environment \(home) was probably left locked by a killed process; run `zroute db recover`"
        case .file(let path):
            "the disk or file server under \(path) does not answer; restart or repair it"
        case .nameService:
            "a server of the name service does not answer; restart or repair it, or set LOCALUSERS"
        }
    }

    /// The incarnation that is there now; nil where there is none, or where resources of this kind have none.
    var incarnation: Incarnation? {
        guard case .environment(let home) = self else { return nil }
        return (try? FileIdentity(path: Self.regionPath(home: home))).map(Incarnation.init)
    }

    /// Whether recovery gives it a new incarnation, so that one can see that somebody mended it.
    var isReincarnated: Bool {
        if case .environment = self { true } else { false }
    }

    /// The file of an environment that every recovery replaces: the first of its region files.
    static func regionPath(home: String) -> String { home + "/__db.001" }
}

/// One life of an environment, from creation to removal: device and inode of its first region file.
///
/// Every user of the environment changes that file's contents and times. The inode cannot be given to the next
/// incarnation as long as somebody has this one mapped, which whoever hangs in it has.
struct Incarnation: Sendable, Hashable {
    let device: UInt64, inode: UInt64

    init(_ file: FileIdentity) {
        device = file.device
        inode = file.inode
    }
}
