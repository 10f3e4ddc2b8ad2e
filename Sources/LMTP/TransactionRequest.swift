// What a transaction was begun with: it stays the same from the first command to the report, so state and report share it.

/// The constant part of a transaction.
///
/// A class so that moving a transaction from queue to state to report moves one reference; it is immutable.
final class TransactionRequest: Sendable {
    let id: TransactionID
    let envelope: Envelope
    let dialect: ClientOptions.Dialect
    let writer: CommandWriter
    /// Whether MAIL, RCPT and DATA were sent together.
    let isPipelined: Bool
    /// The argument of BDAT; nil where DATA is used.
    let chunkSize: UInt64?

    init(
        id: TransactionID, envelope: consuming Envelope, dialect: ClientOptions.Dialect, writer: CommandWriter,
        isPipelined: Bool, chunkSize: UInt64?
    ) {
        self.id = id
        self.envelope = envelope
        self.dialect = dialect
        self.writer = writer
        self.isPipelined = isPipelined
        self.chunkSize = chunkSize
    }

    /// A transaction that is reported without having been begun.
    convenience init(unsent envelope: Envelope, id: TransactionID) {
        self.init(
            id: id, envelope: envelope, dialect: .lmtp,
            writer: CommandWriter(extensions: [], isConverted: false, hasInternationalizedAddress: false),
            isPipelined: false, chunkSize: nil)
    }
}
