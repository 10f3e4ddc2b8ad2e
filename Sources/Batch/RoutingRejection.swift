// Why a submission that could be read cannot be routed: it goes to postman/ with this reason beside it.

import MailAddress
package import Spool

/// A submission that no recipient can be worked out for, or whose sender is unusable.
package enum RoutingRejection: Error, Sendable, CustomStringConvertible {
    /// The sender is not an address that mail can be returned to.
    case unusableSender(String)
    /// Its header fields name no recipient.
    case noRecipient
    /// Something in it cannot be written into a control file.
    case unwritable(ControlFileError)

    /// The cause and the remedy, in one line.
    package var description: String {
        switch self {
        case .unusableSender(let reason):
            "unusable sender: \(reason); correct it, or write 'channel error' for the null sender"
        case .noRecipient: "\(SubmissionError.noRecipient)"
        case .unwritable(let error): "\(error); remove it"
        }
    }
}
