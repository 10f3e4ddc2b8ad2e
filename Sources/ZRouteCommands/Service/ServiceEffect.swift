// What a service works with, as it says when it starts and when it has read its configuration anew.

import Configuration
import Delivery
import Glibc
import Maps
import Spool

/// What is in effect.
struct ServiceEffect {
    private let command: String
    private var members: [(name: String, values: [String])] = []

    init(_ command: String) { self.command = command }

    /// A service over a spool.
    init(
        _ command: String, _ settings: Settings, _ postOffice: PostOffice, _ databases: DatabasesConf?,
        _ plan: DeliveryPlan? = nil
    ) {
        self.init(command)
        add("config", settings.file)
        add("spool", postOffice.path)
        if let databases {
            add("dbases", databases.file)
            add("maps", databases.definitions.map { "\($0.tableName)" })
        }
        if let plan { add("servers", plan.servers) }
    }

    /// Adds a value; nothing where there is none.
    mutating func add(_ name: String, _ value: String?) {
        if let value { members.append((name, [value])) }
    }

    /// Adds a list.
    mutating func add(_ name: String, _ values: [String]) { members.append((name, values)) }

    /// The event `start` or `reload`.
    func event(_ name: String) -> LogEvent {
        var event = LogEvent.service(name, command)
        for (name, values) in members {
            let shown = values.map { printable(Array($0.utf8)) }.joined(separator: ", ")
            let isList = ["listeners", "maps", "servers"].contains(name)
            event.add(name, isList ? .list(values) : .text(Array(shown.utf8)), as: name, shown)
        }
        return event
    }
}

extension LogEvent {
    /// Something about a service as a whole: `start`, `reload`, `stop`.
    static func service(_ name: String, _ command: String) -> LogEvent {
        var event = LogEvent(name)
        event.add("command", .text(Array(command.utf8)), as: "command", command)
        event.add("version", .text(Array(ZRouteCommand.version.utf8)), as: "version", ZRouteCommand.version)
        event.add("process", .number(Int(getpid())), as: "process", "\(getpid())")
        return event
    }
}
