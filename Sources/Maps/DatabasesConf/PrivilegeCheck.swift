// Compares map files with what dbases.conf says of their owner and mode. Whoever may write a map of aliases decides
// where mail goes, and in ZMailer under whose authority.

import Files
import Glibc

extension DatabasesConf {
    /// Warns of map files that are more widely writable than their mode says, or owned by someone else.
    ///
    /// A file that does not exist is not warned of: the lookup that needs it says so.
    ///
    /// - Returns: one message a finding, `file:line: text`.
    public func checkPrivileges() -> [String] {
        definitions.flatMap { definition -> [String] in
            guard let privilege = definition.privilege, let path = definition.tablePath,
                let identity = try? FileIdentity(path: path)
            else { return [] }
            return privilege.findings(identity).map { "\(definition.file):\(definition.line): map file \(path) \($0)" }
        }
    }
}

extension MapPrivilege {
    /// The number of the owner; nil where the system does not know the name.
    public var ownerNumber: UInt32? { userNumber(owner) }

    /// The number of the group; nil where the system does not know the name.
    public var groupNumber: UInt32? { Maps.groupNumber(group) }

    fileprivate func findings(_ identity: FileIdentity) -> [String] {
        var findings: [String] = []
        if let number = ownerNumber {
            if identity.owner != number {
                findings.append("belongs to user \(identity.owner), not to \(owner); chown it or correct the line")
            }
        } else {
            findings.append("should belong to '\(owner)', whom the system does not know; correct the line")
        }
        let permissions = identity.mode & 0o777
        let excess = permissions & ~mode & 0o022
        if excess != 0 {
            let modes = "\(String(permissions, radix: 8)), not \(String(mode & 0o777, radix: 8))"
            let who = excess & 0o002 != 0 ? "everyone" : "its group"
            findings.append("is writable by \(who) (mode \(modes)); chmod it or correct the line")
        } else if permissions & 0o020 != 0, let number = groupNumber, identity.group != number {
            findings.append("is writable by group \(identity.group), not by \(group); chgrp it or correct the line")
        }
        return findings
    }
}

/// The number of a user given by name or number; nil where the system does not know the name.
private func userNumber(_ name: String) -> UInt32? {
    if let number = UInt32(name) { return number }
    // The usual owner, whose number is the same everywhere: the name service need not be started for it.
    if name == "root" { return 0 }
    var entry = unsafe passwd()
    return unsafe withLookupBuffer { buffer, size in
        var found: UnsafeMutablePointer<passwd>?
        let code = unsafe getpwnam_r(name, &entry, buffer, size, &found)
        return unsafe (code, found == nil ? nil : entry.pw_uid)
    }
}

/// The number of a group given by name or number; nil where the system does not know the name.
private func groupNumber(_ name: String) -> UInt32? {
    if let number = UInt32(name) { return number }
    var entry = unsafe Glibc.group()
    return unsafe withLookupBuffer { buffer, size in
        var found: UnsafeMutablePointer<Glibc.group>?
        let code = unsafe getgrnam_r(name, &entry, buffer, size, &found)
        return unsafe (code, found == nil ? nil : entry.gr_gid)
    }
}

/// Calls a lookup of the C library with a buffer, and again with a larger one while it says ERANGE.
private func withLookupBuffer(
    _ lookUp: (UnsafeMutablePointer<CChar>, Int) -> (code: Int32, number: UInt32?)
) -> UInt32? {
    var size = 4096
    while size <= 1 << 20 {
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        defer { unsafe buffer.deallocate() }
        let answer = unsafe lookUp(buffer, size)
        guard answer.code == ERANGE else { return answer.number }
        size *= 2
    }
    return nil
}
