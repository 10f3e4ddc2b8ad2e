// What the rows of an answer become: one value, or a list of them, each written as the description says.

import Bytes

/// How a value is made of the rows that a database answers.
package struct AnswerForm: Sendable, Hashable {
    /// What several rows mean.
    package enum Rows: Sendable, Hashable {
        /// A failure: which of them is meant nobody knows.
        case refused
        /// A list of at most so many members.
        case joined(limit: Int)
    }

    /// What several rows mean.
    package var rows = Rows.refused
    /// How each value is written; nil for as it is.
    package var format: KeyTemplate?

    /// What one value may have, and what rows may be joined to.
    private static let longestValue = 1 << 20, longestList = 100_000

    /// One row, written as it is.
    package init() {}

    /// How many rows an answer may have.
    package var mostRows: Int {
        switch rows {
        case .refused: 1
        case .joined(let limit): limit
        }
    }

    /// Begins a row after others.
    ///
    /// - Parameter count: how many rows there are with it.
    package func beginRow(_ count: Int, in value: inout [UInt8]) throws(DescriptionFault) {
        guard count > 1 else { return }
        guard case .joined(let limit) = rows else {
            throw DescriptionFault(
                "several rows for one key; add LIMIT 1 to the query, make the table's column unique, or say rows = join"
            )
        }
        guard count <= limit, value.count <= Self.longestList else {
            throw DescriptionFault(
                "more than \(limit) rows or \(Self.longestList) bytes for one key; make the list shorter")
        }
        value.append(UInt8(ascii: ","))
    }

    /// Ends a row, whose text was appended as the database has it.
    ///
    /// - Parameters:
    ///   - start: where it begins.
    ///   - key: what it was found by.
    package func endRow(from start: Int, for key: Span<UInt8>, in value: inout [UInt8]) throws(DescriptionFault) {
        guard value.count - start <= Self.longestValue else {
            throw DescriptionFault("a value of more than \(Self.longestValue) bytes; make it shorter")
        }
        guard value.span.firstIndex(of: 0, from: start) == nil else {
            throw DescriptionFault("the value has a NUL; store it without")
        }
        guard let format else { return }
        let plain = Array(value[start...])
        value.removeSubrange(start...)
        guard format.append(for: key, value: plain.span, to: &value) else {
            throw DescriptionFault(
                "the value cannot be written as result_format says: it has no such part; correct either")
        }
    }

    /// What is said of a row without a value.
    package static let null = DescriptionFault(
        "the value is NULL; leave such rows out of the query (value IS NOT NULL)")
}
