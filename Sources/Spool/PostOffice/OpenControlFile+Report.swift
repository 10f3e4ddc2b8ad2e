// Submits a report about recipients once: never twice for one recipient, and never not at all.
//
//   step                                           router/.staged-N  router/REPORT  first d line  others   a later run
//   1 report written, durable                              x               -             -           -     discards it
//   2 first diagnostic marked reported, durable            x               -             +           -     goes on at 3
//   3 the others marked, durable                           x               -             +           +     goes on at 4
//   4 renamed into place, durable                          -               x             +           +     nothing
//
// Step 2, one byte, decides. A `comment` line in the report's envelope says which diagnostics it is about, so that
// whoever opens the message next (`completeReport`) can tell and go on.

package import System

extension OpenControlFile {
    private static let comment = Array("comment report on ".utf8)

    /// Submits a report and marks the diagnostics it is about as reported (tag `+`).
    ///
    /// - Parameters:
    ///   - offsets: where the diagnostics' lines begin; at least one.
    ///   - write: writes the submission, from its envelope lines on.
    /// - Returns: the report's name in `router`.
    /// - Throws: `FileError`; the report is then submitted by the next `open`, or not at all and nothing is marked.
    package mutating func submitReport(
        onDiagnosticsAt offsets: [Int], write: (inout SubmissionWriter) throws(FileError) -> Void
    ) throws(FileError) -> MessageName {
        let offsets = offsets.sorted()
        guard let first = offsets.first else {
            throw FileError(
                operation: "report", path: postOffice.controlPath(of: message), reason: "about no diagnostic")
        }
        // A call before may have failed after it was decided: then its report is submitted, and these may be in it.
        try completeReport()
        for offset in offsets where isReported(diagnosticAt: offset) {
            throw FileError(
                operation: "report", path: postOffice.controlPath(of: message), reason: "it was reported already")
        }
        var writer = try postOffice.newStagedSubmission(for: message)
        try writer.write(Self.comment + ControlOrigin(message: message, offsets: offsets).text + [0x0A])
        try write(&writer)
        try writer.stage()
        try markReported(diagnosticAt: first)
        try sync()
        return try finishReport(offsets)
    }

    /// Goes on with a report that a run had decided to submit when it died, or discards one it had not.
    mutating func completeReport() throws(FileError) {
        guard contents.lines.contains(where: { $0.kind == .diagnostic }),
            let file = try postOffice.staged(for: message)
        else { return }
        let about = ControlOrigin(parsing: try file.firstLine(after: Self.comment))
        if let offsets = about?.offsets, let first = offsets.first, isReported(diagnosticAt: first) {
            _ = try finishReport(offsets)
        } else {
            try postOffice.discardStaged(for: message)
        }
    }

    private func isReported(diagnosticAt offset: Int) -> Bool {
        contents.lineIndex(at: offset).map { contents.lines[$0].tag == RecipientTag.done.rawValue } ?? false
    }

    /// Steps 3 and 4.
    private mutating func finishReport(_ offsets: [Int]) throws(FileError) -> MessageName {
        for offset in offsets.dropFirst() { try markReported(diagnosticAt: offset) }
        try sync()
        return try postOffice.publishStaged(for: message)
    }
}

extension OpenFile {
    /// The rest of the first line after what it begins with; empty where it begins otherwise or is not whole.
    fileprivate func firstLine(after beginning: [UInt8]) throws(FileError) -> [UInt8] {
        // The offsets of some million diagnostics.
        let bytes = try read(at: 0, count: 16 << 20)
        guard bytes.starts(with: beginning), let end = bytes.firstIndex(of: 0x0A) else { return [] }
        return Array(bytes[beginning.count..<end])
    }
}

// Changes of a control file that are not known to be on the disk: some perhaps not even written.

/// The changes since the last sync, in their order.
///
/// A change is written only after all before it, so that whatever a crash leaves is a state the file could have had.
struct UnsyncedChanges: Sendable {
    /// Bytes at a place of the file.
    struct Change: Sendable {
        let offset: Int
        let bytes: [UInt8]
        /// Whether they make the file longer: a part of them must not be left in it.
        var isAtEnd = false
    }

    private var changes: [Change] = []
    private var writtenCount = 0

    /// Whether the file has taken all of them.
    var areWritten: Bool { writtenCount == changes.count }

    /// Adds a change, to be written by the next `write` or `make`.
    mutating func append(_ change: Change) { changes.append(change) }

    /// Writes a change after all before it, and keeps it only if that succeeds.
    mutating func make(_ change: Change, to file: OpenFile) throws(FileError) {
        try write(to: file)
        try Self.write(change, to: file)
        changes.append(change)
        writtenCount += 1
    }

    /// Writes what is not written yet; what fails is kept.
    mutating func write(to file: OpenFile) throws(FileError) {
        while writtenCount < changes.count {
            try Self.write(changes[writtenCount], to: file)
            writtenCount += 1
        }
    }

    /// Forgets that anything was written.
    mutating func writeAllAgain() { writtenCount = 0 }

    private static func write(_ change: Change, to file: OpenFile) throws(FileError) {
        do throws(FileError) {
            try file.write(change.bytes, at: change.offset)
        } catch {
            // Where that fails too, a torn diagnostic is left, which every reader puts up with, and which is written over.
            if change.isAtEnd { try? file.truncate(to: change.offset) }
            throw error
        }
    }
}
