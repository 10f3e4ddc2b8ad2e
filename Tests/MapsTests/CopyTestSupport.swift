// A source that the tests of copies lead step by step, and what a copy answers as a value to compare.

import Bytes
import Configuration
import Maps
import System

/// A source that does what a test tells it, one step at a time.
final class LedSource: CopySource {
    typealias Step = @Sendable (inout CopyWriter) throws(CopyFailure) -> Void

    private struct State {
        var step: Step?
        var done = 0
        var cookies: [[UInt8]?] = []
    }

    private let state = Monitor(State())

    /// Takes a step, and waits until it is done.
    func take(_ step: @escaping Step) {
        let count = state.change { state in
            state.step = step
            return state.done
        }
        _ = state.wait { $0.done > count ? true : nil }
    }

    /// The cookies with which it was begun to be followed.
    var cookies: [[UInt8]?] { state.change { $0.cookies } }

    /// Waits until it was begun to be followed so often.
    func waitForBeginnings(_ count: Int) { _ = state.wait { $0.cookies.count >= count ? true : nil } }

    func follow(_ writer: inout CopyWriter) throws(CopyFailure) {
        let cookie = writer.cookie
        state.change { $0.cookies.append(cookie) }
        while !writer.isStopRequested {
            guard let step = state.wait(atMost: .milliseconds(5), { $0.step }) else { continue }
            state.change { $0.step = nil }
            let result = Result { () throws(CopyFailure) in try step(&writer) }
            state.change { $0.done += 1 }
            try result.get()
        }
    }
}

/// What a copy answers for a key.
enum CopyAnswer: Hashable {
    case found(String), absent, failed
}

/// A copy with its source.
struct LedCopy {
    let source = LedSource()
    let copy: MapCopy
    private let table: CopyTable

    init(
        rule: SharedKeyRule = .refused, file: String? = nil, subject: String = "test", ageLimit: Duration? = nil,
        hash: ByteHash = ByteHash()
    ) {
        let plan = CopyPlan(subject: Array(subject.utf8), file: file, ageLimit: ageLimit, rule: rule)
        let copy = MapCopy(plan, hash: hash, source: source)
        self.copy = copy
        table = CopyTable(
            TableName(relation: "r", backEnd: "copy", file: "-"), hash: hash, deadline: .milliseconds(50)
        ) { copy }
    }

    /// A table of another worker.
    func makeTable(_ hash: ByteHash) -> CopyTable {
        CopyTable(TableName(relation: "r", backEnd: "copy", file: "-"), hash: hash, deadline: .milliseconds(50)) {
            copy
        }
    }

    func answer(_ key: String) -> CopyAnswer {
        _ = table.refresh()
        var value: [UInt8] = []
        do throws(MapError) {
            let isFound = try table.lookUp(Array(key.utf8).span, into: &value)
            return isFound ? .found(String(decoding: value, as: UTF8.self)) : .absent
        } catch {
            return .failed
        }
    }

    func message(_ key: String) -> String? {
        _ = table.refresh()
        var value: [UInt8] = []
        do throws(MapError) {
            _ = try table.lookUp(Array(key.utf8).span, into: &value)
            return nil
        } catch {
            return error.text
        }
    }
}

/// What a copy has to say, kept in the plainest way: what each item has, in the order in which the items came.
struct CopyModel: Hashable {
    private(set) var items: [(name: Int, entries: [(key: String, value: String)])] = []

    mutating func put(_ name: Int, _ entries: [(key: String, value: String)]) {
        items.removeAll { $0.name == name }
        items.append((name, entries))
    }

    mutating func remove(_ name: Int) { items.removeAll { $0.name == name } }

    func answer(_ key: String, _ rule: SharedKeyRule) -> CopyAnswer {
        var values: [String] = []
        for item in items {
            var own: [String] = []
            for entry in item.entries where entry.key == key && !own.contains(entry.value) { own.append(entry.value) }
            values += own
        }
        guard values.count > 1 else { return values.first.map(CopyAnswer.found) ?? .absent }
        switch rule {
        case .refused: return .failed
        case .joined(let limit): return values.count > limit ? .failed : .found(values.joined(separator: ", "))
        }
    }

    static func == (left: CopyModel, right: CopyModel) -> Bool { left.text == right.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }

    private var text: [String] { items.map { "\($0.name) \($0.entries)" } }
}

extension CopiedItem {
    init(number: Int) { self.init(Array("item number \(number)".utf8)) }
}

extension CopyWriter {
    mutating func put(_ number: Int, _ entries: [(key: String, value: String)]) throws(CopyFailure) {
        try put(CopiedItem(number: number), entries.map { (key: Array($0.key.utf8), value: Array($0.value.utf8)) })
    }
}
