// A spool of a test's own, with messages in it, and what became of them.

import Bytes
import Configuration
import Delivery
import LMTP
import MailSyntax
import Spool
import Synchronization
import System
import ZRouteTestKit

/// A spool and what happened in it.
final class DeliverySpool: Sendable {
    let site: TestSite
    var place: TemporaryDirectory { site.place }
    let postOffice: PostOffice
    private let recorded = Mutex<[DeliveryEvent]>([])

    /// Makes an empty spool.
    ///
    /// - Parameter files: the texts of its site's files by their names, for tests that run programs.
    init(
        _ files: [String: String] = [:], operations: FileOperations = FileOperations(), isInMemory: Bool = false
    ) throws {
        site = try TestSite(files, spool: "post", isInMemory: isInMemory)
        postOffice = try PostOffice(path: site.spool, operations: operations)
    }

    var events: [DeliveryEvent] { recorded.withLock { $0 } }

    var attempts: [DeliveryAttempt] {
        events.compactMap { event in
            if case .attempt(let attempt) = event { attempt } else { nil }
        }
    }

    /// The outcomes by user, the last of each.
    var outcomes: [String: RecipientReport.Outcome] {
        var outcomes: [String: RecipientReport.Outcome] = [:]
        for attempt in attempts { outcomes[text(attempt.address.user)] = attempt.outcome }
        return outcomes
    }

    /// Queues a message.
    @discardableResult
    func add(
        _ recipients: [ControlFileDraft.Recipient], sender: String = "sender@example.net",
        header: String = "From: sender@example.net\nSubject: test\n", body: String = "line\n.dot\n"
    ) throws -> MessageName {
        let user = Array(sender.utf8)
        let null = Array("<>".utf8)
        let address = ControlAddress(
            channel: Array((sender.isEmpty ? "error" : "local").utf8), host: sender.isEmpty ? null : user,
            user: sender.isEmpty ? null : user, privilege: 0)
        let head = header + "\n"
        let draft = ControlFileDraft(
            bodyOffset: head.utf8.count, logIdentity: nil, errorAddress: nil,
            groups: [
                .init(
                    errorAddress: sender.isEmpty ? nil : user, sender: address, recipients: recipients,
                    header: Array(header.utf8))
            ])
        return try postOffice.deposit(draft) { (write) throws(FileError) in try write(Array((head + body).utf8)) }
    }

    func environment(_ plan: DeliveryPlan, _ pool: ConnectionPool, now: Int? = nil) -> DeliveryEnvironment {
        let log: @Sendable (DeliveryEvent) -> Void = { [self] event in recorded.withLock { $0.append(event) } }
        guard let now else {
            return DeliveryEnvironment(
                postOffice: postOffice, plan: plan, pool: pool, hostname: Array("store.example.org".utf8), log: log)
        }
        return DeliveryEnvironment(
            postOffice: postOffice, plan: plan, pool: pool, hostname: Array("store.example.org".utf8), clock: { now },
            log: log)
    }

    /// Delivers all there is once.
    @discardableResult
    func deliver(_ plan: DeliveryPlan, now: Int? = nil, ignoringSchedule: Bool = true) throws -> [MessageProgress] {
        let pool = ConnectionPool()
        let worker = MessageWorker(environment(plan, pool, now: now), ignoresSchedule: ignoringSchedule)
        let progress = try postOffice.messages().names.map { worker.process($0) }
        pool.shutDown()
        return progress
    }

    /// The control file of the only message, if it is still there.
    func control() throws -> ControlFile? {
        try postOffice.messages().names.first.flatMap { try postOffice.controlFile(of: $0) }
    }

    /// The submissions in router/, as text.
    func reports() throws -> [String] {
        try postOffice.submissions().names.map { name in
            text(try readFile("\(postOffice.path)/router/\(name)", limit: 1 << 24).bytes)
        }
    }
}

func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

func recipient(
    _ user: String, channel: String = "smtp-lmtp", host: String = "node", notification: String? = nil,
    returnMode: String? = nil, submittedAs original: String? = nil
) -> ControlFileDraft.Recipient {
    ControlFileDraft.Recipient(
        address: ControlAddress(
            channel: Array(channel.utf8), host: Array(host.utf8), user: Array(user.utf8), privilege: 65534),
        notification: notification.map { Array($0.utf8) }, returnMode: returnMode.map { Array($0.utf8) },
        originalRecipient: original.map { OriginalRecipient(address: $0.utf8) })
}

/// Settings without any file.
func testSettings(_ overrides: [(name: String, value: String)] = []) throws -> Settings {
    try Settings.load(standardFiles: [], overrides: [("hostname", "store.example.org")] + overrides)
}

/// One server for all LMTP channels.
func plan(
    to path: String, options: String = "", connections: Int = 4, change: (inout SchedulerParameters) -> Void = { _ in }
) throws -> DeliveryPlan {
    var parameters = SchedulerParameters()
    parameters.maximumPerEndpoint = connections
    change(&parameters)
    return DeliveryPlan(
        .single(.unix(path: path), options: options, parameters: parameters), settings: try testSettings())
}
