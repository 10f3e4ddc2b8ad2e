// The entries of whole maps: of their sources, with lines, and as their files have them, whatever stores them. Reading never
// hangs: it goes on in a thread that is left to itself where its map does not answer.

public import Configuration
import Glibc
import Synchronization
import System

extension MapSource {
    /// Reads the source that a line of dbases.conf names, as newdb does or as lookups of text maps do.
    ///
    /// - Parameters:
    ///   - judge: knows what the entries are for; nil where nothing is to be judged.
    ///   - allowed: what is no finding.
    /// - Returns: nil for a map without a source, and for a compiled one whose source is not there.
    /// - Throws: if it is there and cannot be read.
    public init?(
        of definition: MapDefinition, judge: (any EntryJudge)? = nil,
        allowing allowed: AllowedFindings = AllowedFindings()
    ) throws(CompileError) {
        guard let source = definition.source else { return nil }
        if definition.textForm == nil, FileIdentity.isMissing(at: source.path) { return nil }
        var job = CompileJob(
            source: .file(source.path), form: source.form, folding: source.folding, format: nil, base: source.path)
        job.judge = judge
        job.allowed = allowed
        try self.init(job)
    }
}

extension MapBackEnds {
    /// Hands on every entry of a map as its file has it, each key once, some at a time.
    ///
    /// Live maps may be changed meanwhile: no writer and no reader is held up for longer than some milliseconds, and a key
    /// that exists throughout is handed on.
    ///
    /// - Parameters:
    ///   - deadline: how long the map may take for its next step.
    ///   - body: answers whether it wants more.
    /// - Throws: where some entry may not have been handed on.
    public func readEntries(
        of definition: MapDefinition, within deadline: Duration, _ body: ([MapEntry]) -> Bool
    ) throws(MapError) {
        guard let backEnd = backEnd(of: definition.type) else { return }
        let exchange = EntryExchange()
        var thread = pthread_t()
        let code = startThread(&thread) {
            let consumer = EntryConsumer(exchange)
            let result = Result { () throws(MapError) in try backEnd.readEntries(of: definition, to: consumer) }
            consumer.end(result)
        }
        guard code == 0 else {
            throw MapError(
                table: definition.tableName, code: code,
                text: "no thread can be made to read it in: \(unsafe String(cString: strerror(code))); try again")
        }
        pthread_detach(thread)
        while let batch = exchange.next(within: deadline) {
            if !body(batch), !exchange.isStopped { exchange.stop() }
        }
        try exchange.finish(definition.tableName, deadline)
    }
}

extension MapBackEnds {
    /// What is wrong at this moment with what a map shares with other programs.
    ///
    /// - Parameter deadline: how long it may take to find out.
    /// - Returns: nil where that was not to be found out: what the map shares hangs.
    public func conditionFindings(of definition: MapDefinition, within deadline: Duration) -> [Finding]? {
        guard let backEnd = backEnd(of: definition.type) else { return [] }
        let answer = Monitor<[Finding]?>(nil)
        var thread = pthread_t()
        let code = startThread(&thread) {
            let findings = backEnd.conditionFindings(of: definition)
            answer.change { $0 = findings }
        }
        // Without a thread nothing is found out, and reading the map says why.
        guard code == 0 else { return [] }
        pthread_detach(thread)
        return answer.wait(atMost: deadline) { $0 }
    }
}

extension Finding {
    /// A map that somebody else keeps, and that cannot be asked now.
    ///
    /// - Parameters:
    ///   - reason: who does not answer, and why.
    ///   - exception: when mail is not held all the same, as the end of the message.
    package static func unanswered(_ definition: MapDefinition, _ reason: String, exception: String = "") -> Finding {
        Finding(
            .unreadableMap, .error, file: definition.file, line: definition.line,
            text: "\(reason); until then all mail that needs relation \(definition.relation) is held\(exception)")
    }
}

extension Finding.Name {
    /// A process that died in what maps share, with locks that are still held.
    public static let deadProcess = Finding.Name("dead-process")
    /// A map that cannot be read.
    public static let unreadableMap = Finding.Name("unreadable-map")
}

/// What takes the entries of a map from the thread that reads it.
public final class EntryConsumer {
    /// The one who wants the entries: to be told of steps, from any thread, and asked whether more are wanted.
    public let exchange: EntryExchange
    private var batch: [MapEntry] = []

    init(_ exchange: EntryExchange) { self.exchange = exchange }

    /// Takes an entry; waits while many are waiting to be handed on.
    ///
    /// - Returns: whether more are wanted.
    public func take(_ entry: MapEntry) -> Bool {
        batch.append(entry)
        exchange.noteStep()
        guard batch.count == Self.batchSize else { return !exchange.isStopped }
        return handOn()
    }

    private func handOn() -> Bool {
        defer { batch.removeAll(keepingCapacity: true) }
        return exchange.put(batch)
    }

    func end(_ result: Result<Void, MapError>) {
        if !batch.isEmpty { _ = handOn() }
        exchange.end(result)
    }

    private static let batchSize = 512
}

/// Where the thread that reads a map meets the one that wants its entries.
public final class EntryExchange: Sendable {
    private struct State {
        /// What was read and not handed on yet.
        var batches: [[MapEntry]] = []
        /// How the reading ended.
        var result: Result<Void, MapError>?
    }

    private let state = Monitor(State())
    private let hasStopped = Atomic<Bool>(false)
    /// Goes up with each step of the one who reads, so that slow work is told from none.
    private let steps = Atomic<Int>(0)

    init() {}

    /// So many batches wait at the most.
    private static let limit = 4

    /// Says that the work goes on, although no entry is there yet.
    public func noteStep() { steps.wrappingAdd(1, ordering: .relaxed) }

    /// Whether nobody wants more.
    public var isStopped: Bool { hasStopped.load(ordering: .relaxed) }

    func stop() {
        hasStopped.store(true, ordering: .relaxed)
        state.change { $0.batches = [] }
    }

    func put(_ batch: [MapEntry]) -> Bool {
        _ = state.wait { $0.batches.count < Self.limit || self.isStopped ? true : nil }
        return state.change { state in
            guard !isStopped else { return false }
            state.batches.append(batch)
            return true
        }
    }

    func end(_ result: Result<Void, MapError>) { state.change { $0.result = result } }

    /// The next batch; nil at the end, and where the map made no step in a time.
    func next(within deadline: Duration) -> [MapEntry]? {
        while true {
            let before = steps.load(ordering: .relaxed)
            let next: [MapEntry]?? = state.wait(atMost: deadline) { state in
                if let first = state.batches.first { return first }
                return state.result == nil ? nil : .some(nil)
            }
            if case .some(let batch) = next {
                if batch != nil { state.change { if !$0.batches.isEmpty { $0.batches.removeFirst() } } }
                return batch
            }
            guard steps.load(ordering: .relaxed) != before else { return nil }
        }
    }

    /// How it ended.
    func finish(_ table: TableName, _ deadline: Duration) throws(MapError) {
        guard let result = state.change({ $0.result }) else {
            hasStopped.store(true, ordering: .relaxed)
            throw MapError(
                table: table, code: ETIMEDOUT,
                text:
                    "no answer within \(deadline.components.seconds) s while all entries were read: what stores it hangs; for a"
                    + " Berkeley DB environment run `zroute db recover`")
        }
        // Whoever wanted no more has all that he wanted.
        guard !isStopped else { return }
        try result.get()
    }
}
