// How a source changes a copy: what it says is collected, and counts from one commit to the next.

import Bytes
import CLinux
import Glibc
import System

/// A server whose entries can be copied, and followed as they change.
package protocol CopySource: Sendable {
    /// Brings the copy up to date, and follows the source until nobody wants that any more (``CopyWriter/isStopRequested``, to be asked
    /// at least twice a second), or it cannot go on.
    ///
    /// It is called again some time after it failed; what it had not committed is forgotten.
    ///
    /// - Throws: where it cannot go on, with the cause and the remedy.
    func follow(_ writer: inout CopyWriter) throws(CopyFailure)
}

/// Changes one copy.
package struct CopyWriter: ~Copyable {
    /// What a value or a key may have at the most, in bytes.
    package static let longestField = 1 << 20

    /// What an item gives a key whose value it does not tell, as two values: lookups of the key fail, and the other keys are well.
    ///
    /// No value of a source begins with a NUL.
    package static let unknown: [[UInt8]] = [[0], [0, 0]]

    /// Where the source goes on from; nil where nothing whole is there.
    package private(set) var cookie: [UInt8]?
    private let plan: CopyPlan
    private let hash: ByteHash
    private let state: CopyState
    private let history: EntryHistory
    private var file: CopyFile?
    /// What has been published.
    private var committed: CopiedEntries
    private var working: CopiedEntries
    private var changes = CopyFile.Changes()
    private var isAnew = false
    private var kept: Set<CopiedItem>?
    private var nextContact: UInt64 = 0
    private var nextFileTry: UInt64 = 0

    /// The entries are nobody's: who wrote them is not known.
    private static let privilege = nobody
    private static let contactPause: UInt64 = 60_000_000_000, filePause: UInt64 = 60_000_000_000
    private static let lockPause: UInt64 = 1_000_000_000

    /// Begins with what the file of the copy has.
    init(_ plan: CopyPlan, _ hash: ByteHash, _ state: CopyState) {
        self.plan = plan
        self.hash = hash
        self.state = state
        history = EntryHistory()
        committed = CopiedEntries(plan.rule, hash: hash, history: history)
        working = committed
        file = nil
        guard let path = plan.file else { return }
        do throws(FileError) {
            try openFile(path)
        } catch {
            note(error)
        }
        // What cannot be written may still be read.
        do throws(FileError) {
            // Not into a variable of its own, which would keep alive what the first generation is made of.
            working = CopiedEntries(plan.rule, hash: hash, history: history)
            guard let (content, size) = try CopyFile.read(path, subject: plan.subject, into: &working) else {
                working = committed
                return
            }
            try file?.resume(at: size)
            cookie = content.cookie
            let age = UInt64(clamping: max(Int64(time(nil)) - content.contact, 0))
            state.monitor.change {
                // Before the clock began there is no time: a copy from then is as old as can be said.
                let (contact, isBefore) = monotonicNanoseconds().subtractingReportingOverflow(age &* 1_000_000_000)
                $0.contact = isBefore ? 0 : contact
            }
            publish()
        } catch {
            working = committed
            note(error)
        }
    }

    /// Whether nobody wants the copy any more, so that its source is to be left.
    package var isStopRequested: Bool { state.isStopRequested }

    /// Waits until the source is to be left.
    ///
    /// - Returns: whether it is.
    package func waitForStop(atMost patience: Duration) -> Bool {
        state.monitor.wait(atMost: patience) { $0.isStopRequested ? true : nil } ?? false
    }

    // MARK: Changes

    /// Begins a copy from nothing; the present one stays for lookups until the next commit.
    package mutating func beginAnew() {
        working = CopiedEntries(plan.rule, hash: hash, history: history)
        changes = CopyFile.Changes()
        kept = nil
        isAnew = true
    }

    /// Gives an item its entries, in the place of those that it had.
    ///
    /// - Throws: where a key or a value is longer than a copy can have.
    package mutating func put(_ item: CopiedItem, _ entries: [(key: [UInt8], value: [UInt8])]) throws(CopyFailure) {
        for entry in entries where max(entry.key.count, entry.value.count) > Self.longestField {
            throw CopyFailure(
                "the key '\(String(decoding: entry.key.prefix(100), as: UTF8.self))' or its value has more than \(Self.longestField)"
                    + " bytes; shorten it, or let the question leave it out")
        }
        working.put(item, entries)
        if !isAnew { changes.put(item, entries) }
        kept?.insert(item)
    }

    /// Takes an item out; one that is not there is none.
    package mutating func remove(_ item: CopiedItem) {
        working.remove(item)
        if !isAnew { changes.remove(item) }
    }

    /// Begins to note which items are said to be there still, and are unchanged or are put.
    package mutating func beginKeeping() { kept = [] }

    /// An item is there still, and unchanged.
    package mutating func keep(_ item: CopiedItem) { kept?.insert(item) }

    /// Takes out all items that were neither kept nor put since `beginKeeping`.
    ///
    /// - Returns: false where one is missing that was kept: then the source did not go on from what the copy has.
    @discardableResult
    package mutating func removeAllNotKept() -> Bool {
        guard let kept else { return true }
        let items = working.items
        for item in items.subtracting(kept) { remove(item) }
        self.kept = nil
        return kept.isSubset(of: items)
    }

    /// Makes all changes since the last commit count: for lookups at once, and on disk.
    ///
    /// A commit costs as much for one change as for some hundred: whoever has more to say says it first.
    ///
    /// - Parameter cookie: from where the source goes on after these changes; nil where that is not known, so that it goes on from where it
    ///   would have before.
    package mutating func commit(_ cookie: [UInt8]?) {
        let cookie = cookie ?? self.cookie ?? []
        self.cookie = cookie
        noteInTouch()
        publish()
        store(cookie)
        changes = CopyFile.Changes()
        isAnew = false
    }

    /// The source is in touch: the copy is as it would have it.
    package mutating func noteContact() {
        noteInTouch()
        let now = monotonicNanoseconds()
        guard now >= nextContact, cookie != nil else { return }
        nextContact = now &+ Self.contactPause
        do throws(FileError) {
            try file?.append(contact: Int64(time(nil)))
        } catch {
            note(error)
        }
    }

    /// Forgets what was not committed.
    mutating func rollBack() {
        working = committed
        changes = CopyFile.Changes()
        kept = nil
        isAnew = false
    }

    private func noteInTouch() {
        let now = monotonicNanoseconds()
        state.monitor.change {
            $0.contact = now
            $0.isInTouch = true
            $0.failure = nil
        }
    }

    private mutating func publish() {
        let isWhole = working.isWhollyOpen
        let (entries, doubtful) = working.freeze(privilege: Self.privilege)
        committed = working
        state.publish(entries, doubtful)
        // A copy from nothing leaves as much free memory behind, in pieces.
        if isWhole { _ = malloc_trim(0) }
    }

    // MARK: The file

    private mutating func store(_ cookie: [UInt8]) {
        guard let path = plan.file else { return }
        let now = monotonicNanoseconds()
        do throws(FileError) {
            if file == nil {
                guard now >= nextFileTry else { return }
                try openFile(path)
            }
            guard file != nil else { return }
            let contact = Int64(time(nil))
            if isAnew || file?.isOvergrown ?? false {
                guard now >= nextFileTry || isAnew else { return }
                try file?.write(committed, cookie: cookie, contact: contact)
            } else {
                try file?.append(changes, cookie: cookie, contact: contact)
            }
            state.monitor.change { $0.fileFailure = nil }
        } catch {
            nextFileTry = now &+ Self.filePause
            note(error)
        }
    }

    /// Takes the file, unless another process keeps it: when that is gone this one goes on.
    private mutating func openFile(_ path: String) throws(FileError) {
        file = try CopyFile(path, subject: plan.subject)
        let isKept = file != nil
        nextFileTry = isKept ? 0 : monotonicNanoseconds() &+ Self.lockPause
        state.monitor.change { $0.isKept = isKept }
    }

    private func note(_ error: FileError) {
        state.monitor.change {
            $0.fileFailure = "\(error.description); until that is mended, the next start copies everything again"
        }
    }
}

// The thread of a copy: it follows the source, and tries again.

enum CopyFollower {
    /// In nanoseconds.
    private static let shortestPause: Int64 = 200_000_000, longestPause: Int64 = 5_000_000_000

    /// Follows a source until nobody wants its copy any more.
    static func run(_ plan: CopyPlan, _ hash: ByteHash, _ source: any CopySource, _ state: CopyState) {
        var writer = CopyWriter(plan, hash, state)
        var pause = shortestPause
        while !state.isStopRequested {
            let count = state.publications
            do throws(CopyFailure) {
                try source.follow(&writer)
            } catch {
                state.monitor.change {
                    $0.failure = error.text
                    $0.isInTouch = false
                }
            }
            writer.rollBack()
            // Whoever came on before tries again soon.
            if state.publications != count { pause = shortestPause }
            if writer.waitForStop(atMost: .nanoseconds(pause)) { return }
            pause = min(pause * 2, longestPause)
        }
    }
}
