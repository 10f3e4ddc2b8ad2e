// What the diagnostics of a control file say of each recipient, read once: a message may have thousands of recipients, and
// each of them several diagnostics.

import Spool

/// The past of a message's recipients, by the places of their lines.
struct DiagnosticHistory {
    private struct Past {
        var last: (offset: Int, tag: UInt8?, diagnostic: Diagnostic)
        /// How many delays a report has told of.
        var reportedDelays = 0
    }

    private var pasts: [Int: Past] = [:]

    /// What a file says.
    init(_ contents: ControlFile) {
        for entry in contents.diagnostics {
            let recipient = entry.diagnostic.recipientOffset
            let isReported = entry.tag == RecipientTag.done.rawValue
            let told = isReported && entry.diagnostic.isDelay ? 1 : 0
            if pasts[recipient] == nil {
                pasts[recipient] = Past(last: entry, reportedDelays: told)
            } else {
                pasts[recipient]?.last = entry
                pasts[recipient]?.reportedDelays += told
            }
        }
    }

    /// Whether a recipient was ever tried.
    func hasBeenTried(_ recipient: ControlRecipient) -> Bool { pasts[recipient.offset] != nil }

    /// The last diagnostic about a recipient.
    func last(of recipient: ControlRecipient) -> Diagnostic? { pasts[recipient.offset]?.last.diagnostic }

    /// How many of its delays a report has told of.
    func reportedDelays(of recipient: ControlRecipient) -> Int { pasts[recipient.offset]?.reportedDelays ?? 0 }

    /// The last diagnostic about a recipient, with where its line begins, if it is of a delay that no report has told of.
    func unreportedDelay(of recipient: ControlRecipient) -> (offset: Int, diagnostic: Diagnostic)? {
        guard let last = pasts[recipient.offset]?.last, last.tag != RecipientTag.done.rawValue, last.diagnostic.isDelay
        else { return nil }
        return (last.offset, last.diagnostic)
    }
}
