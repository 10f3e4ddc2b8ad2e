// `deliver --from A --to B < message`: routes, delivers, and answers by the exit status (DEVIATIONS: direct delivery).

import ArgumentParser
import Bytes
import Configuration
import Delivery
import Glibc
import LMTP
import MailSyntax
import QueueRouting
import Routing
import Site
import Spool
import System

/// One message from standard input, while the caller waits.
struct DirectDeliveryRun {
    let site: LoggedSite
    let plan: DeliveryPlan
    let ignoresQuota: Bool

    /// The largest message taken from standard input, in bytes.
    private static let sizeLimit = 256 << 20

    /// How often it is tried, a second apart, to queue who is not served, where some are.
    private static let depositTries = 30

    /// Runs to the end.
    ///
    /// - Returns: 0 where any recipient was accepted (the others are then queued), 67 where all failed for good, 75
    ///   where the caller should try again, 64 where there is no spool for more than one recipient, 65 where the sender is
    ///   no address.
    func run(sender: String, recipients: [String]) throws -> ExitCode {
        let log = DiagnosticLog(site.logForm)
        let senderAddress: [UInt8]
        do throws(RoutingRejection) {
            senderAddress =
                try MessageSender(typed: Array(sender.utf8), atDomain: BatchSite(site.settings).atDomain).address ?? []
        } catch {
            var reason = "\(error)"
            if case .unusableSender(let cause) = error { reason = cause }
            log.say(
                "--from '\(printable(sender.utf8))': \(reason); give one address alone, or --from= for the null sender")
            return .unreadableInput
        }
        let postOffice: PostOffice?
        let message: [UInt8]
        do throws(FileError) {
            postOffice = try site.settings.postOffice.map { path throws(FileError) in try PostOffice(path: path) }
        } catch {
            // Not the status of the other commands: whoever calls must keep the message.
            log.say(error, rest: SpoolAccess.remedy)
            return .tryAgain
        }
        do {
            message = MessageHead.withoutEnvelopeLine(try readStandardInput())
        } catch {
            log.say(error)
            return .tryAgain
        }
        guard postOffice != nil || recipients.count == 1 else {
            log.say("several recipients need a POSTOFFICE, where those that cannot be served now are queued")
            return .usage
        }
        // Whoever dies inside an environment breaks it for all: a signal waits until routing is done.
        let signals = TerminationSignals()
        let routed = route(recipients, log)
        signals.release()
        guard postOffice != nil || routed.count <= 1 else {
            log.say("the recipient expands to several: that needs a POSTOFFICE, where those not served now are queued")
            return .usage
        }
        let pool = ConnectionPool()
        defer { pool.shutDown() }
        do {
            let prepared = try prepare(senderAddress, routed, message, postOffice)
            let draft = draft(senderAddress, routed, header: [])
            let results: [DirectDelivery.Result]
            do {
                results = try DirectDelivery(plan: plan, pool: pool, ignoresQuota: ignoresQuota).deliver(
                    draft, content: MessageContent(message))
            } catch {
                if let prepared { try? postOffice?.discard(prepared) }
                throw error
            }
            // Where nobody could be told, which the log says, the status is still the message's: what was accepted must not
            // be sent again.
            _ = print(results, typed: routed.map(\.typed), sender: senderAddress, size: message.count)
            return conclude(results, prepared, postOffice) { queueDraft(senderAddress, $0.map { routed[$0] }, message) }
        } catch {
            log.say(error)
            return .tryAgain
        }
    }

    // MARK: Routing

    /// A route of a recipient, which may have several.
    private struct RoutedRecipient {
        /// The recipient as it was given.
        let typed: String
        let route: Route
    }

    private func route(_ recipients: [String], _ log: borrowing DiagnosticLog) -> [RoutedRecipient] {
        let texts = site.makeTextLoader()
        let router = SupervisedRouter(health: site.base.makeHealth()) { [site] in
            site.base.makeResolver(texts: texts, watch: $0)
        }
        var request = Resolver.Request()
        request.isSubmitted = true
        var routed: [RoutedRecipient] = []
        var seen: Set<[ArraySlice<UInt8>]> = []
        let answers = router.resolve([AddressQuestion(recipients.map(unbracketed), request)]).first ?? []
        for (recipient, resolution) in zip(recipients, answers) {
            if let failure = resolution.failure { log.say("\(recipient): \(failure)") }
            for notice in resolution.notices { log.say(notice) }
            for route in resolution.routes {
                // One copy for one mailbox (DEVIATIONS: same mailbox twice); channel local names it by the user alone.
                let host = route.isChannel("local") ? [] : route.host
                if seen.insert([route.channel, host, route.user]).inserted {
                    routed.append(RoutedRecipient(typed: recipient, route: route))
                }
            }
        }
        return routed
    }

    private func unbracketed(_ address: String) -> [UInt8] {
        let bytes = Array(address.utf8)
        let isBracketed = bytes.first == UInt8(ascii: "<") && bytes.last == UInt8(ascii: ">")
        return isBracketed ? Array(bytes.dropFirst().dropLast()) : bytes
    }

    private func draft(
        _ sender: [UInt8], _ routed: [RoutedRecipient], header: [UInt8], bodyOffset: Int = 0
    ) -> ControlFileDraft {
        let isNull = sender.isEmpty
        let null = Array("<>".utf8)
        let address = ControlAddress(
            channel: Array((isNull ? "error" : "local").utf8), host: isNull ? null : sender,
            user: isNull ? null : sender, privilege: 0)
        let recipients = routed.map { recipient in
            ControlFileDraft.Recipient(
                address: ControlAddress(recipient.route),
                originalRecipient: OriginalRecipient(address: unbracketed(recipient.typed)))
        }
        return ControlFileDraft(
            bodyOffset: bodyOffset, logIdentity: nil, errorAddress: isNull ? nil : Array("<".utf8) + sender + [0x3E],
            groups: [
                .init(errorAddress: isNull ? nil : sender, sender: address, recipients: recipients, header: header)
            ])
    }

    // MARK: Results

    /// Prints what became of the recipients.
    ///
    /// - Returns: whether that could be written.
    private func print(_ results: [DirectDelivery.Result], typed: [String], sender: [UInt8], size: Int) -> Bool {
        var output = OutputStream(descriptor: STDOUT_FILENO)
        let lines = LogLines(site.logForm, descriptor: STDOUT_FILENO)
        for result in results {
            let recipient = typed[result.index]
            let shown = DeliveryResult(
                subject: printable(recipient.utf8), sender: sender, recipient: Array(recipient.utf8), size: size,
                address: result.address, outcome: result.outcome, reply: result.reply, endpoint: result.endpoint)
            switch site.logForm.format {
            case .text: output.write(shown.line)
            case .json: output.write { lines.append(shown.event(message: nil), to: &$0) }
            }
        }
        return output.finish(DiagnosticLog(site.logForm))
    }

    /// Puts a message for several recipients into the spool but for the last steps, so that there is room for those who are
    /// not served when one of them is.
    private func prepare(
        _ sender: [UInt8], _ routed: [RoutedRecipient], _ message: [UInt8], _ postOffice: PostOffice?
    ) throws(FileError) -> PreparedMessage? {
        guard let postOffice, routed.count > 1 else { return nil }
        return try postOffice.prepare(queueDraft(sender, routed, message)) { (write) throws(FileError) in
            try write(message)
        }
    }

    /// The message as it is queued for some recipients.
    private func queueDraft(
        _ sender: [UInt8], _ routed: [RoutedRecipient], _ message: [UInt8]
    ) -> ControlFileDraft {
        draft(sender, routed, header: MessageHead.header(of: message), bodyOffset: MessageHead.length(of: message))
    }

    private func conclude(
        _ results: [DirectDelivery.Result], _ prepared: PreparedMessage?, _ postOffice: PostOffice?,
        draft: (_ recipients: [Int]) -> ControlFileDraft
    ) -> ExitCode {
        let log = DiagnosticLog(site.logForm)
        let served = results.filter { $0.outcome == .delivered }
        let left = results.count - served.count
        guard left > 0, !served.isEmpty, let prepared, let postOffice else {
            do throws(FileError) {
                if let prepared { try postOffice?.discard(prepared) }
            } catch {
                log.say("\(error): what is left of the message there can be removed", .warning)
            }
            if left == 0 { return .ok }
            return results.allSatisfy { $0.outcome == .failed } ? .noUser : .tryAgain
        }
        // Some store has the message: from here on the caller must not send it again, whatever happens.
        let rest = draft(results.filter { $0.outcome != .delivered }.map(\.index))
        var tries = 0
        while true {
            do throws(FileError) {
                try postOffice.deposit(prepared, leaving: rest)
                log.say("\(left) of \(results.count) recipients are queued as \(prepared.name)", .notice)
                return .ok
            } catch {
                tries += 1
                if tries == 1 { log.say("\(error): trying for half a minute", .warning) }
                guard tries < Self.depositTries else {
                    log.say("\(error): \(left) of \(results.count) recipients are NOT queued and must be told")
                    return .tryAgain
                }
                sleep(1)
            }
        }
    }

    // MARK: Input

    private func readStandardInput() throws(FileError) -> [UInt8] {
        var message: [UInt8] = []
        while true {
            var count = 0
            let block = unsafe [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
                count = unsafe read(STDIN_FILENO, buffer.baseAddress, buffer.count)
                initialized = max(count, 0)
            }
            if count == 0 { return message }
            if count < 0 {
                guard errno == EINTR else { throw FileError(operation: "read", path: "standard input", code: errno) }
                continue
            }
            message += block
            guard message.count <= Self.sizeLimit else {
                throw FileError(
                    operation: "read", path: "standard input", reason: "larger than \(Self.sizeLimit) bytes")
            }
        }
    }
}

/// Where a message's header ends.
private enum MessageHead {
    /// The length of the header with its blank line; the whole where there is no blank line.
    static func length(of message: [UInt8]) -> Int {
        var start = 0
        while start < message.count {
            let end = message[start...].firstIndex(of: 0x0A) ?? message.count
            let line = message[start..<end]
            if line.isEmpty || line.elementsEqual([0x0D]) { return min(end + 1, message.count) }
            start = end + 1
        }
        return message.count
    }

    /// The message without the line `From sender date` of mailbox files, which some MTAs put before what they pipe.
    static func withoutEnvelopeLine(_ message: [UInt8]) -> [UInt8] {
        guard message.starts(with: "From ".utf8), let end = message.firstIndex(of: 0x0A) else { return message }
        return Array(message[(end + 1)...])
    }

    /// The header fields as a control file takes them: without NUL, and without the blank line.
    static func header(of message: [UInt8]) -> [UInt8] {
        var header = message[..<length(of: message)].filter { $0 != 0 }
        while header.last == 0x0A || header.last == 0x0D { header.removeLast() }
        return header.isEmpty ? [] : header + [0x0A]
    }
}
