// Messages on hold, messages that an attempt is asked for, and routed recipients that are taken over: what each state means to
// whoever comes next.

import Glibc
import Spool
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite struct HoldTests {
    private let spool: TestSpool
    private let name: MessageName

    init() throws {
        spool = try TestSpool()
        try spool.write("from <a@b>\nto <x@x>\nenv-end\n\nbody\n", "router/message")
        let claim = try #require(try spool.claim())
        let recipients = ["u0", "u1", "u2"].map { ("smtp-lmtp", $0) }
        let control = try draft(bodyOffset: 29, recipients: recipients).file(name: claim.message)
        #expect(try spool.postOffice().commit([.init(claim: claim, control: control)]) == [.committed])
        name = claim.message
    }

    private func open(onHold: Bool = false) throws -> OpenControlFile {
        guard case .opened(let message) = try spool.postOffice().open(name, onHold: onHold) else {
            throw CommandFailure("message \(name) cannot be opened")
        }
        return message
    }

    private func hold() throws { #expect(try spool.postOffice().hold(open()) == .done) }

    // MARK: On hold

    @Test func nobodyFindsWhatIsOnHold() throws {
        try hold()
        let postOffice = try spool.postOffice()
        let listing = try postOffice.messages()
        #expect(listing.names.isEmpty && listing.refused.isEmpty && listing.onHold == [name])
        #expect(try postOffice.places(of: name) == [.onHold])
        guard case .gone = try postOffice.open(name) else { Issue.record("it was opened"); return }
        let report = try postOffice.recover(unfinishedFor: 0)
        #expect(
            report.bodiesWithoutMessage.isEmpty && report.messagesWithoutBody.isEmpty && report.removedFiles.isEmpty)
        #expect(try postOffice.release(open(onHold: true)) == .done)
        #expect(try postOffice.messages().names == [name])
    }

    @Test func itsSubmissionIsNotRoutedAgain() throws {
        try hold()
        #expect(link("\(spool.path)/queue/\(name)", "\(spool.path)/router/again") == 0)
        let again = try #require(MessageName("again"))
        guard case .finished(name) = try spool.postOffice().claim(again) else { Issue.record("it was claimed"); return }
        #expect(try spool.names("router").isEmpty)
    }

    @Test func anAgentOfZMailersIsWaitedFor() throws {
        // Process 1 is always alive.
        var bytes = try spool.read("transport/\(name)")
        let offset = try ControlFile(parsing: bytes).recipients[1].offset
        bytes.replaceSubrange((offset + 1)..<(offset + 8), with: Array("~     1".utf8))
        try spool.write(bytes, "transport/\(name)")
        #expect(try spool.postOffice().hold(open()) == .inDelivery(process: 1))
        #expect(try spool.names("transport") == [name.description])
    }

    @Test func aReportThatWasDecidedOnIsKept() throws {
        try hold()
        try spool.write("x", "router/.staged-\(name)")
        _ = try spool.postOffice().recover(unfinishedFor: 0)
        #expect(try spool.names("router") == [".staged-\(name)"])
    }

    @Test func whatIsOnHoldCanBeRemoved() throws {
        try hold()
        #expect(try spool.postOffice().discard(open(onHold: true)) == .removed)
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    @Test func aBodyThatIsMissingKeepsNobodyFromRemoving() throws {
        #expect(unlink("\(spool.path)/queue/\(name)") == 0)
        guard case .failed(let reason) = try spool.postOffice().hold(open()) else { Issue.record("on hold"); return }
        #expect(reason.contains("the body is missing"))
        #expect(try spool.postOffice().discard(open()) == .removed)
        #expect(try spool.names("transport").isEmpty)
    }

    // MARK: Half removed

    /// What a process leaves that is killed between the two names that it takes away.
    private func removeHalf(onHold isOnHold: Bool) throws {
        if isOnHold { try hold() }
        #expect(rename("\(spool.path)/queue/\(name)", "\(spool.path)/queue/.finished-\(name)") == 0)
    }

    @Test(arguments: [false, true]) func whoeverOpensWhatIsHalfRemovedRemovesIt(isOnHold: Bool) throws {
        try removeHalf(onHold: isOnHold)
        guard case .gone = try spool.postOffice().open(name, onHold: isOnHold) else { Issue.record("there"); return }
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    @Test(arguments: [false, true]) func whoeverCleansUpRemovesIt(isOnHold: Bool) throws {
        try removeHalf(onHold: isOnHold)
        let report = try spool.postOffice().recover(unfinishedFor: 0)
        #expect(report.messagesWithoutBody.isEmpty && report.bodiesWithoutMessage.isEmpty)
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    @Test(arguments: [false, true]) func itIsGoneWhileSomebodyRemovesIt(isOnHold: Bool) throws {
        if isOnHold { try hold() }
        let message = try open(onHold: isOnHold)
        #expect(rename("\(spool.path)/queue/\(name)", "\(spool.path)/queue/.finished-\(name)") == 0)
        let postOffice = try spool.postOffice()
        #expect(try postOffice.isGone(name, onHold: isOnHold))
        try postOffice.completeRemovals()
        #expect(try spool.names("transport").count == 1, "whoever has the lock removes it")
        _ = consume message
        try postOffice.completeRemovals()
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    @Test func aBodyWithBothNamesIsThatOfAMessage() throws {
        // A power failure may keep the new name and not the end of the old one.
        #expect(link("\(spool.path)/queue/\(name)", "\(spool.path)/queue/.finished-\(name)") == 0)
        try spool.postOffice().completeRemovals()
        #expect(try open().contents.recipients.count == 3)
        #expect(try spool.names("queue") == [name.description])
    }

    // MARK: Asked for

    @Test func anAttemptIsAskedForOnceAndForgottenWithItsMessage() throws {
        let postOffice = try spool.postOffice()
        try postOffice.askForAttempt(at: name)
        try postOffice.askForAttempt(at: name)
        #expect(try postOffice.messages().toRetry == [name] && postOffice.messages().names == [name])
        _ = try postOffice.recover(unfinishedFor: 0)
        #expect(try postOffice.isAttemptAskedFor(at: name))
        #expect(try postOffice.discard(open()) == .removed)
        _ = try postOffice.recover(unfinishedFor: 3600)
        #expect(try postOffice.isAttemptAskedFor(at: name), "somebody may be just about to make it")
        _ = try postOffice.recover(unfinishedFor: 0)
        #expect(try !postOffice.isAttemptAskedFor(at: name))
    }

    // MARK: Taken over

    private func reset(_ offsets: [Int]) throws {
        var bytes = try spool.read("transport/\(name)")
        for offset in offsets { bytes[offset + 1] = UInt8(ascii: " ") }
        try spool.write(bytes, "transport/\(name)")
    }

    /// Whichever of the marks a process that died had made.
    @Test(arguments: [[0], [1], [0, 1]])
    func routedRecipientsAreNeverInTwoMessages(unmarked: [Int]) throws {
        var message = try open()
        let offsets = message.contents.recipients.map(\.offset)
        #expect(throws: TakeOverError.notHeld) {
            try message.takeOver(recipientsAt: [offsets[0]], into: draft(recipients: [("smtp-lmtp", "v")]))
        }
        for offset in offsets[..<2] { _ = try message.lock(recipientAt: offset) }
        let new = try message.takeOver(
            recipientsAt: Array(offsets[..<2]), into: draft(bodyOffset: 29, recipients: [("smtp-lmtp", "v")]))
        #expect(new.description == "\(name)-h\(offsets[0])")
        let marked = message.contents.recipients.map(\.tag)
        #expect(marked == [.done, .done, .pending])
        _ = consume message
        try reset(unmarked.map { offsets[$0] })
        let contents = try open().contents
        #expect(contents.recipients.map(\.tag) == [.done, .done, .pending])
    }

    /// The marks in the message that recipients come from are durable before the file goes that says so, whoever made them.
    @Test(arguments: [false, true]) func marksAreDurableBeforeTheOtherFileGoes(isHeld: Bool) throws {
        var message = try open()
        let offset = message.contents.recipients[0].offset
        _ = try message.lock(recipientAt: offset)
        let new = try message.takeOver(
            recipientsAt: [offset], into: draft(bodyOffset: 29, recipients: [("smtp-lmtp", "v")]))
        _ = consume message
        let seen = Mutex<[FileOperation]>([])
        let postOffice = try spool.postOffice(
            FileOperations { operation, _ in
                seen.withLock { $0.append(operation) }
                return .proceed
            })
        guard case .opened(let split) = try postOffice.open(new) else { Issue.record("not opened"); return }
        seen.withLock { $0 = [] }
        if isHeld {
            let outcome = postOffice.hold(split)
            #expect(outcome == .done)
        } else {
            let outcome = postOffice.discard(split)
            #expect(outcome == .removed)
        }
        let operations = seen.withLock { $0 }
        let first = try #require(operations.firstIndex(of: .rename))
        // Of its own file nothing has changed, but for the one that is put on hold, which is synced in any case.
        #expect(operations[..<first].count { $0 == .syncFile } == (isHeld ? 2 : 1), "\(operations)")
    }

    @Test(arguments: [1, 2, 3, 4]) func aLineThatWasCutOffHarmsNothing(bytesLeft: Int) throws {
        var bytes = try spool.read("transport/\(name)")
        bytes += Array("g 12\n".utf8).prefix(bytesLeft)
        try spool.write(bytes, "transport/\(name)")
        var message = try open()
        #expect(message.contents.recipients.count == 3)
        let recipient = message.contents.recipients[0]
        let notary = Diagnostic.Notary(fields: [])
        try message.append([Diagnostic(recipient: recipient, time: 1, notary: notary, message: [])])
        _ = consume message
        let contents = try open().contents
        #expect(contents.recipients.map(\.tag) == [.pending, .pending, .pending] && contents.diagnostics.count == 1)
    }

    // MARK: Put aside

    @Test func aReasonWithoutItsFileGoes() throws {
        try spool.write("frobnicate\n", "postman/5")
        try spool.write("why\n", "postman/5.reason")
        try spool.write("why\n", "postman/6.reason")
        _ = try spool.postOffice().recover(unfinishedFor: 3600)
        #expect(try spool.names("postman") == ["5", "5.reason", "6.reason"])
        _ = try spool.postOffice().recover(unfinishedFor: 0)
        #expect(try spool.names("postman") == ["5", "5.reason"])
    }

    @Test func whatIsSubmittedAgainReplacesNothing() throws {
        try spool.write("from <a@b>\nto <x@x>\nenv-end\n\nbody\n", "postman/5")
        let inode = try FileIdentity(path: "\(spool.path)/postman/5").inode
        try spool.write("another\n", "router/5")
        let five = try #require(MessageName("5"))
        guard case .submitted(let name) = try spool.postOffice().resubmit(five) else {
            Issue.record("it was not submitted")
            return
        }
        #expect(name.description.hasPrefix("\(inode)."))
        #expect(try spool.text("router/5") == "another\n")
        #expect(try spool.names("router") == ["5", name.description].sorted())
        #expect(try spool.postOffice().resubmit(five) == .gone)
        let report = try #require(MessageName("5.report"))
        #expect(try spool.postOffice().resubmit(report) == .isReport)
        try spool.write("why\n", "postman/6.reason")
        let reason = try #require(MessageName("6.reason"))
        #expect(try spool.postOffice().places(of: reason).isEmpty && spool.postOffice().resubmit(reason) == .gone)
        #expect(try spool.names("postman") == ["6.reason"])
    }
}
