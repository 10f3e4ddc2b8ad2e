// The files of the spool: what is read is written back as the same bytes.

import Spool

func fuzzSubmission(_ bytes: [UInt8]) {
    for isWhole in [false, true] {
        guard let submission = try? SubmissionParser.parse(bytes, isWhole: isWhole) else { continue }
        for field in submission.fields(named: "subject") { _ = submission.value(of: field) }
    }
}

func fuzzControl(_ bytes: [UInt8]) {
    guard let file = try? ControlFile(parsing: bytes) else { return }
    precondition(file.bytes() == bytes, "a control file is not written back as it was read")
}
