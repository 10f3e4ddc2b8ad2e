import CFileAttributes
import Glibc
import Spool
import System
import Testing

@Suite struct OpenControlFileTests {
    /// A spool with one routed message of these recipients.
    static func spool(_ recipients: [(String, String)]) throws -> (TestSpool, MessageName) {
        let spool = try TestSpool()
        try spool.write(PostOfficeTests.message, "router/message")
        let claim = try #require(try spool.claim())
        let control = try control(claim.message, recipients: recipients)
        #expect(try spool.postOffice().commit([RoutedSubmission(claim: claim, control: control)]) == [.committed])
        return (spool, claim.message)
    }

    private static func open(_ spool: TestSpool, _ name: MessageName) throws -> OpenControlFile {
        switch try spool.postOffice().open(name) {
        case .opened(let message): return message
        case .busy: throw FileError(operation: "open", path: name.description, reason: "busy")
        case .gone: throw FileError(operation: "open", path: name.description, reason: "gone")
        }
    }

    @Test func tagsAreRewrittenInPlace() throws {
        let (spool, name) = try Self.spool([("smtp", "a"), ("smtp", "b"), ("smtp", "c")])
        let before = try spool.text("transport/\(name)")
        var message = try Self.open(spool, name)
        let offsets = message.contents.recipients.map(\.offset)
        let process = String(repeating: " ", count: max(0, 6 - "\(getpid())".count)) + "\(getpid())"
        #expect(try message.lock(recipientAt: offsets[0]))
        #expect(try !message.lock(recipientAt: offsets[0]))
        #expect(
            try spool.text("transport/\(name)")
                == before.replacing("r           smtp h a", with: "r~\(process)    smtp h a"))
        try message.mark(.done, recipientAt: offsets[0])
        try message.mark(.failed, recipientAt: offsets[1])
        #expect(try message.lock(recipientAt: offsets[2]))
        try message.mark(.pending, recipientAt: offsets[2])
        try message.sync()
        let expected = before.replacing("r           smtp h a", with: "r+          smtp h a")
            .replacing("r           smtp h b", with: "r-          smtp h b")
        #expect(try spool.text("transport/\(name)") == expected)
        #expect(text(message.contents.bytes()) == expected)
        #expect(throws: FileError.self) { try message.mark(.done, recipientAt: 3) }
    }

    @Test func diagnosticsAreAppendedAfterATornOne() throws {
        let (spool, name) = try Self.spool([("smtp", "a")])
        let before = try spool.text("transport/\(name)")
        try spool.write(before + "d 12", "transport/\(name)")
        var message = try Self.open(spool, name)
        let recipient = try #require(message.contents.recipients.first)
        let notary = Diagnostic.Notary(fields: [Array("a".utf8), Array("failed".utf8)])
        for time in 1...2 {
            try message.append([Diagnostic(recipient: recipient, time: time, notary: notary, message: [])])
        }
        let line = "d \(recipient.offset):\(recipient.headerOffset ?? 0):-1::1\ta\u{1}failed\t\n"
        #expect(try spool.text("transport/\(name)") == before + "d 12\n" + line + line.replacing("::1", with: "::2"))
        #expect(text(message.contents.bytes()) == (try spool.text("transport/\(name)")))
    }

    @Test func aFullDiskLeavesNoHalfDiagnostic() throws {
        let (spool, name) = try Self.spool([("smtp", "a")])
        let before = try spool.read("transport/\(name)")
        let operations = FileOperations { operation, _ in operation == .write ? .fail(ENOSPC) : .proceed }
        let failing = try spool.postOffice(operations)
        guard case .opened(var message) = try failing.open(name) else {
            Issue.record("not opened")
            return
        }
        let recipient = try #require(message.contents.recipients.first)
        let diagnostic = Diagnostic(recipient: recipient, time: 1, notary: .init(fields: []), message: [])
        #expect(throws: FileError.self) { try message.append([diagnostic]) }
        #expect(message.contents.bytes() == before)
    }

    @Test func aDeadProcessesLockIsTakenOver() throws {
        let (spool, name) = try Self.spool([("smtp", "a"), ("smtp", "b"), ("smtp", "c")])
        // A process that has ended and been waited for; pid 1, which lives; and this process, which has no work open.
        var process = pid_t()
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/true"), nil]
        defer { free(arguments[0]) }
        #expect(posix_spawn(&process, "/bin/true", nil, nil, arguments, nil) == 0)
        waitpid(process, nil, 0)
        var content = try spool.text("transport/\(name)")
        for (user, process) in [("a", "\(process)"), ("b", "1"), ("c", "\(getpid())")] {
            let columns = String(repeating: " ", count: 6 - process.count) + process
            content = content.replacing("r           smtp h \(user)", with: "r~\(columns)    smtp h \(user)")
        }
        try spool.write(content, "transport/\(name)")
        let message = try Self.open(spool, name)
        #expect(message.contents.recipients.map(\.tag) == [.pending, .locked, .pending])
    }

    /// A number says nothing by itself: another process may have it now, here or in another namespace.
    @Test(
        arguments: [
            // The number that the last holder of the lock noted, the one in the tag, what has it now.
            ("     1", "     1", RecipientTag.pending), ("     1", "1     ", .pending), (nil, "     1", .locked),
            ("     2", "     1", .locked), ("x", "     1", .locked), (nil, "999999", .pending),
            (nil, "      ", .pending),
        ] as [(String?, String, RecipientTag)])
    func aNumberThatAnotherProcessHas(noted: String?, written: String, tag: RecipientTag) throws {
        let (spool, name) = try Self.spool([("smtp", "a")])
        let path = "\(spool.path)/transport/\(name)"
        let content = try spool.text("transport/\(name)")
        try spool.write(
            content.replacing("r           smtp h a", with: "r~\(written)    smtp h a"), "transport/\(name)")
        if let noted { #expect(setxattr(path, "user.zroute.holder", noted, noted.utf8.count, 0) == 0) }
        #expect(try Self.open(spool, name).contents.recipients.map(\.tag) == [tag])
    }

    /// Whoever works on a message has its file open, whatever the clock says of when it began.
    @Test(arguments: [-86_400 * 365, 0, 86_400 * 365])
    func anAgentThatHasTheFileOpenIsAtWork(seconds: Int) throws {
        let (spool, name) = try Self.spool([("smtp", "a")])
        let path = "\(spool.path)/transport/\(name)"
        var process = pid_t()
        let words = ["/bin/sh", "-c", "exec 3<\"$0\"; exec sleep 1000", path]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        #expect(posix_spawn(&process, "/bin/sh", nil, nil, arguments, nil) == 0)
        defer {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        let link = "/proc/\(process)/fd/3"
        // Until the shell has opened it, its descriptor 3 may be one that it was given.
        var there = stat(), here = stat()
        while stat(link, &there) != 0 || stat(path, &here) != 0 || there.st_ino != here.st_ino { usleep(1000) }
        let columns = String(repeating: " ", count: 6 - "\(process)".count) + "\(process)"
        let content = try spool.text("transport/\(name)")
        let descriptor = Glibc.open(path, O_WRONLY)
        let changed = Array(content.replacing("r           smtp h a", with: "r~\(columns)    smtp h a").utf8)
        #expect(pwrite(descriptor, changed, changed.count, 0) == changed.count)
        let date = timespec(tv_sec: time(nil) + seconds, tv_nsec: 0)
        #expect(futimens(descriptor, [date, date]) == 0)
        close(descriptor)
        #expect(try Self.open(spool, name).contents.recipients.map(\.tag) == [.locked])
    }

    @Test func oneRunAtATimeWorksOnAMessage() throws {
        let (spool, name) = try Self.spool([("smtp", "a")])
        let message = try Self.open(spool, name)
        guard case .busy = try spool.postOffice().open(name) else {
            Issue.record("opened twice")
            return
        }
        #expect(try spool.postOffice().controlFile(of: name) == message.contents)
    }

    @Test func heldRecipientsAreTakenOverOnce() throws {
        let (spool, name) = try Self.spool([("hold", "a"), ("smtp", "b"), ("hold", "c")])
        var message = try Self.open(spool, name)
        let offsets = message.contents.recipients.map(\.offset)
        #expect(throws: TakeOverError.notHeld) {
            _ = try message.takeOver(recipientsAt: [offsets[1]], into: draft(recipients: [("smtp", "x")]))
        }
        let other = try message.takeOver(
            recipientsAt: [offsets[2], offsets[0]], into: draft(recipients: [("smtp", "a"), ("smtp", "c")]))
        #expect(other.description == "\(name)-h\(offsets[0])" && other.origin == name)
        #expect(message.contents.recipients.map(\.tag) == [.done, .pending, .done])
        let taken = try #require(try spool.postOffice().controlFile(of: other))
        #expect(taken.origin == ControlOrigin(message: name, offsets: [offsets[0], offsets[2]]))
        #expect(taken.name.map(text) == other.description)
        #expect(try spool.text("queue/\(other)") == PostOfficeTests.message)
        #expect(throws: TakeOverError.notHeld) {
            _ = try message.takeOver(recipientsAt: [offsets[0]], into: draft(recipients: [("smtp", "x")]))
        }
    }

    @Test func aMessageIsRemovedWhenAllIsDone() throws {
        let (spool, name) = try Self.spool([("smtp", "a"), ("smtp", "b")])
        var message = try Self.open(spool, name)
        let offsets = message.contents.recipients.map(\.offset)
        try message.mark(.done, recipientAt: offsets[0])
        guard case .failed = try spool.postOffice().remove(message) else {
            Issue.record("removed with a recipient to do")
            return
        }
        var again = try Self.open(spool, name)
        try again.mark(.failed, recipientAt: offsets[1])
        // The submission a dead run had no time to remove goes with the message.
        link("\(spool.path)/queue/\(name)", "\(spool.path)/router/left")
        #expect(try spool.postOffice().remove(again) == .removed)
        for directory in ["router", "transport", "queue"] { #expect(try spool.names(directory).isEmpty) }
    }

    @Test func aFailureAfterTheDecisionIsNotRepeated() throws {
        let (spool, name) = try Self.spool([("hold", "a"), ("smtp", "b")])
        // Once armed, the first sync after a rename fails: what was decided is in place, and the caller hears an error.
        let armed = Counter()
        let operations = FileOperations { operation, _ in
            if armed.count == 1, operation == .rename { armed.count = 2 }
            guard armed.count == 2, operation == .syncDirectory else { return .proceed }
            armed.count = 0
            return .fail(EIO)
        }
        let postOffice = try spool.postOffice(operations)
        guard case .opened(var message) = try postOffice.open(name) else {
            Issue.record("not opened")
            return
        }
        let recipients = message.contents.recipients
        let held = recipients[0].offset
        armed.count = 1
        #expect(throws: TakeOverError.self) {
            _ = try message.takeOver(recipientsAt: [held], into: draft(recipients: [("smtp", "a")]))
        }
        #expect(throws: TakeOverError.notHeld) {
            _ = try message.takeOver(recipientsAt: [held], into: draft(recipients: [("smtp", "other")]))
        }
        #expect(try spool.names("transport").count == 2)

        let notary = Diagnostic.Notary(fields: [Array("b".utf8), Array("failed".utf8)])
        try message.append([Diagnostic(recipient: recipients[1], time: 1, notary: notary, message: [])])
        try message.mark(.failed, recipientAt: recipients[1].offset)
        let offsets = message.contents.unreportedFailures.flatMap(\.offsets)
        for _ in 0..<2 {
            armed.count = armed.count == 0 ? 1 : 0
            #expect(throws: FileError.self) {
                _ = try message.submitReport(onDiagnosticsAt: offsets) { (writer) throws(FileError) in
                    try writer.write(Array("channel error\nto <a@b>\nenv-end\n\n".utf8))
                }
            }
        }
        #expect(try spool.names("router").count == 1)
        #expect(message.contents.unreportedFailures.isEmpty)
    }

    @Test func manyAreRemovedWithOneSyncOfEachDirectory() throws {
        let spool = try TestSpool()
        for name in ["1", "2", "3"] { try spool.write(PostOfficeTests.message, "router/\(name)") }
        let routed = try ["1", "2", "3"].map { try PostOfficeTests.routed(#require(try spool.claim($0))) }
        #expect(try spool.postOffice().commit(routed) == [.committed, .committed, .committed])
        let syncs = Counter()
        let operations = FileOperations { operation, _ in
            if operation == .syncDirectory { syncs.count += 1 }
            return .proceed
        }
        let postOffice = try spool.postOffice(operations)
        var finished: [FinishedMessage] = []
        for name in try postOffice.messages().names.prefix(2) {
            guard case .opened(var message) = try postOffice.open(name) else { continue }
            try message.mark(.done, recipientAt: try #require(message.contents.recipients.first?.offset))
            guard case .ready(let ready) = postOffice.prepareRemoval(message) else { continue }
            finished.append(ready)
        }
        #expect(postOffice.remove(finished) == [.removed, .removed])
        #expect(syncs.count == 2)
        #expect(try spool.names("transport").count == 1 && spool.names("queue").count == 1)
    }

    @Test func aSplitOffMessageWaitsForTheOneItComesFrom() throws {
        let (spool, name) = try Self.spool([("hold", "a"), ("smtp", "b")])
        var message = try Self.open(spool, name)
        let offset = try #require(message.contents.recipients.first?.offset)
        let other = try message.takeOver(recipientsAt: [offset], into: draft(recipients: [("smtp", "a")]))
        // As a crash before the last step leaves it.
        try message.mark(.pending, recipientAt: offset)
        var split = try Self.open(spool, other)
        try split.mark(.done, recipientAt: try #require(split.contents.recipients.first?.offset))
        #expect(try spool.postOffice().remove(split) == .busy(origin: name))
        _ = consume message
        let finished = try Self.open(spool, other)
        #expect(try spool.postOffice().remove(finished) == .removed)
        #expect(try spool.postOffice().controlFile(of: name)?.recipients.map(\.tag) == [.done, .pending])
    }

    @Test func recoveryTellsWhatAPersonShouldSee() throws {
        let (spool, name) = try Self.spool([("smtp", "a")])
        unlink("\(spool.path)/queue/\(name)")
        try spool.write("body", "queue/77")
        try spool.write("half", "transport/.9.new")
        try spool.write("half", "router/.1-2.new")
        var report = try spool.postOffice().recover()
        #expect(report.removedFiles.isEmpty)
        report = try spool.postOffice().recover(unfinishedFor: 0)
        #expect(report.removedFiles.count == 2)
        #expect(report.messagesWithoutBody == [name])
        #expect(report.bodiesWithoutMessage.map(\.description) == ["77"])
        #expect(try spool.names("queue") == ["77"])
    }
}
