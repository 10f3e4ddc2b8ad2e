// What a power failure may leave of a removal: names and tags that were not durable yet are as they were before.

import Glibc
import Spool
import System
import Testing

@Suite struct RemovalTests {
    private let spool: TestSpool
    private let name: MessageName

    init() throws {
        spool = try TestSpool()
        try spool.write(PostOfficeTests.message, "router/message")
        let routed = try PostOfficeTests.routed(try #require(try spool.claim()))
        #expect(try spool.postOffice().commit([routed]) == [.committed])
        name = routed.claim.message
    }

    private var body: String { "\(spool.path)/queue/\(name)" }
    private var finished: String { "\(spool.path)/queue/.finished-\(name)" }

    private func isFinished() throws -> Bool { access(finished, F_OK) == 0 }

    @Test(arguments: [false, true]) func theNameOfTheBodyTellsWhatTheTagsDoNot(byRecovery: Bool) throws {
        rename(body, finished)
        let postOffice = try spool.postOffice()
        if byRecovery {
            #expect(try postOffice.recover().messagesWithoutBody.isEmpty)
        } else {
            try postOffice.completeRemovals()
        }
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    @Test func aBodyThatHasBothNamesIsNotFinished() throws {
        link(body, finished)
        try spool.postOffice().completeRemovals()
        #expect(try !isFinished())
        guard case .opened(let message) = try spool.postOffice().open(name) else {
            Issue.record("not opened")
            return
        }
        #expect(!message.contents.isFinished && access(body, F_OK) == 0)
    }

    @Test func aBodyThatHasBothNamesIsRemovedWithBoth() throws {
        link(body, finished)
        guard case .opened(var message) = try spool.postOffice().open(name) else {
            Issue.record("not opened")
            return
        }
        try message.mark(.done, recipientAt: try #require(message.contents.recipients.first?.offset))
        #expect(try spool.postOffice().remove(message) == .removed)
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    @Test func whatAnotherRunIsRemovingIsLeftToIt() throws {
        guard case .opened(let message) = try spool.postOffice().open(name) else {
            Issue.record("not opened")
            return
        }
        rename(body, finished)
        try spool.postOffice().completeRemovals()
        #expect(try isFinished() && spool.names("transport") == [name.description])
        _ = consume message
    }

    /// The tags are written and not synced: the bodies' names are, before any control file goes.
    @Test func theDirectoriesAreSyncedInOrder() throws {
        let steps = Steps()
        let operations = FileOperations { operation, _ in
            steps.all.append(operation)
            return .proceed
        }
        let postOffice = try spool.postOffice(operations)
        guard case .opened(var message) = try postOffice.open(name) else {
            Issue.record("not opened")
            return
        }
        try message.mark(.done, recipientAt: try #require(message.contents.recipients.first?.offset))
        guard case .ready(let ready) = postOffice.prepareRemoval(message) else {
            Issue.record("not ready")
            return
        }
        steps.all = []
        #expect(postOffice.remove([ready]) == [.removed])
        #expect(steps.all == [.rename, .syncDirectory, .unlink, .syncDirectory, .unlink])
    }

    /// Unchecked: the hook and the test that reads it are on one thread.
    private final class Steps: @unchecked Sendable {
        var all: [FileOperation] = []
    }
}
