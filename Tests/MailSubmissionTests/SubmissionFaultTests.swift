// Kills, or fails, a submission at each of its file operations in turn: what was said to be submitted is in the spool, whole
// and once; what was not is not there, or as whole.

import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct SubmissionFaultTests {
    static let message = "Subject: x\n\n" + String(repeating: "a line of the body\n", count: 2000)

    @Test(arguments: ["kill", "\(ENOSPC)", "\(EIO)"])
    func whatIsSaidToBeSubmittedIsThereWholeAndOnce(mode: String) throws {
        var number = 0
        var (accepted, refused, unsaid) = (0, 0, 0)
        while true {
            let spool = try SubmissionSpool()
            let result = try runCommand(
                try Programs.path("SubmissionFaultRunner"), [spool.place.path, mode, "\(number)"],
                input: Array(Self.message.utf8))
            let about = "\(mode) at \(number): \(result.text)"
            let names = try spool.names("router")
            #expect(names.count <= 1, "\(about)")
            for name in names {
                let text = try spool.submitted(try #require(MessageName(name)))
                #expect(text.hasSuffix("env-end\n" + Self.message), "\(about)")
            }
            if result.text.hasPrefix("submitted ") {
                accepted += 1
                #expect(result.text.hasPrefix("submitted \(names.first ?? "nothing")\n"), "\(about)")
            } else if result.status == 0 {
                refused += 1
                // Whoever heard of a failure submits it again.
                #expect(result.text.hasPrefix("error: ") && names.isEmpty, "\(about)")
                #expect(try spool.names("public").count <= (mode == "kill" ? 1 : 0), "\(about)")
            } else {
                // Killed behind the rename: it is there, and nobody was told so.
                unsaid += names.count
            }
            // What a killed process left is cleared away later, and nothing else is.
            _ = try PostOffice(path: spool.place.path).recover(unfinishedFor: 0)
            #expect(try spool.names("public").isEmpty, "\(about)")
            #expect(try spool.names("router") == names, "\(about)")
            if result.status == 0, (Int(result.text.split(separator: "\n").last ?? "") ?? .max) <= number { break }
            number += 1
        }
        print(
            "SubmissionFaultTests: \(mode): \(number) fault points, \(accepted) accepted, \(refused) refused,"
                + " \(unsaid) there without a word, none lost, none doubled")
        #expect(number > 10 && accepted > 0)
        #expect(mode == "kill" ? unsaid > 0 : refused > 5)
    }

    /// The writer of a file that is still being written to is in nobody's way, and its file in nobody's hands.
    @Test func whatIsBeingWrittenStaysUntilItIsOld() throws {
        let spool = try SubmissionSpool()
        var writer = try MailDrop(path: spool.place.path).newSubmission()
        try writer.write(Array("from <a@b>\nto <c@d>\nenv-end\n\nx\n".utf8))
        let report = try PostOffice(path: spool.place.path).recover(unfinishedFor: 3600)
        #expect(report.removedFiles.isEmpty)
        #expect(try spool.names("public").count == 1 && spool.names("router").isEmpty)
        let name = try writer.finish()
        #expect(try spool.names("router") == [name.description] && spool.names("public").isEmpty)
    }
}
