// What a clause of scheduler.conf sets, as far as it matters here.

import Configuration

/// The parameters of a clause; nil where it says nothing.
public struct SchedulerParameters: Sendable, Hashable {
    /// `interval`: the unit of the time between two attempts.
    public var interval: TimeSpan?
    /// `retries`: how many intervals lie between one attempt and the next; the last number repeats.
    public var retries: [Int]?
    /// `expiry`: the age at which a message that could not be delivered is returned.
    public var expiry: TimeSpan?
    /// `reporttimes`: the ages at which senders who asked for it are told that their message is delayed.
    public var reportTimes: [TimeSpan]?
    /// `idlemax`: how long a connection without work is kept.
    public var idleMaximum: TimeSpan?
    /// `maxta`: connections in all.
    public var maximumTotal: Int?
    /// `maxchannel`: connections of one channel.
    public var maximumPerChannel: Int?
    /// `maxring`: connections of one clause.
    public var maximumPerClause: Int?
    /// `maxthr`: connections to one endpoint.
    public var maximumPerEndpoint: Int?
    /// `queueonly`: whether the recipients stay queued.
    public var isQueueOnly = false
    /// `command`, and the line it stands in.
    public var command: String?, commandLine: Int?

    /// The parameters that mean something here.
    private static let known = [
        "interval", "retries", "expiry", "reporttimes", "idlemax", "maxta", "maxchannel", "maxring", "maxthr",
        "queueonly",
        "command",
    ]
    /// ZMailer's own for processes, rights, reports' forms and order, which mean nothing where no process is started.
    private static let ignored = [
        "user", "group", "skew", "bychannel", "ageorder", "overfeed", "overfeedlow", "overfeedhigh", "priority", "nice",
        "syspriority", "sysnice", "paramauthfile", "expiryform", "deliveryform", "wakeuprestartonly", "waitpost", "rsh",
    ]

    /// Nothing set.
    public init() {}

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

    /// Sets a parameter by its keyword, in any case of letters.
    ///
    /// - Returns: what is wrong; nil where nothing is.
    mutating func set(_ keyword: String, to value: String?, line: Int) -> String? {
        switch keyword.lowercased() {
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
        case let name where Self.ignored.contains(name): break
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
