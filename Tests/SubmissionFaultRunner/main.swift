// Submits a message, and can be killed, or made to fail, at any of its file operations; MailSubmissionTests starts it as a
// process of its own, and looks at what is left.
//
// SubmissionFaultRunner POSTOFFICE kill|ERRNO|none NUMBER < message: prints the number of operations it did, and before that,
// when it is durable, the name of what it submitted.

import Glibc
import MailSubmission
import Spool
import System

guard CommandLine.arguments.count == 4, let number = Int(CommandLine.arguments[3]) else { exit(64) }
let mode = CommandLine.arguments[2]
let code = Int32(mode)
let operations = FileOperations { _, count in
    guard count == number, mode != "none" else { return .proceed }
    if let code { return .fail(code) }
    kill(getpid(), SIGKILL)
    return .proceed
}

var submission = ProgramSubmission(sender: Array("a@b.example".utf8))
submission.recipients = [Array("c@d.example".utf8)]
do {
    let drop = try MailDrop(path: CommandLine.arguments[1], operations: operations)
    var intake = MessageIntake(into: drop, sizeLimit: 1 << 20) { [submission] (header) throws(SubmissionFailure) in
        try submission.head(header)
    }
    // In pieces, as a pipe gives them: several of them are written.
    while true {
        var count = 0
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: 8 << 10) { buffer, initialized in
            count = unsafe read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            initialized = max(count, 0)
        }
        guard count > 0 else { break }
        try intake.take(piece)
    }
    print("submitted \(try intake.finish())")
} catch {
    print("error: \(error)")
}
print(operations.count)
