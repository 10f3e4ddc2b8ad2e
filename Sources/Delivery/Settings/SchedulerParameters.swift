// What a clause of scheduler.conf sets, as far as it matters here.

import Configuration
import LMTP

/// The parameters of a clause; nil where it says nothing.
package struct SchedulerParameters: Sendable, Hashable {
    /// `interval`: the unit of the time between two attempts.
    package var interval: TimeSpan?
    /// `retries`: how many intervals lie between one attempt and the next; the last number repeats.
    package var retries: [Int]?
    /// `expiry`: the age at which a message that could not be delivered is returned.
    package var expiry: TimeSpan?
    /// `reporttimes`: the ages at which senders who asked for it are told that their message is delayed.
    package var reportTimes: [TimeSpan]?
    /// `idlemax`: how long a connection without work is kept.
    package var idleMaximum: TimeSpan?
    /// `maxta`: connections in all.
    package var maximumTotal: Int?
    /// `maxchannel`: connections of one channel.
    package var maximumPerChannel: Int?
    /// `maxring`: connections of one clause.
    package var maximumPerClause: Int?
    /// `maxthr`: connections to one endpoint.
    package var maximumPerEndpoint: Int?
    /// `queueonly`: whether the recipients stay queued.
    package var isQueueOnly = false
    /// `command`, and the line it stands in.
    package var command: String?, commandLine: Int?

    /// The parameters that mean something here.
    private static let known = [
        "interval", "retries", "expiry", "reporttimes", "idlemax", "maxta", "maxchannel", "maxring", "maxthr",
        "queueonly",
        "command",
    ]
    /// Other names of some of them.
    private static let synonyms = [
        "maxtransport", "maxtransports", "maxchannels", "maxrings", "maxthread", "maxthreads",
    ]
    /// ZMailer's own for processes, rights, reports' forms and order, which mean nothing where no process is started.
    private static let ignored = [
        "user", "group", "skew", "bychannel", "ageorder", "overfeed", "overfeedlow", "overfeedhigh", "priority", "nice",
        "syspriority", "sysnice", "paramauthfile", "expiryform", "deliveryform", "wakeuprestartonly", "waitpost", "rsh",
    ]

    /// Nothing set.
    package init() {}

    /// What another clause sets, before what this one sets.
    mutating func override(with other: SchedulerParameters) {
        interval = other.interval ?? interval
        retries = other.retries ?? retries
        expiry = other.expiry ?? expiry
        reportTimes = other.reportTimes ?? reportTimes
        idleMaximum = other.idleMaximum ?? idleMaximum
        maximumTotal = other.maximumTotal ?? maximumTotal
        maximumPerChannel = other.maximumPerChannel ?? maximumPerChannel
        maximumPerClause = other.maximumPerClause ?? maximumPerClause
        maximumPerEndpoint = other.maximumPerEndpoint ?? maximumPerEndpoint
        isQueueOnly = other.isQueueOnly || isQueueOnly
        if other.command != nil { (command, commandLine) = (other.command, other.commandLine) }
    }

    /// What is set, by the keywords of scheduler.conf; times in seconds, with their unit.
    package var keywords: [(name: String, value: String)] {
        func list<Item>(_ items: [Item]?, _ text: (Item) -> String) -> String? {
            items.map { $0.map(text).joined(separator: " ") }
        }
        let values: [(String, String?)] = [
            ("interval", interval.map { "\($0.seconds)s" }), ("retries", list(retries) { "\($0)" }),
            ("expiry", expiry.map { "\($0.seconds)s" }), ("reporttimes", list(reportTimes) { "\($0.seconds)s" }),
            ("idlemax", idleMaximum.map { "\($0.seconds)s" }), ("maxta", maximumTotal.map { "\($0)" }),
            ("maxchannel", maximumPerChannel.map { "\($0)" }), ("maxring", maximumPerClause.map { "\($0)" }),
            ("maxthr", maximumPerEndpoint.map { "\($0)" }), ("queueonly", isQueueOnly ? "" : nil), ("command", command),
        ]
        return values.compactMap { name, value in value.map { (name, $0) } }
    }

    /// Sets a parameter by its keyword, in any case of letters.
    ///
    /// - Parameter found: is told what is wrong with it.
    mutating func set(_ keyword: String, to value: String?, line: Int, _ found: inout FindingList) {
        let name = keyword.lowercased()
        if let problem = set(name, keyword, to: value, line: line) {
            let isKnown = (Self.known + Self.synonyms).contains(name)
            found.error(isKnown ? .invalidParameter : .unknownParameter, problem, line: line)
        } else if ["interval", "idlemax"].contains(name), let value, TimeSpan.lacksUnit(value) {
            found.warning(
                .timeWithoutUnit,
                "\(keyword)=\(value) has no unit and is taken as seconds; write \(value)s, or another unit", line: line)
        }
    }

    /// Sets a parameter; answers what is wrong, nil where nothing is.
    private mutating func set(_ name: String, _ keyword: String, to value: String?, line: Int) -> String? {
        switch name {
        case "interval": return setTime(keyword, \.interval, value)
        case "expiry":
            // Taken as seconds it would return mail at once.
            guard let value, !TimeSpan.lacksUnit(value) else { return Self.unitMissing(keyword, value) }
            return setTime(keyword, \.expiry, value)
        case "idlemax": return setTime(keyword, \.idleMaximum, value)
        case "maxta", "maxtransport", "maxtransports": return setNumber(keyword, \.maximumTotal, value)
        case "maxchannel", "maxchannels": return setNumber(keyword, \.maximumPerChannel, value)
        case "maxring", "maxrings": return setNumber(keyword, \.maximumPerClause, value)
        case "maxthr", "maxthread", "maxthreads": return setNumber(keyword, \.maximumPerEndpoint, value)
        case "queueonly": isQueueOnly = true
        case "command":
            guard let value, !value.isEmpty else { return "command is empty" }
            (command, commandLine) = (value, line)
        case "retries":
            let numbers = (value ?? "").split { $0 == " " || $0 == "\t" || $0 == "," }.map { Int($0) }
            guard !numbers.isEmpty, numbers.allSatisfy({ ($0 ?? 0) > 0 && ($0 ?? 0) < 1_000_000 }) else {
                return "retries is not a list of numbers from 1: '\(value ?? "")'"
            }
            retries = numbers.compactMap { $0 }
        case "reporttimes":
            let words = (value ?? "").split { $0 == " " || $0 == "\t" || $0 == "," }
            let times = words.compactMap { TimeSpan($0) }
            guard !times.isEmpty, times.count == words.count, times.allSatisfy({ $0.seconds > 0 }) else {
                return "reporttimes is not a list of times such as 4h 1d: '\(value ?? "")'"
            }
            guard !words.contains(where: TimeSpan.lacksUnit) else { return Self.unitMissing(keyword, value) }
            reportTimes = times.sorted()
        case _ where Self.ignored.contains(name): break
        default:
            let hint = suggestion(for: keyword, among: Self.known + Self.ignored)
            let other =
                value == nil
                ? "; a selector channel/host begins its line without blanks, and a value with blanks stands in quotes"
                : ""
            return "unknown parameter '\(keyword)'\(hint.isEmpty ? other : hint)"
        }
        return nil
    }

    private static func unitMissing(_ keyword: String, _ value: String?) -> String {
        "\(keyword) '\(value ?? "")' has a number without a unit; write it with s, m, h or d, such as 3d"
    }

    private mutating func setTime(
        _ keyword: String, _ member: WritableKeyPath<SchedulerParameters, TimeSpan?>, _ value: String?
    ) -> String? {
        guard let value, let span = TimeSpan(value), span.seconds > 0 else {
            return "\(keyword) is not a time such as 90s, 5m, 1h30m, 3d: '\(value ?? "")'"
        }
        self[keyPath: member] = span
        return nil
    }

    private mutating func setNumber(
        _ keyword: String, _ member: WritableKeyPath<SchedulerParameters, Int?>, _ value: String?
    ) -> String? {
        guard let number = value.flatMap({ Int($0) }), (0...1_000_000).contains(number) else {
            return "\(keyword) is not a number: '\(value ?? "")'"
        }
        // ZMailer: 0 is no limit of its own.
        self[keyPath: member] = number == 0 ? nil : number
        return nil
    }
}

// When a recipient is tried again, and when no more (ZMailer: `interval`, `retries`, `expiry`).
//
// The points in time are counted from the message's arrival, so that nothing has to be remembered from one run to the
// next: a run tries what has a point between the last change of the control file and now.

/// The attempts that a message gets.
package struct RetrySchedule: Sendable, Hashable {
    /// The unit.
    package let interval: TimeSpan
    /// The units between one attempt and the next, at least one number; the last repeats.
    package let retries: [Int]
    /// The age at which what could not be delivered is returned.
    package let expiry: TimeSpan
    /// The ages at which a sender who asked for it is told of the delay, in order.
    package let reportTimes: [TimeSpan]

    /// A schedule; what is nil is 1 minute, `1 1 2 3 5 8 13 21 34` and 3 days; and a report after
    /// 4 hours (RFC 5321 4.5.4.1 names no time; that is what most servers do).
    package init(
        interval: TimeSpan? = nil, retries: [Int]? = nil, expiry: TimeSpan? = nil, reportTimes: [TimeSpan]? = nil
    ) {
        self.interval = interval ?? TimeSpan(seconds: 60)
        let retries = retries ?? []
        self.retries = retries.isEmpty ? [1, 1, 2, 3, 5, 8, 13, 21, 34] : retries
        self.expiry = expiry ?? TimeSpan(seconds: 3 * 86_400)
        self.reportTimes = reportTimes ?? [TimeSpan(seconds: 4 * 3600)]
    }

    /// The first attempt after the last one, all in seconds since 1970.
    package func next(arrival: Int, last: Int) -> Int {
        var point = arrival
        for (index, factor) in retries.enumerated() {
            let step = max(1, interval.seconds.multipliedReportingOverflow(by: factor).partialValue)
            if index == retries.count - 1, point <= last {
                // All further steps are alike.
                point += ((last - point) / step + 1) * step
            } else {
                point += step
            }
            if point > last { return point }
        }
        return point
    }

    /// Whether a message is so old that an attempt that fails now is its last.
    package func isExpired(arrival: Int, now: Int) -> Bool { now - arrival >= expiry.seconds }
}

extension SchedulerParameters {
    /// When attempts are made.
    package var schedule: RetrySchedule {
        RetrySchedule(interval: interval, retries: retries, expiry: expiry, reportTimes: reportTimes)
    }
}

// Times as ZMailer's configuration writes them: `90`, `5m`, `1h30m`, `3d`.

/// A length of time in whole seconds.
package struct TimeSpan: Sendable, Hashable, Comparable {
    /// The seconds, at most a hundred years of them.
    package let seconds: Int

    /// The longest time that can be written: a hundred years.
    private static let limit = 100 * 365 * 86_400

    /// A time of so many seconds; less than none is none.
    package init(seconds: Int) {
        self.seconds = min(max(seconds, 0), Self.limit)
    }

    /// Reads numbers with the units `s`, `m`, `h`, `d`; a last number without unit is of seconds.
    ///
    /// Nil for anything else.
    package init?(_ text: some StringProtocol) {
        var total = 0
        var number: Int?
        for byte in text.utf8 {
            if byte &- UInt8(ascii: "0") < 10 {
                number = min((number ?? 0) * 10 + Int(byte &- UInt8(ascii: "0")), Self.limit)
                continue
            }
            guard let value = number, let unit = Self.unit(byte) else { return nil }
            total = min(total + min(value, Self.limit / unit) * unit, Self.limit)
            number = nil
        }
        guard let last = number ?? (total > 0 || text.utf8.contains(UInt8(ascii: "0")) ? 0 : nil) else { return nil }
        seconds = min(total + last, Self.limit)
    }

    /// Whether a text ends in a number without a unit.
    static func lacksUnit(_ text: some StringProtocol) -> Bool {
        Array(text.utf8).last.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
    }

    private static func unit(_ byte: UInt8) -> Int? {
        switch byte | 0x20 {
        case UInt8(ascii: "s"): 1
        case UInt8(ascii: "m"): 60
        case UInt8(ascii: "h"): 3600
        case UInt8(ascii: "d"): 86_400
        default: nil
        }
    }

    /// The shorter first.
    package static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.seconds < right.seconds }
}

// How long a connection waits in each state: ZMailer's `-T` groups with its defaults, which are RFC 5321 4.5.3.2's.

/// The time-outs of a connection.
package struct TimeLimits: Sendable, Hashable {
    /// `conn`: for the connection and the TLS handshake; 3 minutes.
    package var connection = TimeSpan(seconds: 180)
    /// `tcpw`: for the peer to take a block of the message, and for each MiB of the whole; 5 minutes.
    package var block = TimeSpan(seconds: 300)
    /// `cmd`: for the greeting and the whole reply to any command but DATA; 5 minutes.
    package var command = TimeSpan(seconds: 300)
    /// `data`: for the reply to DATA; 2 minutes.
    package var data = TimeSpan(seconds: 120)
    /// `dot`: for each reply to the end of the message; 20 minutes.
    package var final = TimeSpan(seconds: 1200)

    /// The defaults.
    package init() {}

    /// Reads the value of `-T`: `conn=3m,tcpw=5m,cmd=5m,data=2m,dot=20m` in any order and number; a time alone is `cmd`.
    ///
    /// Nil where a group is unknown or a time is none, or is zero.
    package init?(_ text: String) {
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value = pair.last, let span = TimeSpan(value), span.seconds > 0 else { return nil }
            switch pair.count == 1 ? "cmd" : pair[0].lowercased() {
            case "conn": connection = span
            case "tcpw": block = span
            case "cmd": command = span
            case "data": data = span
            case "dot": final = span
            default: return nil
            }
        }
    }

    /// The limit of one state.
    ///
    /// Nobody's mail depends on the reply to QUIT, so it is not waited for longer than half a minute.
    func limit(of phase: ClientPhase) -> TimeSpan {
        switch phase {
        case .connect, .tlsHandshake: connection
        case .greeting, .hello, .startTLS, .authentication, .mail, .recipient, .reset: command
        case .data: data
        case .body: block
        case .final: final
        case .quit: min(command, TimeSpan(seconds: 30))
        }
    }
}
