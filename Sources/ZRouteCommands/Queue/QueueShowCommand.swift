// `zroute queue show`: all there is to know of one message.

import ArgumentParser
import Bytes
import Configuration
import Delivery
import Glibc
import QueueRouting
import Site
import Spool
import System

/// Shows a message.
struct QueueShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a message: envelope, recipients, last answers, header, body.",
        discussion: """
            Each recipient is shown with its state, the time of the next attempt as scheduler.conf has it, and the last \
            answers. The header is that which is sent; --body adds the body, byte for byte (to a terminal without what would \
            control it). Of what is submitted, or lies in postman, the file is shown as it is. Nothing is changed.

            The exit status is 0, 65 if the message cannot be read, 66 if there is none of that name, and 74 if it could not \
            be written.

            Examples:

              # All of one message, with its body.
              zroute queue show --body 1234567
            """)

    @OptionGroup var site: SiteOptions

    @Flag(help: "Show the body too.")
    var body = false

    @Option(help: "The form of the output: text or json.")
    var format = QueueFormat.text

    @Argument(help: "The message's name, as the list has it.")
    var message: QueueMessageName

    func run() throws {
        let session = try QueueSession(site)
        let log = session.log
        var output = OutputStream(descriptor: STDOUT_FILENO)
        do throws(QueueRefusal) {
            let place = try message.place(in: session.postOffice)
            do throws(FileError) {
                try show(session, place, to: &output)
            } catch {
                throw error.isMissing ? Self.gone : QueueRefusal(.unreadableInput, error.description)
            }
        } catch {
            output.flush()
            log.say("message \(message.name): \(error.reason)")
            throw error.status
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
    }

    private static let gone = QueueRefusal(.missingInput, "it is gone: delivered, returned or removed meanwhile")

    private func show(
        _ session: QueueSession, _ place: MessagePlace, to output: inout OutputStream
    ) throws(FileError) {
        let known =
            switch place {
            case .routed: try routed(session, isOnHold: false)
            case .onHold: try routed(session, isOnHold: true)
            case .submitted, .aside: try unrouted(session.postOffice, place)
            }
        switch format {
        case .text:
            output.write(known.detail.text())
            if body { try writeBody(session.postOffice, place, from: known.bodyOffset, to: &output) }
        case .json:
            var detail = known.detail
            if body { detail.body = try readBody(session.postOffice, place, from: known.bodyOffset) }
            output.write(detail.json() + [0x0A])
        }
    }

    // MARK: The body

    /// Writes the body piece by piece, however large it is.
    private func writeBody(
        _ postOffice: PostOffice, _ place: MessagePlace, from offset: Int, to output: inout OutputStream
    ) throws(FileError) {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        output.write("body:\n")
        // What would control a terminal is found line by line.
        var line: [UInt8] = []
        _ = try postOffice.read(message.name, in: place, from: offset) { piece in
            guard isTerminal else {
                output.write(piece)
                return !output.hasFailed
            }
            line += piece
            let end = (line.lastIndex(of: 0x0A) ?? line.endIndex - 1) + 1
            output.write(visible(line[..<end]))
            line.removeFirst(end)
            return !output.hasFailed
        }
        output.write(visible(line[...]))
    }

    private func visible(_ lines: ArraySlice<UInt8>) -> String {
        lines.split(separator: 0x0A, omittingEmptySubsequences: false).map { printable($0) }.joined(separator: "\n")
    }

    /// The largest body that is part of an object, in bytes.
    private static let bodyLimit = 64 << 20

    private func readBody(
        _ postOffice: PostOffice, _ place: MessagePlace, from offset: Int
    ) throws(FileError) -> [UInt8]? {
        var bytes: [UInt8] = []
        let isThere = try postOffice.read(message.name, in: place, from: offset) { piece in
            bytes += piece
            return bytes.count <= Self.bodyLimit
        }
        guard bytes.count <= Self.bodyLimit else {
            throw FileError(
                operation: "read", path: postOffice.bodyPath(of: message.name),
                reason: "larger than \(Self.bodyLimit) bytes, too large for an object; --format text shows it")
        }
        return isThere ? bytes : nil
    }

    // MARK: What is known of it

    private func routed(
        _ session: QueueSession, isOnHold: Bool
    ) throws(FileError) -> (detail: MessageDetail, bodyOffset: Int) {
        let postOffice = session.postOffice
        let name = message.name
        let path = postOffice.path(of: name, in: isOnHold ? .onHold : .routed)
        let missing = FileError(operation: "open", path: path, code: ENOENT)
        let contents: ControlFile
        do throws(ControlAccessError) {
            guard let found = try postOffice.controlFile(of: name, onHold: isOnHold) else { throw .file(missing) }
            contents = found
        } catch {
            switch error {
            case .file(let failure): throw failure
            case .content(let path, let fault):
                throw FileError(operation: "read", path: path, reason: "not a control file: \(fault)")
            }
        }
        let dates = try postOffice.dates(of: name, contents, onHold: isOnHold)
        if dates == nil, try postOffice.isGone(name, onHold: isOnHold) { throw missing }
        var detail = MessageDetail(
            name: name, place: isOnHold ? .onHold : .routed, now: Int64(time(nil)), path: path)
        let first = contents.recipients.first
        detail.sender = first.map { $0.errorAddress ?? [] }
        detail.identity = contents.logIdentity
        detail.envelopeIdentifier = contents.recipients.lazy.compactMap(\.envelopeIdentifier).first
        detail.returnMode = contents.recipients.lazy.compactMap(\.returnMode).first
        detail.origin = contents.origin?.message
        detail.arrival = dates?.arrival
        detail.size = try postOffice.body(of: name).map { Int(clamping: $0.size) }
        detail.header = first.flatMap { contents.header(of: $0) }
        let isAskedFor = try postOffice.isAttemptAskedFor(at: name)
        let schedules = RecipientSchedules(
            conf: schedulerConf(session), dates: dates, isAskedFor: isAskedFor, now: detail.now)
        detail.recipients = contents.recipientDetails(onHold: isOnHold, schedules)
        return (detail, contents.bodyOffset ?? 0)
    }

    /// What says when attempts are made; nil where there is none that can be read.
    private func schedulerConf(_ session: QueueSession) -> SchedulerConf? {
        guard let file = site.scheduler ?? session.settings.mailShare.map({ "\($0)/scheduler.conf" }) else {
            return nil
        }
        return try? SchedulerConf(file: file)
    }

    /// How much is shown of what is no message, in bytes.
    private static let headLimit = 64 << 10

    private func unrouted(
        _ postOffice: PostOffice, _ place: MessagePlace
    ) throws(FileError) -> (detail: MessageDetail, bodyOffset: Int) {
        let path = postOffice.path(of: message.name, in: place)
        var head: [UInt8] = []
        // A symbolic link or a fifo is refused here.
        let isThere = try postOffice.read(message.name, in: place) { piece in
            head = piece
            return false
        }
        guard isThere else { throw FileError(operation: "open", path: path, code: ENOENT) }
        let identity = try FileIdentity(path: path)
        var detail = MessageDetail(name: message.name, place: place, now: Int64(time(nil)), path: path)
        detail.arrival = identity.modified / 1_000_000_000
        detail.size = Int(clamping: identity.size)
        if place == .aside, case .rejected(let reason)? = try postOffice.filePutAside(message.name)?.kind {
            detail.reason = reason
        }
        // What is no message is shown as it is.
        let submission = try? postOffice.submission(message.name, in: place)?.submission
        detail.header = submission?.head ?? Array(head.prefix(Self.headLimit))
        if let envelope = submission?.envelope {
            if case .address(let address) = envelope.sender { detail.sender = address } else { detail.sender = [] }
            detail.envelopeIdentifier = envelope.envelopeIdentifier
            detail.returnMode = envelope.returnMode
            detail.recipients = ((try? submission?.recipients()) ?? []).map { recipient in
                RecipientDetail(
                    state: "submitted", address: recipient.address, notification: recipient.notification)
            }
        }
        return (detail, submission?.bodyOffset ?? 0)
    }
}
