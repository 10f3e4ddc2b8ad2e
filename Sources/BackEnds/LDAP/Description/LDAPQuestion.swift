// What a map asks of a directory, and how the answer is read.

import Bytes
import MapDescriptions
import Maps

/// How the copy of a map is kept (type `ldapsync`).
struct LDAPCopySettings: Sendable, Hashable {
    /// The file that keeps it for the next process; nil where nothing is kept.
    var file: String?
    /// After so many seconds without a word of a server lookups fail; nil for never.
    var longestAge: Int?
}

/// A question for each key.
struct LDAPQuestion: Sendable, Hashable {
    /// Who is asked.
    var access: LDAPAccess
    /// Where the search begins.
    var base: String
    /// How deep it goes: `LDAPSearch.entryAlone` and the like.
    var scope = LDAPSearch.wholeTree
    /// What entries are searched for.
    var filter: FilterTemplate
    /// The attributes whose values are the value.
    var attributes: [String]
    /// What several values mean, and how each is written.
    var form = AnswerForm()
    /// What has to be seen before a key is absent.
    var proof = LDAPProof()
    /// The most entries that the server is asked for.
    var sizeLimit: Int32 = 0

    /// How a copy is kept.
    var copy = LDAPCopySettings()

    /// Every attribute that the server has to know.
    var everyAttribute: [String] { filter.attributes + attributes }

    /// Reads an answer.
    ///
    /// - Returns: false where it has no entry, which is not yet an absence.
    /// - Throws: where it says neither that the key is there nor that it is not.
    func read(
        _ answer: LDAPAnswer, of key: Span<UInt8>, into value: inout [UInt8]
    ) throws(LDAPFailure) -> Bool {
        guard answer.references == 0 else {
            throw LDAPFailure(
                .final,
                "a part of the tree lies on another server (a search reference), so the key may be there; ask a server that"
                    + " has all of it, or narrow the base")
        }
        guard !answer.entries.isEmpty else { return false }
        // A set has no order: the same values are always the same list.
        var values: [[UInt8]] = []
        for entry in answer.entries {
            guard !entry.isEmpty else {
                throw LDAPFailure(
                    .final,
                    "an entry has no \(attributes.joined(separator: " or ")): it is missing, or hidden from this user; add it,"
                        + " let this user read it, or leave such entries out by the filter")
            }
            values += entry
        }
        if values.count > 1 {
            guard form.rows != .refused else {
                throw LDAPFailure(
                    .final,
                    "\(answer.entries.count > 1 ? "several entries" : "several values") for one key, of which the server's"
                        + " choice would be the first; leave one, make the filter stricter, or say that rows are a list (join)"
                )
            }
            values.sort { $0.lexicographicallyPrecedes($1) }
        }
        value.removeAll(keepingCapacity: true)
        do throws(DescriptionFault) {
            for (index, text) in values.enumerated() {
                try form.beginRow(index + 1, in: &value)
                let start = value.count
                value += text
                try form.endRow(from: start, for: key, in: &value)
            }
        } catch {
            throw LDAPFailure(.final, error.text)
        }
        return true
    }
}
