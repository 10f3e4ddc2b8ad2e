import Glibc
import Spool
import System
import Testing

@Suite struct PostOfficeTests {
    static let message = "from <a@b>\nto <c@d>\nenv-end\nSubject: x\n\nbody\n"

    @Test func theListingPassesOverWhatIsNoMessage() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/one")
        try spool.write(Self.message, "router/.hidden")
        try spool.write(Self.message, "router/with blank")
        symlink("\(spool.path)/router/one", "\(spool.path)/router/link")
        mkfifo("\(spool.path)/router/fifo", 0o600)
        let listing = try spool.postOffice().submissions()
        #expect(listing.names.map(\.description) == ["one"])
        #expect(listing.refused.map { text($0.name) }.sorted() == ["fifo", "link", "with blank"])
        // Should the file system not tell types apart, opening refuses them, and does not hang on the fifo.
        for name in ["link", "fifo"] {
            let name = try #require(MessageName(name))
            #expect(throws: FileError.self) { _ = try spool.postOffice().claim(name) }
        }
    }

    @Test(arguments: [
        ("1", true), ("16517015.a-b", true), ("", false), (".a", false), ("a/b", false), ("a b", false), ("a\n", false),
        ("é", false), (String(repeating: "x", count: 200), true), (String(repeating: "x", count: 201), false),
    ])
    func namesArePlain(name: String, isPlain: Bool) {
        #expect((MessageName(name) != nil) == isPlain)
    }

    @Test func aMessageIsNamedByItsInodeAndAMark() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/message")
        let claim = try #require(try spool.claim())
        #expect(claim.message.description.hasPrefix("\(claim.identity.inode)."))
        let outcome = try spool.postOffice().commit([Self.routed(claim)])
        #expect(outcome == [.committed])
        #expect(try spool.names("router").isEmpty)
        #expect(try spool.names("transport") == [claim.message.description])
        #expect(try spool.text("queue/\(claim.message)") == Self.message)
    }

    @Test func aNameThatBelongsToAnotherFileIsLeftAlone() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/message")
        let inode = try FileIdentity(path: "\(spool.path)/router/message").inode
        let name = "\(inode).hzzzzzzzzz0000"
        #expect(rename("\(spool.path)/router/message", "\(spool.path)/router/\(name)") == 0)
        try spool.write("restored", "queue/\(name)")
        let claim = try #require(try spool.claim(name))
        #expect(claim.message.description.hasPrefix("\(inode).") && claim.message.description != name)
        #expect(try spool.postOffice().commit([Self.routed(claim)]) == [.committed])
        #expect(try spool.text("queue/\(name)") == "restored")
    }

    /// As a child that has just been forked does until it becomes a program of its own.
    @Test func whoSharesTheOpenFileDoesNotKeepItsLock() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/message")
        var shared: Int32 = -1
        defer { close(shared) }
        do {
            let claim = try #require(try spool.claim())
            let descriptor = (3..<Int32(4096)).first { descriptor in
                var status = stat()
                return fstat(descriptor, &status) == 0 && FileIdentity(status).isSameFile(as: claim.identity)
            }
            shared = fcntl(try #require(descriptor), F_DUPFD_CLOEXEC, 3)
        }
        try #require(shared >= 0)
        #expect(try spool.claim() != nil)
    }

    @Test func oneRunAtATimeHasASubmission() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/message")
        let name = try #require(MessageName("message"))
        do {
            let claim = try #require(try spool.claim())
            guard case .busy = try spool.postOffice().claim(name) else {
                Issue.record("claimed twice")
                return
            }
            #expect(claim.submission == name)
        }
        #expect(try spool.claim() != nil)
        unlink("\(spool.path)/router/message")
        guard case .gone = try spool.postOffice().claim(name) else {
            Issue.record("claimed what is gone")
            return
        }
    }

    @Test func aSubmissionThatChangedIsLeftForLater() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/message")
        let claim = try #require(try spool.claim())
        try spool.write(Self.message + "more\n", "router/message")
        guard case .failed(let error)? = try spool.postOffice().commit([Self.routed(claim)]).first else {
            Issue.record("committed")
            return
        }
        #expect(error.reason.contains("changed"))
        #expect(try spool.names("router") == ["message"])
        #expect(try spool.names("transport").isEmpty && spool.names("queue").isEmpty)
    }

    @Test func anotherFileOfTheSameNameIsNotRemoved() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/message")
        let name = "\(spool.path)/router/message"
        let routed = try Self.routed(#require(try spool.claim()))
        // The name becomes another file's after the body was linked, just before the submission is removed.
        let operations = FileOperations { operation, _ in
            if operation == .syncDirectory, access("\(name).next", F_OK) == 0 { rename("\(name).next", name) }
            return .proceed
        }
        try spool.write("the next one", "router/message.next")
        #expect(try spool.postOffice(operations).commit([routed]) == [.committed])
        #expect(try spool.text("router/message") == "the next one")
    }

    @Test func oneFailureIsNotTheOthers() throws {
        let spool = try TestSpool()
        for name in ["1", "2", "3"] { try spool.write(Self.message, "router/\(name)") }
        let claims = try ["1", "2", "3"].map { try Self.routed(#require(try spool.claim($0))) }
        unlink("\(spool.path)/router/2")
        let outcomes = try spool.postOffice().commit(claims)
        #expect(outcomes[0] == .committed && outcomes[2] == .committed)
        guard case .failed = outcomes[1] else {
            Issue.record("committed what vanished")
            return
        }
    }

    @Test(arguments: [ENOSPC, EIO, EDQUOT])
    func aFullDiskLeavesTheSubmission(code: Int32) throws {
        var number = 0
        while true {
            let spool = try TestSpool()
            try spool.write(Self.message, "router/message")
            let operations = FileOperations { [number] _, count in count == number ? .fail(code) : .proceed }
            var outcome: CommitOutcome?
            do {
                let postOffice = try spool.postOffice(operations)
                let name = try #require(MessageName("message"))
                guard case .claimed(let claim) = try postOffice.claim(name) else { break }
                _ = try claim.read()
                outcome = try postOffice.commit([Self.routed(claim)]).first
            } catch {}
            if operations.count <= number {
                #expect(number > 20)
                break
            }
            if case .committedButNotRemoved = outcome {
                #expect(try spool.names("transport").count == 1 && spool.names("queue").count == 1)
            } else if outcome != .committed {
                #expect(try spool.names("router") == ["message"], "operation \(number)")
                #expect(try spool.text("router/message") == Self.message)
                #expect(!(try spool.names("transport").contains { $0.hasPrefix(".") }), "operation \(number)")
            }
            number += 1
        }
    }

    @Test func junkGoesToThePostmanWithItsReason() throws {
        let spool = try TestSpool()
        try spool.write("junk", "router/message")
        let claim = try #require(try spool.claim())
        let name = try spool.postOffice().reject(claim, reason: "no message")
        #expect(try spool.names("postman") == [name.description, "\(name).reason"])
        #expect(try spool.text("postman/\(name)") == "junk")
        #expect(try spool.text("postman/\(name).reason") == "no message\n")
        #expect(try spool.names("router").isEmpty)
    }

    @Test func aLargeMessageIsReadByItsHeadAlone() throws {
        let spool = try TestSpool()
        let head = "from <a@b>\n" + (0..<10_000).map { "to <user\($0)@x>\n" }.joined()
        let header = "X-Large: " + String(repeating: "x", count: 998) + "\n"
        let folds = String(repeating: " " + String(repeating: "y", count: 998) + "\n", count: 1000)
        try spool.write(
            head + "env-end\n" + header + folds + "\n" + String(repeating: "z", count: 50 << 20), "router/message")
        let reads = Counter()
        let operations = FileOperations { operation, _ in
            if operation == .read { reads.count += 1 }
            return .proceed
        }
        let name = try #require(MessageName("message"))
        guard case .claimed(let claim) = try spool.postOffice(operations).claim(name) else {
            Issue.record("not claimed")
            return
        }
        let submission = try claim.read()
        #expect(submission.envelope.recipients.count == 10_000)
        #expect(submission.first(named: "x-large").map { submission.value(of: $0).count > 1_000_000 } == true)
        #expect(claim.identity.size == Int64(submission.bodyOffset + 50 << 20) || claim.identity.size > 50 << 20)
        #expect(reads.count < 6)
        #expect(throws: SubmissionReadError.content(.headTooLarge(limit: 65_536))) {
            _ = try claim.read(headLimit: 65_536)
        }
    }

    @Test func aNewSubmissionAppearsWhole() throws {
        let spool = try TestSpool()
        let postOffice = try spool.postOffice()
        var writer = try postOffice.newSubmission()
        try writer.write(Array("channel error\nto <a@b>\n".utf8))
        #expect(try postOffice.submissions().names.isEmpty)
        try writer.write(Array("env-end\n\nx\n".utf8))
        let name = try writer.finish()
        #expect(try spool.names("router") == [name.description])
        let inode = try FileIdentity(path: "\(spool.path)/router/\(name)").inode
        #expect(name.description.hasPrefix("\(inode)."))
        // It is the message's name too.
        #expect(try spool.claim(name.description)?.message == name)
        do {
            var abandoned = try postOffice.newSubmission()
            try abandoned.write([0])
        }
        #expect(try spool.names("router") == [name.description])
    }

    static func routed(_ claim: ClaimedSubmission) throws -> RoutedSubmission {
        RoutedSubmission(claim: claim, control: try control(claim.message, recipients: [("smtp", "c@d")]))
    }
}

/// A number that a hook of one thread counts in.
final class Counter: @unchecked Sendable {
    // Unchecked: the hook and the test that reads it are on one thread.
    var count = 0
}
