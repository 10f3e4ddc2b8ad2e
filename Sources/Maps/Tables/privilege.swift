// Whose authority an expansion carries: ZMailer's privilege of a database file (SEMANTICS 9, `priv`).

import Files
import Glibc

/// The user without any authority (`nobody`).
public let nobody: UInt32 = 65534

extension FileIdentity {
    /// The user whose authority the file's contents carry: its owner, or nobody where others may write it.
    var privilege: UInt32 {
        mode & (S_IWGRP | S_IWOTH) == 0 ? owner : nobody
    }
}
