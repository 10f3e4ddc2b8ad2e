// When a message arrived and was last worked on, as far as the dates of its files can be believed: a clock may have been
// set since, or have been wrong for a moment, and neither may hold mail up or bounce it.

public import Files

/// The dates of a message, all in seconds since 1970.
public struct MessageDates: Sendable, Hashable {
    /// When its body was written.
    public let arrival: Int64
    /// When its control file was last changed.
    public let changed: Int64
    /// When attempts failed that left a diagnostic, in order.
    public let attempts: [Int64]

    /// Dates as the files have them.
    public init(arrival: Int64, changed: Int64, attempts: [Int64]) {
        self.arrival = arrival
        self.changed = changed
        // In order, and each once: thousands of recipients were tried together.
        self.attempts = Set(attempts).sorted()
    }

    /// Whether one of the files is dated ahead of the clock, which then says nothing of how long the message waits.
    public func isAhead(now: Int64) -> Bool { arrival > now || changed > now }

    /// When the control file was last changed; nil where that is dated ahead of the clock.
    public func lastChange(now: Int64) -> Int64? { changed > now ? nil : changed }

    /// When the message is taken to have arrived.
    ///
    /// That is the date of its body, unless it lies ahead of the clock or so far back that the message would have been
    /// given up long ago: three months, or twice its expiry. Then it is the earliest date that can be believed, of an
    /// attempt or of the control file, and the present where there is none.
    ///
    /// - Parameter expiry: the age in seconds at which the message is given up.
    public func arrival(now: Int64, expiry: Int64) -> Int64 {
        if isBelievable(arrival, now, expiry) { return arrival }
        return (attempts + [changed]).filter { isBelievable($0, now, expiry) }.min() ?? now
    }

    /// Whether the next attempt has to leave a date, since from then on the time counts that the message waits.
    public func needsDate(now: Int64, expiry: Int64) -> Bool {
        !isBelievable(arrival, now, expiry) && !attempts.contains { isBelievable($0, now, expiry) }
    }

    private func isBelievable(_ time: Int64, _ now: Int64, _ expiry: Int64) -> Bool {
        let (twice, isOver) = expiry.multipliedReportingOverflow(by: 2)
        let (age, isOutside) = now.subtractingReportingOverflow(time)
        return time <= now && !isOutside && age <= max(Self.longest, isOver ? .max : twice)
    }

    private static let longest: Int64 = 90 * 86_400
}

extension PostOffice {
    /// The dates of a message; nil where its body or its control file is missing.
    public func dates(of message: MessageName, _ contents: ControlFile) throws(FileError) -> MessageDates? {
        guard let body = try queue.status(message.description), let control = try transport.status(message.description)
        else { return nil }
        return MessageDates(
            arrival: body.modified / 1_000_000_000, changed: control.modified / 1_000_000_000,
            attempts: contents.diagnostics.map { Int64($0.diagnostic.time) })
    }
}
