// The third field of dbases.conf: who owns a map that mail may be expanded from, and how widely it may be written.

public import Configuration
import Glibc
import System

/// What a map's file is to be owned by, and its mode.
public struct MapPrivilege: Sendable, Hashable {
    /// The owner, a name or a number.
    public let owner: String
    /// The group, a name or a number.
    public let group: String
    /// The permission bits.
    public let mode: UInt32

    /// Describes whom a map is to belong to.
    public init(owner: String, group: String, mode: UInt32) {
        self.owner = owner
        self.group = group
        self.mode = mode
    }

    /// Reads `owner:group:mode`, the mode in octal.
    init(field: String) throws(FieldError) {
        let parts = field.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty, let mode = UInt32(parts[2], radix: 8),
            mode <= 0o7777
        else {
            throw FieldError(
                .invalidPrivilege,
                "the privilege '\(field)' is no owner:group:mode, such as root:0:644; write '-' for none")
        }
        self.init(owner: parts[0], group: parts[1], mode: mode)
    }
}

// Compares map files with what dbases.conf says of their owner and mode. Whoever may write a map of aliases decides
// where mail goes, and in ZMailer under whose authority.

extension DatabasesConf {
    /// Warns of map files that are more widely writable than their mode says, or owned by someone else.
    ///
    /// A file that does not exist is not warned of: the lookup that needs it says so.
    public func checkPrivileges() -> [Finding] {
        definitions.flatMap { definition -> [Finding] in
            guard let privilege = definition.privilege, let path = definition.tablePath,
                let identity = try? FileIdentity(path: path)
            else { return [] }
            return privilege.differences(identity).map { text in
                Finding(
                    .mapPrivilege, .warning, file: definition.file, line: definition.line,
                    text: "map file \(path) \(text)")
            }
        }
    }
}

extension MapPrivilege {
    /// The number of the owner; nil where the system does not know the name.
    public var ownerNumber: UInt32? { userNumber(owner) }

    /// The number of the group; nil where the system does not know the name.
    public var groupNumber: UInt32? { Maps.groupNumber(group) }

    fileprivate func differences(_ identity: FileIdentity) -> [String] {
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

extension Finding.Name {
    /// A map's file whose owner or mode is not what dbases.conf says.
    static let mapPrivilege = Finding.Name("map-privilege")
}

// What the files of a map's source tell without being read: who may write them, and whether they were compiled since.

/// Looks at who may write a source.
public enum SourcePrivilege {
    /// A source that everyone may write; whoever does decides where mail goes.
    public static func finding(about path: String) -> Finding? {
        guard let identity = try? FileIdentity(path: path), identity.mode & 0o002 != 0 else { return nil }
        let mode = String(identity.mode & 0o7777, radix: 8)
        return Finding(
            .writableByAll, .warning, file: path,
            text: "everyone may write this source, and so decide where mail goes (mode \(mode)); chmod o-w it")
    }
}

extension DatabasesConf {
    /// Compiled maps that are older than their sources: what was written since is not in effect.
    public func checkCompiled() -> [Finding] {
        var seen: Set<String> = []
        return definitions.compactMap { definition in
            guard definition.type.compiledExtension != nil, !definition.compile.isLive, let path = definition.path,
                let target = definition.tablePath, seen.insert(target).inserted,
                let source = try? FileIdentity(path: path), let compiled = try? FileIdentity(path: target),
                source.modified > compiled.modified
            else { return nil }
            return Finding(
                .sourceIsNewer, .warning, file: target,
                text: "compiled at \(timeText(compiled.modified)), before its source \(path) was written at "
                    + "\(timeText(source.modified)); run zroute newdb")
        }
    }
}

/// A time of a file, as `2026-11-28 16:15:39 UTC`.
private func timeText(_ nanoseconds: Int64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    // The structure holds a pointer to the name of the time zone, which is not looked at.
    var parts = unsafe tm()
    guard unsafe gmtime_r(&seconds, &parts) != nil else { return "\(seconds) s after 1970" }
    let (year, month, day) = unsafe (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
    let (hour, minute, second) = unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec)
    func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(padded(month))-\(padded(day)) \(padded(hour)):\(padded(minute)):\(padded(second)) UTC"
}
