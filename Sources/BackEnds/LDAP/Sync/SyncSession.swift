// One connection over which a provider sends the entries of a question and then their changes (RFC 4533, refreshAndPersist).

import CLDAP
import Glibc
import Maps
import System

/// A provider that is being followed.
@safe
final class SyncSession {
    /// What came.
    enum Event {
        /// An entry: why it came, what tells it from others, and its values.
        case entry(SyncInformation.Change, identity: [UInt8], cookie: [UInt8]?, keys: [[UInt8]], values: [[UInt8]])
        /// What is said between entries.
        case information(SyncInformation)
        /// The answer to `askForContact`: everything that the provider had to say before came before it.
        case contact
        /// Nothing of interest.
        case other
    }

    private static let request = "1.3.6.1.4.1.4203.1.9.1.1", state = "1.3.6.1.4.1.4203.1.9.1.2"
    private static let information = "1.3.6.1.4.1.4203.1.9.1.4"

    private let question: LDAPQuestion
    /// The attributes whose values are the keys, each with how they are folded.
    private let keys: [(attribute: String, folding: KeyFolding)]
    /// Over this one what an absence needs is shown: the other is full of entries.
    private let proving: LDAPConnection
    private let handle: LDAPHandle
    private let search: Int32
    /// The search that shows that the provider is there, as long as it is not answered.
    private var contact: Int32?
    /// From where it goes on; nil where all is copied anew.
    let cookie: [UInt8]?
    /// Whether the provider had less than the copy has when it was begun.
    let isBehind: Bool

    /// Begins to follow a provider.
    ///
    /// - Parameters:
    ///   - known: how far the copy has come; nil where there is none.
    ///   - isResumed: whether to go on from there, or to begin anew beside it.
    ///   - mayBeBehind: whether the provider may have less than the copy.
    ///   - time: how long each step may take.
    /// - Throws: also where the provider has less than the copy, and may not.
    init(
        _ server: String, _ question: LDAPQuestion, _ listing: FilterListing, _ folding: CopiedKeyFolding,
        known: [UInt8]?, isResumed: Bool, mayBeBehind: Bool, time: LookupTime
    ) throws(LDAPFailure) {
        self.question = question
        cookie = isResumed ? known : nil
        let library: LDAPLibrary
        do throws(SharedLibraryError) { library = try LDAPLibrary() } catch { throw LDAPFailure(error) }
        let end = monotonicNanoseconds() &+ Self.nanoseconds(time.limit)
        proving = try LDAPConnection(server, question.access, library, until: end, limit: time)
        try question.prove(over: proving, until: end)
        if let position = known.flatMap({ SyncPosition(cookie: $0) }) {
            let present = try question.proof.lastChanges(proving, base: question.base, until: end)
            isBehind = SyncPosition(present).isBehind(position)
        } else {
            isBehind = false
        }
        guard !isBehind || mayBeBehind else { throw LDAPFailure.behind }
        let schema = try proving.knownSchema(until: end)
        var keys: [(attribute: String, folding: KeyFolding)] = []
        for attribute in listing.keys { keys.append((attribute, try folding.folding(attribute, schema))) }
        self.keys = keys
        handle = try LDAPHandle(server, question.access, library, until: end, time: time.description)
        var listed = LDAPSearch(
            base: question.base, scope: question.scope, filter: listing.filter,
            attributes: listing.keys + question.attributes,
            sizeLimit: 0)
        var value = SyncInformation.request(cookie: cookie)
        let handle = handle
        // The library has sent the control when the call returns.
        let sent: Result<Int32, LDAPFailure> = unsafe value.withUnsafeMutableBytes { bytes in
            let name = LDAPText(Self.request.utf8)
            let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            var control = unsafe LDAPControl(
                name: name.start, value: LDAPBytes(count: UInt(bytes.count), start: start), isCritical: 1)
            return unsafe withUnsafeMutablePointer(to: &control) { control in
                var list = unsafe [control, nil]
                return unsafe list.withUnsafeMutableBufferPointer { list in
                    unsafe listed.controls = list.baseAddress
                    return Result { () throws(LDAPFailure) in try handle.send(listed, until: nil) }
                }
            }
        }
        search = try sent.get()
        handle.limitSocket(time.limit)
    }

    /// Makes sure that what the provider has sent is all that it should have.
    func prove(_ time: LookupTime) throws(LDAPFailure) {
        try question.prove(over: proving, until: monotonicNanoseconds() &+ Self.nanoseconds(time.limit))
    }

    /// Whether `askForContact` has not been answered yet.
    var isAskedForContact: Bool { contact != nil }

    /// Asks whether the provider is there.
    func askForContact(until end: UInt64) throws(LDAPFailure) {
        let search = LDAPSearch(
            base: "", scope: LDAPSearch.entryAlone, filter: Array("(objectClass=*)".utf8),
            attributes: [LDAPSchema.noAttributes], sizeLimit: 0)
        contact = try handle.send(search, until: end)
    }

    /// What comes next; nil where nothing comes in time.
    ///
    /// - Throws: also where the provider ends the search.
    func next(until end: UInt64) throws(LDAPFailure) -> Event? {
        guard let message = try handle.receive(isWhole: false, until: end) else { return nil }
        guard message.number == search else {
            guard message.number == contact, message.kind == LDAPCode.searchResult else { return .other }
            contact = nil
            return .contact
        }
        switch message.kind {
        case LDAPCode.entry:
            guard let state = message.control(Self.state), let (change, identity, cookie) = SyncInformation.state(state)
            else { throw Self.nonsense("an entry without its state") }
            let isThere = change == .add || change == .modify
            return .entry(
                change, identity: identity, cookie: cookie,
                keys: isThere
                    ? keys.flatMap { key in message.values(of: key.attribute).map { key.folding.fold($0) } } : [],
                values: isThere ? question.attributes.flatMap { message.values(of: $0) } : [])
        case LDAPCode.intermediate:
            guard let (name, value) = message.information, name == Self.information else { return .other }
            guard let information = SyncInformation(value) else { throw Self.nonsense("information that is none") }
            return .information(information)
        case LDAPCode.reference:
            throw LDAPFailure(
                .final,
                "a part of the tree lies on another server (a search reference), so its entries are missing; copy from a"
                    + " server that has all of it, or narrow the base")
        default:
            let answer = message.answer(attributes: [])
            guard answer.code == LDAPCode.success else {
                throw handle.failure(answer.code, .following, answer.diagnostic)
            }
            throw LDAPFailure(
                .unfit, "the server has ended the search; see its log, and let it have the overlay syncprov")
        }
    }

    private static func nonsense(_ what: String) -> LDAPFailure {
        LDAPFailure(.unfit, "the server sends \(what) (RFC 4533); see that it is a provider of syncrepl")
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, rest) = duration.components
        return UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: rest / 1_000_000_000)
    }
}

/// How the keys of a copy are folded, so that it finds what the directory would find.
struct CopiedKeyFolding: Sendable {
    /// As the line of dbases.conf says.
    let stored: KeyFolding
    /// As keys are folded before they are looked up.
    let asked: KeyFolding

    /// How values of an attribute are folded: as keys are that are asked for, if the directory does not regard case.
    ///
    /// - Throws: where keys are looked up in any case, and the directory would find them.
    fileprivate func folding(_ attribute: String, _ schema: LDAPSchema) throws(LDAPFailure) -> KeyFolding {
        guard schema.ignoresCase(attribute) else { return stored }
        guard asked != .none else {
            throw LDAPFailure(
                .final,
                "the directory does not regard case in '\(attribute)', and a copy does: give the relation the flag -l, so that keys are"
                    + " folded before they are looked up")
        }
        return asked
    }
}

extension KeyFolding {
    fileprivate func fold(_ bytes: [UInt8]) -> [UInt8] { self == .none ? bytes : bytes.map { fold($0) } }
}
