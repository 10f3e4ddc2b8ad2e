// The spool's fixtures: submissions and control files as ZMailer read and wrote them, and empty spools to work in.

import Spool
import ZRouteTestKit

extension Fixture {
    static let submissions = names(in: "queue").filter { exists("queue/\($0)/input") }
    static let controlFiles =
        submissions.map { "queue/\($0)/control" }.filter(exists)
        + names(in: "lmtp-control").flatMap {
            ["lmtp-control/\($0)/control.before", "lmtp-control/\($0)/control.after"].filter(exists)
        }
}

/// A spool of its own for one test, removed with it.
final class TestSpool {
    private let place: TemporaryDirectory
    var path: String { place.path }

    init() throws {
        place = try TemporaryDirectory(isInMemory: true)
        try PostOffice.create(path: place.path)
    }

    func postOffice(_ operations: FileOperations = FileOperations()) throws -> PostOffice {
        try PostOffice(path: path, operations: operations)
    }

    func write(_ bytes: [UInt8], _ name: String) throws { try place.write(bytes, to: name, isDatedBack: false) }

    func write(_ text: String, _ name: String) throws { try write(Array(text.utf8), name) }

    func read(_ name: String) throws -> [UInt8] { try place.read(name) }

    func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }

    /// The names in a directory of the spool, sorted.
    func names(_ directory: String) throws -> [String] { try place.names(directory) }

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
