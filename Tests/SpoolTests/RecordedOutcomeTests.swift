// What servers answered is kept where the file does not take it, and written as soon as it does.

import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct RecordedOutcomeTests {
    @Test(
        arguments: [FileOperation.write, .syncFile],
        [ENOSPC, EDQUOT, EIO, EROFS])
    func whatWasAnsweredIsNotForgotten(operation: FileOperation, code: Int32) throws {
        let (spool, name) = try OpenControlFileTests.spool([("smtp", "a"), ("smtp", "b"), ("smtp", "c")])
        let disk = FailingDisk()
        guard case .opened(var message) = try spool.postOffice(disk.operations).open(name) else {
            Issue.record("not opened")
            return
        }
        let recipients = message.contents.recipients
        for recipient in recipients { #expect(try message.lock(recipientAt: recipient.offset)) }
        try message.sync()
        let notary = Diagnostic.Notary(fields: [Array("b".utf8), Array("failed".utf8)])
        let diagnostic = Diagnostic(recipient: recipients[1], time: 1, notary: notary, message: [])
        disk.fail(operation, code)
        #expect(throws: FileError.self) {
            try message.record([
                RecordedOutcome(recipients[0], .done), RecordedOutcome(recipients[1], .failed, diagnostic),
                RecordedOutcome(recipients[2], .pending),
            ])
            try message.sync()
        }
        // In memory it stands at once, and nothing else is done before the file has it.
        #expect(message.contents.recipients.map(\.tag) == [.done, .failed, .pending])
        let isWrittenTooSoon = message.isWritten
        #expect(!isWrittenTooSoon)
        #expect(throws: FileError.self) { try message.sync() }
        disk.recover()
        try message.sync()
        let isWritten = message.isWritten
        #expect(isWritten)
        #expect(text(message.contents.bytes()) == (try spool.text("transport/\(name)")))
        let written = try #require(try spool.postOffice().controlFile(of: name))
        #expect(written.recipients.map(\.tag) == [.done, .failed, .pending])
        #expect(written.recipients.allSatisfy { $0.process == nil })
        #expect(written.diagnostics.map(\.diagnostic) == [diagnostic])
    }
}
