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
            let shown = try detail(session)
            switch format {
            case .text: writeText(shown, to: &output)
            case .json: output.write(shown.json() + [0x0A])
            }
        } catch {
            log.say("message \(message.name): \(error.reason)")
            throw error.status
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
    }

    private func writeText(_ shown: MessageDetail, to output: inout OutputStream) {
        output.write(shown.text())
        guard let body = shown.body else { return }
        output.write("body:\n")
        guard isatty(STDOUT_FILENO) == 1 else { return output.write(body) }
        for line in body.split(separator: 0x0A, omittingEmptySubsequences: false) {
            output.write(printable(line) + "\n")
        }
    }

    // MARK: Reading

    private func detail(_ session: QueueSession) throws(QueueRefusal) -> MessageDetail {
        let place = try message.place(in: session.postOffice)
        do throws(FileError) {
            switch place {
            case .routed, .onHold: return try routed(session, isOnHold: place == .onHold)
            case .submitted, .aside: return try unrouted(session, place)
            }
        } catch {
            throw error.isMissing ? Self.gone : QueueRefusal(.unreadableInput, error.description)
        }
    }

    private static let gone = QueueRefusal(.missingInput, "it is gone: delivered, returned or removed meanwhile")

    private func routed(_ session: QueueSession, isOnHold: Bool) throws(FileError) -> MessageDetail {
        let postOffice = session.postOffice
        let contents: ControlFile
        do throws(ControlAccessError) {
            guard let found = try postOffice.controlFile(of: message.name, onHold: isOnHold) else {
                throw .file(FileError(operation: "open", path: postOffice.controlPath(of: message.name), code: ENOENT))
            }
            contents = found
        } catch {
            switch error {
            case .file(let failure): throw failure
            case .content(let path, let fault):
                throw FileError(operation: "read", path: path, reason: "not a control file: \(fault)")
            }
        }
        let dates = try postOffice.dates(of: message.name, contents, onHold: isOnHold)
        var detail = MessageDetail(
            name: message.name, place: isOnHold ? .onHold : .routed, now: Int64(time(nil)),
            path: postOffice.path(of: message.name, in: isOnHold ? .onHold : .routed))
        detail.sender = contents.recipients.first.map { $0.errorAddress ?? [] }
        detail.identity = contents.logIdentity
        detail.origin = contents.origin?.message
        detail.arrival = dates?.arrival
        detail.size = try postOffice.body(of: message.name).map { Int(clamping: $0.size) }
        detail.header = contents.recipients.first.flatMap { contents.header(of: $0) }
        let isAskedFor = try postOffice.isAttemptAskedFor(at: message.name)
        let schedules = RecipientSchedules(
            conf: schedulerConf(session), dates: dates, isAskedFor: isAskedFor, now: detail.now)
        detail.recipients = contents.recipientDetails(onHold: isOnHold, schedules)
        if body {
            detail.body = try read(postOffice, .routed, from: contents.bodyOffset ?? 0)
        }
        return detail
    }

    private func read(
        _ postOffice: PostOffice, _ place: MessagePlace, from offset: Int
    ) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try postOffice.read(message.name, in: place, from: offset) { piece in
            bytes += piece
            return true
        }
        return bytes
    }

    /// What says when attempts are made; nil where there is none that can be read.
    private func schedulerConf(_ session: QueueSession) -> SchedulerConf? {
        guard let file = site.scheduler ?? session.site.settings.mailShare.map({ "\($0)/scheduler.conf" }) else {
            return nil
        }
        return try? SchedulerConf(file: file)
    }

    /// The largest file of which envelope and header are looked for, in bytes.
    private static let headLimit = 16 << 20

    private func unrouted(_ session: QueueSession, _ place: MessagePlace) throws(FileError) -> MessageDetail {
        let path = session.postOffice.path(of: message.name, in: place)
        let identity = try FileIdentity(path: path)
        var detail = MessageDetail(name: message.name, place: place, now: Int64(time(nil)), path: path)
        detail.arrival = identity.modified / 1_000_000_000
        detail.size = Int(clamping: identity.size)
        if place == .aside {
            let aside = try session.postOffice.filesPutAside().first { $0.name == message.name }
            if case .rejected(let reason)? = aside?.kind { detail.reason = reason }
        }
        let head = try readHead(of: path, count: Self.headLimit)
        // What is no message is shown whole.
        let submission = try? SubmissionParser.parse(head, isWhole: head.count < Self.headLimit)
        detail.header = submission?.head ?? Array(head.prefix(64 << 10))
        if let envelope = submission?.envelope {
            if case .address(let address) = envelope.sender { detail.sender = address } else { detail.sender = [] }
            detail.recipients = ((try? submission?.recipients()) ?? []).map { recipient in
                RecipientDetail(state: "submitted", address: recipient.address)
            }
        }
        if body {
            detail.body = try read(session.postOffice, place, from: submission?.bodyOffset ?? 0)
        }
        return detail
    }
}
