// Names that do not come back, though inode numbers do.

import Foundation
import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct NameTests {
    static let message = "from <a@b>\nto <c@d>\nenv-end\nSubject: x\n\nbody\n"

    /// Routes a submission and lets its message be done.
    ///
    /// - Returns: the message's name.
    private func pass(_ submission: String, through spool: TestSpool) throws -> MessageName {
        let claim = try #require(try spool.claim(submission))
        let postOffice = try spool.postOffice()
        #expect(postOffice.commit([try PostOfficeTests.routed(claim)]) == [.committed])
        guard case .opened(var message) = try postOffice.open(claim.message) else {
            throw CommandFailure("\(claim.message) was not opened")
        }
        _ = try message.openBody()
        try message.mark(.done, recipientAt: try #require(message.contents.recipients.first?.offset))
        #expect(postOffice.remove(message) == .removed)
        return claim.message
    }

    /// Two messages, and many, in one file after another: their number is the same for certain.
    @Test(arguments: ["message", "INODE", "4711", "INODE.1"])
    func aNumberThatComesBackMakesAnotherName(submission: String) throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "public/file")
        let inode = try FileIdentity(path: "\(spool.path)/public/file").inode
        let submission = submission.replacing("INODE", with: "\(inode)")
        var names: Set<MessageName> = []
        for _ in 0..<50 {
            #expect(link("\(spool.path)/public/file", "\(spool.path)/router/\(submission)") == 0)
            let name = try pass(submission, through: spool)
            #expect(name.description.hasPrefix("\(inode).") && name.description != submission)
            names.insert(name)
        }
        #expect(names.count == 50)
        #expect(try spool.names("queue").isEmpty && spool.names("transport").isEmpty && spool.names("router").isEmpty)
    }

    /// On a disk, where the numbers of files that are gone are given again as the file system likes.
    @Test func noTwoMessagesOfASpoolHaveOneName() throws {
        let place = try TemporaryDirectory()
        try PostOffice.create(path: place.path)
        let postOffice = try PostOffice(path: place.path)
        var names: Set<MessageName> = []
        var numbers: [Substring: Int] = [:]
        for _ in 0..<300 {
            var writer = try MailDrop(path: place.path).newSubmission()
            try writer.write(Array(Self.message.utf8))
            let name = try writer.finish()
            names.insert(name)
            numbers[name.description.prefix { $0 != "." }, default: 0] += 1
            guard case .claimed(let claim) = try postOffice.claim(name) else {
                Issue.record("\(name) was not claimed")
                continue
            }
            #expect(claim.message == name)
            try postOffice.discard(claim)
        }
        let repeated = numbers.values.filter { $0 > 1 }.reduce(0, +)
        print("NameTests: 300 messages, \(numbers.count) inode numbers, \(repeated) messages of numbers that came back")
        #expect(names.count == 300)
    }

    /// A clock that is set back comes to a time again, in this process or in the next one.
    @Test func aTimeThatComesBackMakesAnotherName() {
        let now: UInt64 = 1_796_000_000_000_000
        let names = (0..<20).map { _ in MessageName(newFor: 12, time: now) }
        // By chance two of them may be one, in one run of some thousands.
        #expect(Set(names).count > 18)
        let chances: [UInt64] = [46_656, 46_657, 999_999, 1_679_615]
        #expect(Set(chances.map { MessageName(newFor: 12, time: now, chance: $0) }).count == 4)
        #expect(Set((0..<4).map { MessageName(newFor: 12, time: now + $0, chance: 46_656) }).count == 4)
        #expect(Set([1, 12, 123, 1234].map { MessageName(newFor: $0, time: now, chance: 46_656) }).count == 4)
    }

    /// What ZMailer's programs read of a name: its number, and no hyphen before what was split off.
    @Test(arguments: [1, 16_517_015, UInt64(UInt32.max) + 1, .max])
    func zmailersProgramsReadTheNumber(inode: UInt64) throws {
        let name = MessageName(newFor: inode)
        #expect(strtoul(name.description, nil, 10) == UInt(inode))
        #expect(!name.description.contains("-") && name.description.utf8.count < 64)
        #expect(MessageName(name.description) == name && name.isMade(for: inode) && !name.isMade(for: inode / 2))
        let part = try #require(name.takingOver(recipientAt: 45))
        #expect(part.origin == name && name.origin == nil && !part.isMade(for: inode))
    }

    /// What is in place is told by the file: names that an earlier version gave stay, and so does what a run left that died.
    @Test(arguments: ["INODE", "INODE.1", "other"], [true, false])
    func aMessageKeepsTheNameThatItHas(name: String, isCommitted: Bool) throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/message")
        let inode = try FileIdentity(path: "\(spool.path)/router/message").inode
        let name = name.replacing("INODE", with: "\(inode)")
        #expect(link("\(spool.path)/router/message", "\(spool.path)/queue/\(name)") == 0)
        if isCommitted { try spool.write("@\n", "transport/\(name)") }
        switch try spool.postOffice().claim(try #require(MessageName("message"))) {
        case .finished(let message):
            #expect(isCommitted && message.description == name)
            #expect(try spool.names("router").isEmpty)
        case .claimed(let claim): #expect(!isCommitted && claim.message.description == name)
        case .busy, .gone: Issue.record("it was not claimed")
        }
    }

    /// One file is one message, however many names it has in `router`.
    @Test func aSecondNameIsNoSecondMessage() throws {
        let spool = try TestSpool()
        try spool.write(Self.message, "router/one")
        #expect(link("\(spool.path)/router/one", "\(spool.path)/router/two") == 0)
        let postOffice = try spool.postOffice()
        let first = try #require(try spool.claim("one"))
        guard case .busy = try postOffice.claim(try #require(MessageName("two"))) else {
            Issue.record("both were claimed")
            return
        }
        #expect(postOffice.commit([try PostOfficeTests.routed(first)]) == [.committed])
        let message = first.message
        _ = consume first
        guard case .finished(message) = try postOffice.claim(try #require(MessageName("two"))) else {
            Issue.record("it was claimed for a second time")
            return
        }
        #expect(try spool.names("router").isEmpty && spool.names("transport") == [message.description])
    }
}
