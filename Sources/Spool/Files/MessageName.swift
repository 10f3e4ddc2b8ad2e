// The file name of a message: one name in transport/ (control file) and queue/ (body), as ZMailer has it.

import Bytes
import Glibc

/// A plain file name: printable ASCII without blank or `/`, not beginning with a dot, of at most 200 bytes.
///
/// Names that begin with a dot belong to files still being written. ZMailer names a message by the inode number of its
/// file, and its programs go by the number that a name begins with. Inode numbers come back: the names made here have a
/// mark behind the number, so that a spool never has two messages of one name.
package struct MessageName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The name as text.
    package let description: String

    /// The name, or nil where the text is no plain name.
    package init?(_ text: String) {
        let bytes = text.utf8
        guard let first = bytes.first, first != UInt8(ascii: "."), bytes.count <= 200,
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") })
        else { return nil }
        description = text
    }

    /// The name that file names as bytes stand for, or nil where they are no plain name.
    package init?(bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(text)
    }

    /// A name that no message of the spool has or had: the inode number of its file, a dot, and a mark.
    ///
    /// The mark is the time to the microsecond, in which no inode number comes back, and a random number, for clocks that
    /// are set back and come to the same time again. Nothing is kept for it, so that whoever may write to a spool can name
    /// what he writes.
    ///
    /// - Parameters:
    ///   - time: in microseconds since 1970; nil for the present.
    ///   - chance: any of four digits in base 36.
    package init(
        newFor inode: UInt64, time: UInt64? = nil, chance: UInt64 = .random(in: 46_656..<1_679_616)
    ) {
        let time = time ?? Self.now()
        description = "\(inode).\(String(time, radix: 36))\(String(chance, radix: 36))"
    }

    /// Whether the name is one that was made for the file with this inode number.
    package func isMade(for inode: UInt64) -> Bool {
        let parts = description.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].elementsEqual("\(inode)".utf8) else { return false }
        // `INODE.1`, as earlier versions named a second file of a number, comes back as the number does.
        return parts[1].count >= 14 && parts[1].allSatisfy { ASCII.isDigit($0) || (0x61...0x7A).contains($0) }
    }

    private static func now() -> UInt64 {
        var time = timespec()
        // Fails only for a clock that does not exist.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000 &+ UInt64(clamping: time.tv_nsec / 1000)
    }

    /// The name of the message that takes recipients over from this one: this name, `-h`, and the offset of the first
    /// of them in this message's control file.
    ///
    /// A recipient line is taken over once, so the name is as unique as this one, and whoever knows the recipient
    /// knows the name.
    ///
    /// - Returns: nil where the name would be too long.
    package func takingOver(recipientAt offset: Int) -> MessageName? {
        MessageName("\(description)-h\(offset)")
    }

    /// The name of the message that this one took recipients over from; nil for a name of another form.
    package var origin: MessageName? {
        let digits = description.utf8.reversed().prefix { $0 &- 0x30 < 10 }.count
        let rest = description.dropLast(digits)
        return digits > 0 && rest.hasSuffix("-h") ? MessageName(String(rest.dropLast(2))) : nil
    }

    /// Alphabetical order.
    package static func < (left: MessageName, right: MessageName) -> Bool { left.description < right.description }
}

// The names of files still being written: a dot leads them, so that neither ZMailer's programs nor this spool take them
// for messages.

/// Names for unfinished files.
enum TemporaryName {
    private static let prefix = ".", suffix = ".new"

    /// The name of a message's control file while it is written; whoever has the message's lock writes it.
    static func control(_ message: String) -> String { prefix + message + suffix }

    /// The name of a staged submission.
    static func staged(_ message: MessageName) -> String { ".staged-\(message)" }

    /// The message that a staged submission's name is for; nil for any other name.
    static func stagedMessage(_ name: [UInt8]) -> MessageName? {
        name.starts(with: ".staged-".utf8) ? MessageName(bytes: Array(name.dropFirst(8))) : nil
    }

    /// The name of the body of a message that is done, until it is removed.
    static func finished(_ message: MessageName) -> String { ".finished-\(message)" }

    /// The message that a finished one's body has its name from; nil for any other name.
    static func finishedMessage(_ name: [UInt8]) -> MessageName? {
        name.starts(with: ".finished-".utf8) ? MessageName(bytes: Array(name.dropFirst(10))) : nil
    }

    /// The name of the control file of a message on hold.
    static func onHold(_ message: MessageName) -> String { ".hold-\(message)" }

    /// The message that a control file's name puts on hold; nil for any other name.
    static func messageOnHold(_ name: [UInt8]) -> MessageName? {
        name.starts(with: ".hold-".utf8) ? MessageName(bytes: Array(name.dropFirst(6))) : nil
    }

    /// The name of the file that asks for an attempt at a message.
    static func retry(_ message: MessageName) -> String { ".retry-\(message)" }

    /// The message that an attempt is asked for by a file of this name; nil for any other name.
    static func messageToRetry(_ name: [UInt8]) -> MessageName? {
        name.starts(with: ".retry-".utf8) ? MessageName(bytes: Array(name.dropFirst(7))) : nil
    }

    /// Whether a name is one of an unfinished file of this spool, which may be removed when nobody writes it any more.
    static func isUnfinished(_ name: [UInt8]) -> Bool {
        name.first == UInt8(ascii: ".") && name.reversed().starts(with: suffix.utf8.reversed())
    }

    /// A name that no other process and no other call has in use.
    static func unique() -> String { "\(prefix)\(getpid())-\(UInt64.random(in: .min ... .max))\(suffix)" }
}

// When a message arrived and was last worked on, as far as the dates of its files can be believed: a clock may have been
// set since, or have been wrong for a moment, and neither may hold mail up or bounce it.

/// The dates of a message, all in seconds since 1970.
package struct MessageDates: Sendable, Hashable {
    /// When its body was written.
    package let arrival: Int64
    /// When its control file was last changed.
    package let changed: Int64
    /// When attempts failed that left a diagnostic, in order.
    package let attempts: [Int64]

    /// Dates as the files have them.
    package init(arrival: Int64, changed: Int64, attempts: [Int64]) {
        self.arrival = arrival
        self.changed = changed
        // In order, and each once: thousands of recipients were tried together.
        self.attempts = Set(attempts).sorted()
    }

    /// Whether one of the files is dated ahead of the clock, which then says nothing of how long the message waits.
    package func isAhead(now: Int64) -> Bool { arrival > now || changed > now }

    /// When the control file was last changed; nil where that is dated ahead of the clock.
    package func lastChange(now: Int64) -> Int64? { changed > now ? nil : changed }

    /// When the message is taken to have arrived.
    ///
    /// That is the date of its body, unless it lies ahead of the clock or so far back that the message would have been
    /// given up long ago: three months, or twice its expiry. Then it is the earliest date that can be believed, of an
    /// attempt or of the control file, and the present where there is none.
    ///
    /// - Parameter expiry: the age in seconds at which the message is given up.
    package func arrival(now: Int64, expiry: Int64) -> Int64 {
        if isBelievable(arrival, now, expiry) { return arrival }
        return (attempts + [changed]).filter { isBelievable($0, now, expiry) }.min() ?? now
    }

    /// Whether the next attempt has to leave a date, since from then on the time counts that the message waits.
    package func needsDate(now: Int64, expiry: Int64) -> Bool {
        !isBelievable(arrival, now, expiry) && !attempts.contains { isBelievable($0, now, expiry) }
    }

    private func isBelievable(_ time: Int64, _ now: Int64, _ expiry: Int64) -> Bool {
        let (twice, isOver) = expiry.multipliedReportingOverflow(by: 2)
        let (age, isOutside) = now.subtractingReportingOverflow(time)
        return time <= now && !isOutside && age <= max(Self.longest, isOver ? .max : twice)
    }

    private static let longest: Int64 = 90 * 86_400
}
