// The spool's fixtures: submissions and control files as ZMailer read and wrote them, and empty spools to work in.

import Glibc
import Spool
import System

/// Files under Fixtures/.
enum Fixture {
    static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()) + "/Fixtures"

    static func bytes(_ path: String) throws -> [UInt8] {
        try readFile("\(root)/\(path)", limit: 1 << 24).bytes
    }

    static let submissions = names(in: "queue").filter { exists("queue/\($0)/input") }
    static let controlFiles =
        submissions.map { "queue/\($0)/control" }.filter(exists)
        + names(in: "lmtp-control").flatMap {
            ["lmtp-control/\($0)/control.before", "lmtp-control/\($0)/control.after"]
        }

    private static func exists(_ path: String) -> Bool { access("\(root)/\(path)", F_OK) == 0 }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir("\(root)/\(directory)") else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

/// A spool of its own for one test, removed with it.
final class TestSpool {
    let path: String

    /// In memory where there is room for it: a killed process loses nothing there that it would keep on a disk.
    init() throws {
        var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/spool-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw FileError(operation: "mkdtemp", path: "/tmp", code: errno)
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try PostOffice.create(path: path)
    }

    deinit {
        for directory in (try? names(".")) ?? [] {
            for name in (try? names(directory)) ?? [] { remove("\(path)/\(directory)/\(name)") }
            remove("\(path)/\(directory)")
        }
        remove(path)
    }

    func postOffice(_ operations: FileOperations = FileOperations()) throws -> PostOffice {
        try PostOffice(path: path, operations: operations)
    }

    func write(_ bytes: [UInt8], _ name: String) throws {
        let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: name, code: errno) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let wrote = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard wrote > 0 else { throw FileError(operation: "write", path: name, code: errno) }
            rest = rest.dropFirst(wrote)
        }
    }

    func write(_ text: String, _ name: String) throws { try write(Array(text.utf8), name) }

    func read(_ name: String) throws -> [UInt8] { try readFile("\(path)/\(name)", limit: 1 << 28).bytes }

    func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }

    /// The names in a directory of the spool, sorted.
    func names(_ directory: String) throws -> [String] {
        guard let stream = opendir("\(path)/\(directory)") else {
            throw FileError(operation: "opendir", path: directory, code: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Claims the only submission.
    func claim(_ name: String = "message") throws -> ClaimedSubmission? {
        guard let name = MessageName(name), case .claimed(let claim) = try postOffice().claim(name) else { return nil }
        return claim
    }
}

/// A control file with recipients given as `channel user`.
func control(_ name: MessageName, bodyOffset: Int = 0, recipients: [(String, String)]) throws -> ControlFile {
    try draft(bodyOffset: bodyOffset, recipients: recipients).file(name: name)
}

func draft(bodyOffset: Int = 0, recipients: [(String, String)]) -> ControlFileDraft {
    let sender = ControlAddress(
        channel: Array("local".utf8), host: Array("a@b".utf8), user: Array("a@b".utf8), privilege: 0)
    let group = ControlFileDraft.Group(
        errorAddress: Array("a@b".utf8), sender: sender,
        recipients: recipients.map {
            .init(
                address: ControlAddress(
                    channel: Array($0.0.utf8), host: Array("h".utf8), user: Array($0.1.utf8), privilege: 0))
        }, header: Array("To: x\n".utf8))
    return ControlFileDraft(
        bodyOffset: bodyOffset, logIdentity: nil, errorAddress: Array("<a@b>".utf8), groups: [group])
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
