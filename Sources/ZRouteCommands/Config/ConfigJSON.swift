// The configuration in effect as JSON, for programs: docs/configuration.md has its members.

import Bytes
import Check
import Configuration
import Delivery
import Maps

/// The configuration in effect for programs.
struct ConfigJSON {
    private let inventory: SiteInventory
    private let settings: [EffectiveSetting]
    private let isWhole: Bool

    /// Prepares it.
    ///
    /// - Parameters:
    ///   - settings: those to be shown.
    ///   - isWhole: whether maps, channels and files are shown too.
    init(_ inventory: SiteInventory, _ settings: [EffectiveSetting], isWhole: Bool) {
        (self.inventory, self.settings, self.isWhole) = (inventory, settings, isWhole)
    }

    /// Writes the object and a newline.
    func append(to output: ([UInt8]) -> Void) {
        var json = JSONText()
        json.object { json in
            json.name("version")
            json.number(1)
            Self.append("settings", settings, &json)
            guard isWhole else { return }
            Self.append("variables", inventory.settings.otherVariables, &json)
            list("maps", inventory.databases?.definitions ?? [], &json) { map, json in
                Self.member("relation", map.relation, &json)
                Self.member("type", map.type.name, &json)
                Self.member("path", map.tablePath, &json)
                Self.member("source", map.source?.path, &json)
                Self.member("flags", map.flags.description, &json)
                Self.member("file", map.file, &json)
                json.name("line")
                json.number(map.line)
            }
            list("channels", inventory.scheduler?.clauses ?? [], &json) { clause, json in
                Self.member("selector", clause.selector, &json)
                for (name, value) in clause.parameters.keywords { Self.member(name, value, &json) }
                Self.member("file", inventory.scheduler?.file, &json)
                json.name("line")
                json.number(clause.line)
            }
            list("files", inventory.files, &json) { file, json in
                Self.member("path", file.path, &json)
                Self.member("purpose", file.purpose, &json)
                switch file.state {
                case .present: Self.member("state", "present", &json)
                case .missing: Self.member("state", "missing", &json)
                case .unreadable(let reason):
                    Self.member("state", "unreadable", &json)
                    Self.member("reason", reason, &json)
                }
            }
        }
        output(json.bytes + [ASCII.lineFeed])
    }

    private static func append(_ name: String, _ settings: [EffectiveSetting], _ json: inout JSONText) {
        json.name(name)
        json.array { json in
            for setting in settings {
                json.object { json in
                    member("name", setting.name, &json)
                    member("value", setting.value, &json)
                    switch setting.origin {
                    case .standard: member("origin", "default", &json)
                    case .commandLine: member("origin", "command-line", &json)
                    case .file(let file, let line):
                        member("origin", "file", &json)
                        member("file", file, &json)
                        json.name("line")
                        json.number(line)
                    }
                }
            }
        }
    }

    private func list<Item>(
        _ name: String, _ items: [Item], _ json: inout JSONText, _ body: (Item, inout JSONText) -> Void
    ) {
        json.name(name)
        json.array { json in
            for item in items { json.object { body(item, &$0) } }
        }
    }

    /// A member; none where there is no value.
    private static func member(_ name: String, _ value: String?, _ json: inout JSONText) {
        guard let value else { return }
        json.name(name)
        json.text(Array(value.utf8))
    }
}
