// The configuration in effect as text: a zmailer.conf, with remarks.

import Check
import Configuration
import Delivery
import Maps

/// The configuration in effect for people.
struct ConfigText {
    /// All of it.
    private(set) var text = ""

    /// Writes it.
    ///
    /// - Parameters:
    ///   - settings: those to be shown.
    ///   - isWhole: whether maps, channels and files are shown too.
    init(_ inventory: SiteInventory, _ settings: [EffectiveSetting], isWhole: Bool) {
        add(rows: settings.map { [$0.line ?? "#\($0.name)", "# " + Self.origin(of: $0)] })
        guard isWhole else { return }
        let others = inventory.settings.otherVariables
        if !others.isEmpty {
            text += "\n# Variables that are no settings here: values may refer to them.\n"
            add(rows: others.map { [$0.line ?? "#\($0.name)", "# " + Self.origin(of: $0)] })
        }
        if let databases = inventory.databases { add(databases) }
        if let scheduler = inventory.scheduler { add(scheduler, inventory.settings) }
        text += "\n# Files, in the order in which they are looked for.\n"
        add(
            rows: inventory.files.map { file in
                switch file.state {
                case .present: ["# there", printable(file.path.utf8), file.purpose]
                case .missing: ["# missing", printable(file.path.utf8), file.purpose]
                case .unreadable(let reason): ["# UNREADABLE", printable(file.path.utf8), "\(file.purpose): \(reason)"]
                }
            })
    }

    private mutating func add(_ databases: DatabasesConf) {
        text += "\n# Maps: relation, type, file, flags, and how the source is compiled (\(databases.file)).\n"
        add(
            rows: databases.definitions.map { map in
                let source =
                    map.source.map { $0.path == map.tablePath ? "" : "from \($0.path)" }
                    ?? (map.compile.isLive ? "live" : "")
                return [
                    "# \(map.relation)", map.type.name, map.tablePath ?? "-", map.flags.description,
                    source, "line \(map.line)",
                ]
            })
    }

    private mutating func add(_ scheduler: SchedulerConf, _ settings: Settings) {
        text +=
            "\n# Channels: what a recipient of channel/host gets from the first clause with a command"
            + " (\(scheduler.file)).\n"
        for clause in scheduler.clauses {
            let words = clause.parameters.keywords.map { name, value in
                name == "queueonly" ? name : value.contains(" ") ? "\(name)=\"\(value)\"" : "\(name)=\(value)"
            }
            add(rows: [["# \(clause.selector)", words.joined(separator: " "), "line \(clause.line)"]])
        }
        for server in DeliveryPlan(.scheduler(scheduler), settings: settings).servers { text += "# -> \(server)\n" }
    }

    /// Rows in columns as wide as they need, the last as it is.
    private mutating func add(rows: [[String]]) {
        var widths: [Int] = []
        for row in rows {
            for (column, field) in row.dropLast().enumerated() {
                if widths.count == column { widths.append(0) }
                // A long value does not push all the others away.
                if field.count <= Self.widest { widths[column] = max(widths[column], field.count) }
            }
        }
        for row in rows {
            var line = ""
            for (column, field) in row.enumerated() {
                let width = column < row.count - 1 ? widths[column] + 2 : 0
                line += field + String(repeating: " ", count: max(width - field.count, column < row.count - 1 ? 2 : 0))
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
    }

    private static let widest = 48

    private static func origin(of setting: EffectiveSetting) -> String {
        switch setting.origin {
        case .standard: setting.value == nil ? "not set" : "default"
        case .commandLine: "--set"
        case .file(let file, let line): "\(file):\(line)"
        }
    }
}
