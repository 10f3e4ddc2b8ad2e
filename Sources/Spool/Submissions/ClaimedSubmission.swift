// A submission that one run has to itself: its lock is the kernel's, so a run that dies gives it up at once.

package import System

/// A locked submission and the name its message will have.
///
/// The lock goes with the last copy of this value, and with the process however that ends.
package struct ClaimedSubmission: Sendable {
    /// The submission's name in `router`.
    package let submission: MessageName
    /// The name of its message in `queue`, `transport` and `postman`: the inode number.
    package let message: MessageName
    /// The file's status when it was claimed: size in bytes, time of arrival, owner.
    package let identity: FileIdentity
    let file: OpenFile

    /// Reads envelope and header; the body is not touched, however large.
    ///
    /// - Parameter headLimit: the largest number of bytes of envelope and header together.
    /// - Throws: `SubmissionReadError`: `content` where the file is no message, `file` where it could not be read.
    package func read(headLimit: Int = 16 << 20) throws(SubmissionReadError) -> Submission {
        var head: [UInt8] = []
        // Blocks grow fourfold, as each parse begins anew: all parses together cost a third more than the last.
        var block = 16 << 10
        while true {
            let wanted = min(block, headLimit)
            let more: [UInt8]
            do {
                more = try file.read(at: head.count, count: wanted - head.count)
            } catch {
                throw .file(error)
            }
            head += more
            let isWhole = head.count < wanted || head.count >= identity.size
            do {
                if let submission = try SubmissionParser.parse(head, isWhole: isWhole) { return submission }
            } catch {
                throw .content(error)
            }
            guard wanted < headLimit else { throw .content(.headTooLarge(limit: headLimit)) }
            block = wanted * 4
        }
    }

    /// Whether the file is still what was claimed: nobody wrote to it, and its name is still its own.
    func verify(in router: SpoolDirectory) throws(FileError) {
        let now = try file.identity()
        guard now.size == identity.size, now.modified == identity.modified else {
            throw FileError(operation: "route", path: file.path, reason: "it changed while it was read; left for later")
        }
        guard try router.status(submission.description)?.inode == identity.inode else {
            throw FileError(operation: "route", path: file.path, reason: "it vanished while it was read")
        }
    }
}

/// What came of claiming a submission.
package enum SubmissionClaim: Sendable {
    /// It is ours to route.
    case claimed(ClaimedSubmission)
    /// Another run has it.
    case busy
    /// There is no such file any more.
    case gone
    /// A run that died had routed it already; what it had left to do is done.
    case finished(MessageName)
}
