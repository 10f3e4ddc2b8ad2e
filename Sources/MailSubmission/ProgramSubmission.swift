// What a program says of the message that it submits, on its command line, and the envelope that this makes.

import Bytes
import Glibc
import LMTP
package import MailSyntax
import QueueRouting
import Spool

/// The envelope of a message that a program submits.
package struct ProgramSubmission: Sendable {
    /// The sender, in the form in which it is routed; empty for the null sender.
    package var sender: [UInt8]
    /// Addresses, or lists of them, as they were given.
    package var recipients: [[UInt8]] = []
    /// Whether the header's To, Cc and Bcc name recipients too.
    package var readsRecipients = false
    /// On what the sender wants to be told; nil where nobody says.
    package var notify: NotifyConditions?
    /// How much of the message a report returns; nil where nobody says.
    package var returnedContent: ReturnedContent?
    /// The sender's own name for the message; nil where there is none.
    package var envelopeID: XText?
    /// What the body is said to be; nil where nobody says.
    package var bodyType: String?
    /// How the message came.
    package var origin = SubmissionOrigin()

    /// The message of a sender.
    package init(sender: [UInt8]) { self.sender = sender }

    /// The lines before a header.
    ///
    /// - Throws: `SubmissionFailure` where there is nobody to send to, or somebody whose address no line can hold.
    package func head(_ header: [UInt8]) throws(SubmissionFailure) -> SubmissionHead {
        var addresses = recipients.flatMap(Self.addresses)
        if readsRecipients { addresses += try Self.recipients(of: header) }
        var seen: Set<[UInt8]> = []
        addresses = addresses.filter { seen.insert($0).inserted }
        guard !addresses.isEmpty else { throw .noRecipient }
        let envelope = Envelope(
            sender: sender, recipients: [], returnedContent: returnedContent, envelopeID: envelopeID)
        let meant = addresses.map { EnvelopeRecipient($0, notify: notify) }
        if let head = SubmissionHead(envelope, recipients: meant, bodyType: bodyType, origin: origin) { return head }
        // One of them, or the sender.
        let fault = meant.first { SubmissionHead(envelope, recipients: [$0], origin: origin) == nil }
        throw .unusable("'\(Self.shown(fault?.address ?? sender))' is no address that can be submitted; correct it")
    }

    /// The addresses of one argument, which is a list as in a header.
    ///
    /// A command, a file or an include is one address, for routing to refuse.
    private static func addresses(_ argument: [UInt8]) -> [[UInt8]] {
        let isPath = [UInt8(ascii: "|"), UInt8(ascii: "/"), UInt8(ascii: ":")].contains(argument.first)
        guard !isPath else { return [argument] }
        let members = HeaderRecipients.addresses(argument)
        return members.isEmpty ? [argument] : members
    }

    /// The recipients that a header names, who may be none; what cannot be read is no sign that there are none.
    private static func recipients(of header: [UInt8]) throws(SubmissionFailure) -> [[UInt8]] {
        let bytes = Array("channel error\nenv-end\n".utf8) + header
        let read: Submission?
        do throws(SubmissionError) {
            read = try SubmissionParser.parse(bytes, isWhole: true)
        } catch .noRecipient {
            return []
        } catch {
            throw .unusable("\(error)")
        }
        do throws(RoutingRejection) {
            return try read?.recipients().map(\.address) ?? []
        } catch .noRecipient {
            return []
        } catch {
            throw .unusable("\(error)")
        }
    }

    private static func shown(_ address: [UInt8]) -> String {
        String(decoding: address.prefix(200).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}

// Who submits: the account of this process, whatever its environment says.

/// An account of the system.
package struct SubmittingAccount: Sendable {
    /// Its number.
    package let number: UInt32
    /// Its login name; nil where the number has no account.
    package let login: String?
    /// Its owner's name; empty where there is none.
    package let fullName: String

    /// The account of whoever started this process.
    package static func current() -> SubmittingAccount {
        let number = getuid()
        guard let entry = unsafe getpwuid(number) else {
            return SubmittingAccount(number: number, login: nil, fullName: "")
        }
        let login = unsafe String(cString: entry.pointee.pw_name)
        let comment = unsafe entry.pointee.pw_gecos.map { unsafe String(cString: $0) } ?? ""
        // `name,office,telephone`, in which & stands for the login name.
        let name = String(comment.prefix { $0 != "," }).replacing("&", with: login)
        return SubmittingAccount(number: number, login: login, fullName: name)
    }

    /// How what this account submits came to a host.
    package func origin(host: String) -> SubmissionOrigin {
        var origin = SubmissionOrigin()
        let name = login ?? "uid \(number)"
        origin.client = Array("STDIN (\(name)@\(host))".utf8)
        origin.login = Array(name.utf8)
        origin.identity = Array("uid=\(number)".utf8)
        return origin
    }
}
