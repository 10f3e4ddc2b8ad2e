// What a commit hands over, and what another program or another run may do to it before it is opened.

import Glibc
import Spool
import System
import Testing

@Suite struct HandOverTests {
    private static func routed(_ spool: TestSpool, _ postOffice: PostOffice) throws -> RoutedMessage {
        try spool.write(PostOfficeTests.message, "router/message")
        let claim = try #require(try spool.claim())
        var messages: [RoutedMessage] = []
        #expect(postOffice.commit([try PostOfficeTests.routed(claim)]) { messages.append($0) } == [.committed])
        return try #require(messages.first)
    }

    @Test func itIsLockedAndNotReadAgain() throws {
        let spool = try TestSpool()
        let reads = Counter()
        let operations = FileOperations { operation, _ in
            if operation == .read || operation == .open { reads.count += 1 }
            return .proceed
        }
        let postOffice = try spool.postOffice(operations)
        let routed = try Self.routed(spool, postOffice)
        guard case .busy = try spool.postOffice().open(routed.name) else {
            Issue.record("another run came to it")
            return
        }
        reads.count = 0
        guard case .opened(var message) = try postOffice.open(routed) else {
            Issue.record("not opened")
            return
        }
        #expect(message.contents.bytes() == (try spool.read("transport/\(routed.name)")))
        let body = try message.openBody()
        #expect(reads.count == 0)
        #expect(try body.read(at: 0, count: body.size) == (try spool.read("queue/\(routed.name)")))
        try message.mark(.done, recipientAt: try #require(message.contents.recipients.first?.offset))
        #expect(postOffice.remove(message) == .removed)
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    /// ZMailer's scheduler knows no lock of ours: it may have marked a recipient done.
    @Test func whatAnotherProgramWroteIsSeen() throws {
        let spool = try TestSpool()
        let postOffice = try spool.postOffice()
        let routed = try Self.routed(spool, postOffice)
        var bytes = try spool.read("transport/\(routed.name)")
        let offset = try #require(
            ControlFile(parsing: bytes).recipients.first?.offset)
        bytes[offset + 1] = RecipientTag.done.rawValue
        let descriptor = open("\(spool.path)/transport/\(routed.name)", O_WRONLY)
        #expect(pwrite(descriptor, bytes, bytes.count, 0) == bytes.count)
        close(descriptor)
        guard case .opened(let message) = try postOffice.open(routed) else {
            Issue.record("not opened")
            return
        }
        #expect(message.contents.isFinished)
    }

    @Test func whatAnotherProgramTookAwayIsGone() throws {
        let spool = try TestSpool()
        let postOffice = try spool.postOffice()
        let routed = try Self.routed(spool, postOffice)
        let path = "\(spool.path)/transport/\(routed.name)"
        rename(path, "\(path)-elsewhere")
        guard case .gone = try postOffice.open(routed) else {
            Issue.record("opened")
            return
        }
        // Another file of the name is not it either.
        try spool.write("other", "transport/\(routed.name)")
        guard case .gone = try postOffice.open(routed) else {
            Issue.record("opened another file")
            return
        }
    }

    /// A second link of the submission would be routed again once the first one's message is gone.
    @Test func aSecondNameOfTheSubmissionGoesToo() throws {
        let spool = try TestSpool()
        let postOffice = try spool.postOffice()
        let routed = try Self.routed(spool, postOffice)
        link("\(spool.path)/queue/\(routed.name)", "\(spool.path)/router/again")
        guard case .opened(var message) = try postOffice.open(routed) else {
            Issue.record("not opened")
            return
        }
        _ = try message.openBody()
        try message.mark(.done, recipientAt: try #require(message.contents.recipients.first?.offset))
        #expect(postOffice.remove(message) == .removed)
        #expect(try spool.names("router").isEmpty)
    }
}
