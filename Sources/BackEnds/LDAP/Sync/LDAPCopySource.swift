// Follows a directory as a consumer of RFC 4533: its entries first, then every change, each with a cookie from which another connection,
// or another provider, goes on.

import Bytes
import Configuration
import Glibc
import MapDescriptions
import Maps
import Synchronization
import System

/// The entries of a question, in the order in which a provider sends them.
final class LDAPCopySource: CopySource {
    private let question: LDAPQuestion
    private let listing: FilterListing
    private let folding: CopiedKeyFolding
    private let time = LookupTime(deadline: .seconds(30))
    /// What is known of the providers.
    private struct Providers {
        /// The one that is followed: one that failed is the last to be tried again.
        var present = 0
        /// The one that was followed last, if it had all that the copy has.
        var followed: Int?
        /// Those that had less after that: they were restored, so what they say of later changes does not begin where the copy is.
        var restored: Set<Int> = []
    }

    private let providers = Mutex(Providers())

    /// How long a provider may take for its next word, where there must be one.
    private static let patience: UInt64 = 30_000_000_000
    /// How often an idle provider is asked whether it is there, and how long that may take.
    ///
    /// A link that was cut tells nobody; another provider is followed soon, from where this one was left.
    private static let contactPause: UInt64 = 500_000_000, contactPatience: UInt64 = 1_400_000_000
    /// How soon it is noticed that nobody wants the copy any more.
    private static let step: UInt64 = 250_000_000
    /// How long changes are collected where they come without a pause.
    private static let longestBatch: UInt64 = 100_000_000

    /// A source; no server is asked yet.
    init(_ question: LDAPQuestion, _ listing: FilterListing, folding: CopiedKeyFolding) {
        self.question = question
        self.listing = listing
        self.folding = folding
    }

    /// Follows the first provider that can be followed.
    func follow(_ writer: inout CopyWriter) throws(CopyFailure) {
        let known = writer.cookie
        guard let (index, session) = try begin(known, &writer) else { return }
        let server = question.access.servers[index]
        providers.withLock { $0.followed = session.isBehind ? nil : index }
        do throws(LDAPFailure) {
            do throws(LDAPFailure) {
                try follow(session, &writer)
            } catch {
                guard error.kind == .refreshRequired, !session.isBehind else { throw error }
                try follow(try begin(server, known, isResumed: false), &writer)
            }
        } catch {
            // What it had begun to say is forgotten before another one is followed.
            providers.withLock {
                $0.present = (index + 1) % question.access.servers.count
                // It lacks changes that were made at itself.
                if error.kind == .behind { $0.restored.insert(index) }
            }
            throw CopyFailure("\(server): \(error.text)")
        }
    }

    /// Begins to follow the first provider that has all that the copy has.
    ///
    /// Where there is none, one that is behind will do: it has what has come since, and nothing is taken out of the copy that it does not know.
    ///
    /// - Returns: nil where nobody wants it any more.
    private func begin(
        _ known: [UInt8]?, _ writer: inout CopyWriter
    ) throws(CopyFailure) -> (Int, SyncSession)? {
        let servers = question.access.servers
        let first = providers.withLock { $0.present }
        var failures: [String] = []
        var behind: [Int] = []
        for offset in servers.indices {
            let index = (first + offset) % servers.count
            let isResumed = providers.withLock {
                $0.present = index
                return known != nil && !$0.restored.contains(index)
            }
            do throws(LDAPFailure) {
                return (index, try begin(servers[index], known, isResumed: isResumed))
            } catch {
                if error.kind == .behind {
                    let isRestored = providers.withLock {
                        if $0.followed == index || servers.count == 1 { $0.restored.insert(index) }
                        return $0.restored.contains(index)
                    }
                    if !isRestored { behind.append(index) }
                }
                failures.append("\(servers[index]): \(error.text)")
            }
            if writer.isStopRequested { return nil }
        }
        for index in behind {
            providers.withLock { $0.present = index }
            do throws(LDAPFailure) {
                return (index, try begin(servers[index], known, isResumed: true, mayBeBehind: true))
            } catch {
                failures.append("\(servers[index]): \(error.text)")
            }
            if writer.isStopRequested { return nil }
        }
        throw CopyFailure(failures.joined(separator: "; "))
    }

    private func begin(
        _ server: String, _ known: [UInt8]?, isResumed: Bool, mayBeBehind: Bool = false
    ) throws(LDAPFailure) -> SyncSession {
        try SyncSession(
            server, question, listing, folding, known: known, isResumed: isResumed, mayBeBehind: mayBeBehind, time: time
        )
    }

    /// How far a provider has come.
    private struct Progress {
        var cookie: [UInt8]?
        var isRefreshed = false
        /// When the first change came that was not committed yet.
        var changed: UInt64?

        /// Takes the cookie that came with something; nil where none did.
        mutating func note(_ next: [UInt8]?) {
            if let next { cookie = SyncPosition.cookie(cookie, followedBy: next) }
        }
    }

    /// Follows one provider until nobody wants that any more.
    private func follow(_ session: SyncSession, _ writer: inout CopyWriter) throws(LDAPFailure) {
        let cookie = session.cookie
        // One that is behind does not know all that is there.
        if cookie == nil { writer.beginAnew() } else if !session.isBehind { writer.beginKeeping() }
        var progress = Progress(cookie: cookie)
        var lastWord = monotonicNanoseconds()
        var nextContact = lastWord
        while !writer.isStopRequested {
            let now = monotonicNanoseconds()
            let isWaiting = progress.changed == nil || !progress.isRefreshed
            let event = try session.next(until: isWaiting ? now &+ Self.step : now)
            if let changed = progress.changed, progress.isRefreshed,
                event == nil || now &- changed > Self.longestBatch
            {
                writer.commit(progress.cookie)
                progress.changed = nil
            }
            guard let event else {
                let isDue = !progress.isRefreshed || session.isAskedForContact
                let patience = progress.isRefreshed ? Self.contactPatience : Self.patience
                guard !isDue || now &- lastWord < patience else {
                    throw LDAPFailure(
                        .stalled, "no word for \(Double(patience) / 1e9) s; restart or repair the server")
                }
                if !isDue, now >= nextContact {
                    lastWord = now
                    try session.askForContact(until: now &+ Self.contactPatience)
                }
                continue
            }
            lastWord = now
            if case .contact = event {
                nextContact = now &+ Self.contactPause
                if progress.changed == nil, progress.isRefreshed { writer.noteContact() }
                continue
            }
            try take(event, session, &writer, &progress)
        }
    }

    private func take(
        _ event: SyncSession.Event, _ session: SyncSession, _ writer: inout CopyWriter, _ progress: inout Progress
    ) throws(LDAPFailure) {
        switch event {
        case .contact, .other: return
        case .entry(let change, let identity, let cookie, let keys, let values):
            let item = CopiedItem(identity)
            switch change {
            case .present: writer.keep(item)
            case .delete: writer.remove(item)
            case .add, .modify: try put(item, keys, values, &writer)
            }
            progress.note(cookie)
        case .information(.cookie(let cookie)):
            // It is kept with the next change; without it the same is said once more.
            progress.note(cookie)
            return
        case .information(.entries(let identities, let areGone, let cookie)):
            for identity in identities {
                if areGone { writer.remove(CopiedItem(identity)) } else { writer.keep(CopiedItem(identity)) }
            }
            progress.note(cookie)
        case .information(.phaseEnd(let isDelete, let cookie, let isRefreshed)):
            // All that is there was named, or is unchanged.
            if !isDelete, !writer.removeAllNotKept() {
                throw LDAPFailure(
                    .refreshRequired,
                    "the server has entries from before that this copy does not have; all is copied again")
            }
            progress.note(cookie)
            guard isRefreshed, !progress.isRefreshed else { return }
            try session.prove(time)
            progress.isRefreshed = true
            writer.commit(progress.cookie)
            // Whatever the copy was made of, it is now as this one has it.
            providers.withLock { _ = $0.restored.remove($0.present) }
            progress.changed = nil
            return
        }
        if progress.changed == nil { progress.changed = monotonicNanoseconds() }
    }

    private func put(
        _ item: CopiedItem, _ keys: [[UInt8]], _ values: [[UInt8]], _ writer: inout CopyWriter
    ) throws(LDAPFailure) {
        var entries: [(key: [UInt8], value: [UInt8])] = []
        for key in keys {
            entries += question.copied(values, for: key).map { (key, $0) }
        }
        do throws(CopyFailure) { try writer.put(item, entries) } catch { throw LDAPFailure(.final, error.text) }
    }
}

extension LDAPQuestion {
    /// What an entry's values become in a copy: one value, or several where a lookup has to fail.
    fileprivate func copied(_ values: [[UInt8]], for key: [UInt8]) -> [[UInt8]] {
        var value: [UInt8] = []
        do throws(LDAPFailure) {
            var answer = LDAPAnswer()
            answer.entries = [values]
            guard try read(answer, of: key.span, into: &value) else { return CopyWriter.unknown }
            return [value]
        } catch {
            return CopyWriter.unknown
        }
    }
}

extension LDAPCopySource {
    /// What is said of a filter for which no copy can be made.
    static let unlisted =
        "the entries of its filter cannot be listed: ask for the key itself, as in (mail=%s), (|(mail=%s)(mailLocalAddress=%s)) or"
        + " (&(objectClass=person)(mail=%s)), or use the type ldap"

    /// Begins the copy of a map.
    ///
    /// - Parameter isKept: whether it is kept on disk, where the description names a file.
    /// - Throws: where the description cannot be used.
    static func copy(
        of definition: MapDefinition, isKept: Bool, hash: ByteHash
    ) throws(CopyFailure) -> MapCopy {
        let question: LDAPQuestion
        do throws(ConfigurationError) {
            question = try LDAPQuestion(describedIn: definition.tablePath ?? "-")
        } catch {
            throw CopyFailure(error.description)
        }
        guard let listing = question.filter.listing else {
            throw CopyFailure("\(definition.tableName.file): \(unlisted)")
        }
        let folding = CopiedKeyFolding(stored: definition.compile.folding, asked: definition.flags.folding)
        let source = LDAPCopySource(question, listing, folding: folding)
        let rule: SharedKeyRule =
            switch question.form.rows {
            case .refused: .refused
            case .joined(let limit): .joined(limit: limit)
            }
        let plan = CopyPlan(
            subject: source.subject, file: isKept ? question.copy.file : nil,
            ageLimit: question.copy.longestAge.map { .seconds($0) }, rule: rule)
        return MapCopy(plan, hash: hash, source: source)
    }

    /// What is copied: not from whom, as any provider of the same tree will do.
    private var subject: [UInt8] {
        let format = question.form.format.map { "\($0)" } ?? ""
        let text = [
            question.base, "\(question.scope)", String(decoding: listing.filter, as: UTF8.self),
            listing.keys.joined(separator: ","), question.attributes.joined(separator: ","), format, "\(folding)",
        ].joined(separator: "\n")
        return SHA256.digest(of: Array(text.utf8).span)
    }
}
