// What a mail system does with a spool, in small: route, take held recipients over, deliver, report, remove.
//
// The user named by a recipient decides what becomes of it: `keep...` stays pending, `now...` is delivered, `bad...`
// fails and is reported, `held...` is held at first and routed anew later, as `keep...`.

import Glibc
import Spool
import System

struct MailRun {
    let postOffice: PostOffice
    let ledger: String
    /// Whether this is the run after the one that died.
    let isSecond: Bool
    /// Whether messages are delivered as routing hands them over.
    let isHandedOver: Bool

    /// Delivers before it routes, and the newest names first: the order in which a crash's leftovers would do most harm.
    func run() {
        attempt { _ = try postOffice.recover(unfinishedFor: 0) }
        for _ in 0..<(isSecond ? 6 : 4) {
            attempt { try deliverAll() }
            attempt { try routeAll() }
        }
        attempt { _ = try postOffice.recover(unfinishedFor: 0) }
    }

    private func attempt(_ work: () throws -> Void) {
        do { try work() } catch { print("error: \(error)") }
    }

    // MARK: Routing

    private func routeAll() throws {
        var routed: [RoutedSubmission] = []
        for name in try postOffice.submissions().names {
            attempt {
                guard case .claimed(let claim) = try postOffice.claim(name) else { return }
                let submission: Submission
                do {
                    submission = try claim.read()
                } catch SubmissionReadError.content(let error) {
                    _ = try postOffice.reject(claim, reason: error.description)
                    return
                }
                let control = try route(submission).file(name: claim.message)
                routed.append(RoutedSubmission(claim: claim, control: control))
            }
        }
        var messages: [RoutedMessage] = []
        let outcomes = postOffice.commit(routed, handOver: isHandedOver ? { messages.append($0) } : nil)
        for outcome in outcomes where outcome != .committed { print("error: \(outcome)") }
        try deliver(messages) { (message) throws(ControlAccessError) in try postOffice.open(message) }
    }

    private func route(_ submission: Submission) -> ControlFileDraft {
        let recipients = submission.envelope.recipients.map { recipient in
            let user = recipient.address.split(separator: UInt8(ascii: "@")).first.map { Array($0) } ?? []
            let channel =
                user.starts(with: "held".utf8) ? "hold" : user.starts(with: "bad".utf8) ? "error" : "smtp-lmtp"
            return ControlFileDraft.Recipient(
                address: ControlAddress(channel: Array(channel.utf8), host: Array("h".utf8), user: user, privilege: 0))
        }
        return draft(bodyOffset: submission.bodyOffset, recipients: recipients)
    }

    private func draft(bodyOffset: Int, recipients: [ControlFileDraft.Recipient]) -> ControlFileDraft {
        let sender = ControlAddress(
            channel: Array("local".utf8), host: Array("a@b".utf8), user: Array("a@b".utf8), privilege: 0)
        let group = ControlFileDraft.Group(
            errorAddress: Array("a@b".utf8), sender: sender, recipients: recipients, header: Array("To: x\n".utf8))
        return ControlFileDraft(
            bodyOffset: bodyOffset, logIdentity: nil, errorAddress: Array("<a@b>".utf8), groups: [group])
    }

    // MARK: Delivery

    private func deliverAll() throws {
        try deliver(try postOffice.messages().names.reversed()) { (name) throws(ControlAccessError) in
            try postOffice.open(name)
        }
    }

    /// Delivers, and removes together what is done.
    private func deliver<Message>(
        _ messages: [Message], open: (Message) throws(ControlAccessError) -> ControlAccess
    ) throws {
        var finished: [FinishedMessage] = []
        for message in messages {
            attempt {
                switch try open(message) {
                case .busy: return
                case .gone: return
                case .opened(var message):
                    try takeOver(&message)
                    try deliver(&message)
                    try report(&message)
                    if message.contents.isFinished {
                        switch postOffice.prepareRemoval(message) {
                        case .ready(let message): finished.append(message)
                        case .stays(let outcome): print("error: \(outcome)")
                        }
                    }
                }
            }
        }
        for outcome in postOffice.remove(finished) where outcome != .removed { print("error: \(outcome)") }
    }

    /// Takes a held recipient over: the first, or in a second run the last, so that a run after a crash makes another
    /// choice than the run before.
    private func takeOver(_ message: inout OpenControlFile) throws {
        let held = message.contents.recipients.filter { $0.tag == .pending && $0.address.isChannel("hold") }
        guard let chosen = isSecond ? held.last : held.first else { return }
        let address = ControlAddress(
            channel: Array("smtp-lmtp".utf8), host: Array("h".utf8), user: Array("keep-".utf8) + chosen.address.user,
            privilege: 0)
        _ = try message.takeOver(
            recipientsAt: [chosen.offset],
            into: draft(bodyOffset: message.contents.bodyOffset ?? 0, recipients: [.init(address: address)]))
    }

    private func deliver(_ message: inout OpenControlFile) throws {
        guard message.contents.recipients.contains(where: { $0.tag == .pending }) else { return }
        _ = try message.openBody()
        for recipient in message.contents.recipients where recipient.tag == .pending {
            let user = recipient.address.user
            let isBad = user.starts(with: "bad".utf8)
            guard isBad || user.starts(with: "now".utf8) || user.starts(with: "keep-heldnow".utf8) else { continue }
            guard try message.lock(recipientAt: recipient.offset) else { continue }
            let notary = Diagnostic.Notary(
                address: user, action: Array((isBad ? "failed" : "delivered").utf8), status: Array("2.0.0".utf8),
                diagnostic: [], place: [], agent: [])
            try message.append([Diagnostic(recipient: recipient, time: 1, notary: notary, message: [])])
            // What the file says is what happened, and no kill comes between the two: kills come at file operations.
            defer { if !isBad, isDone(message.message, recipient.offset) { log(user) } }
            try message.mark(isBad ? .failed : .done, recipientAt: recipient.offset)
        }
        try message.sync()
    }

    private func isDone(_ message: MessageName, _ offset: Int) -> Bool {
        // Not through the operations that count, or a kill could come here.
        let file = try? PostOffice(path: postOffice.path).controlFile(of: message)
        return file?.recipients.contains { $0.offset == offset && $0.tag == .done } ?? false
    }

    private func log(_ user: [UInt8]) {
        let descriptor = unsafe open(ledger, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let line = user + [0x0A]
        _ = unsafe line.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    private func report(_ message: inout OpenControlFile) throws {
        let failures = message.contents.unreportedFailures
        guard !failures.isEmpty else { return }
        _ = try message.submitReport(onDiagnosticsAt: failures.flatMap(\.offsets)) { (writer) throws(FileError) in
            let users = failures.map(\.recipient.address.user).joined(separator: [UInt8(ascii: "-")])
            try writer.write(Array("channel error\nto <keep-report-".utf8) + users + Array("@x>\nenv-end\n".utf8))
            try writer.write(Array("Subject: report\n\nx\n".utf8))
        }
    }
}
