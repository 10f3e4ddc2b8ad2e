// What a kind of map is to all that is not this kind: which types it has in dbases.conf, and how tables, files and checks of
// these types are made. Nothing but the list of back ends (`MapBackEnds`) names one of them.

public import Configuration

/// One way to store maps, such as Berkeley DB or text files.
public protocol MapBackEnd: Sendable {
    /// What dbases.conf calls its types, each with the files that maps of it have.
    var types: [MapType] { get }

    /// Begins the work for one worker: its tables may share what is costly, such as an environment or a connection.
    ///
    /// Nothing is opened, and nothing is loaded that a site without maps of these types could do without.
    func makeTables(for worker: MapWorker) -> any TableFactory

    /// How sources are compiled into files of a type; nil for types that nothing is compiled into.
    func format(of type: MapType) -> (any MapFormat)?

    /// What is wrong at this moment with what a map shares with other programs, such as an environment in which one died.
    ///
    /// Called in a thread of its own, and by ``MapBackEnds/conditionFindings(of:within:)`` alone. Nothing is mended.
    ///
    /// - Parameter definition: a line whose type is one of this back end's.
    func conditionFindings(of definition: MapDefinition) -> [Finding]

    /// Whether the entries of a map can be listed at all: whoever answers for keys alone may have no list of them.
    func listsEntries(of definition: MapDefinition) -> Bool

    /// Hands on every entry of a map as its file has it, each key once, until nobody wants more.
    ///
    /// Called in a thread of its own, and by ``MapBackEnds/readEntries(of:within:_:)`` alone.
    ///
    /// - Parameter definition: a line whose type is one of this back end's.
    /// - Throws: where some entry may not have been handed on.
    func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError)

    /// Finds out what a map lives in that a command looks into or changes in place; nil for types that are only replaced.
    ///
    /// Nothing is opened.
    ///
    /// - Parameter request: a map whose type is one of this back end's.
    func livePlace(of request: LiveMapRequest) throws(LiveMapRefusal) -> (any LiveMapPlace)?

    /// Reads and judges what a line names beside the map's own file, such as the description of an environment.
    ///
    /// - Parameter definition: a line whose type is one of this back end's.
    func findings(about definition: MapDefinition) -> [Finding]
}

extension MapBackEnd {
    /// Nothing is compiled.
    public func format(of type: MapType) -> (any MapFormat)? { nil }

    /// They can.
    public func listsEntries(of definition: MapDefinition) -> Bool { true }

    /// Nothing is shared.
    public func conditionFindings(of definition: MapDefinition) -> [Finding] { [] }

    /// Its files are only replaced.
    public func livePlace(of request: LiveMapRequest) throws(LiveMapRefusal) -> (any LiveMapPlace)? { nil }

    /// Nothing is named.
    public func findings(about definition: MapDefinition) -> [Finding] { [] }
}

/// What the tables of one worker are made with.
public struct MapWorker {
    /// Reads text maps, once for all workers that share it.
    public let texts: TextTableLoader
    /// What maps of other kinds load once for the same workers.
    public var contents: SharedContents { texts.contents }
    /// What hashes the keys of maps that are held in memory, so that a key is hashed once for all of them.
    package var hash: ByteHash { texts.hash }
    /// Watches the worker for calls that hang; nil where nobody does.
    public let watch: CallWatch?
    /// Gives what knows what the entries of a map are for.
    public let judge: (MapDefinition) -> (any EntryJudge)?

    /// Describes a worker.
    public init(
        texts: TextTableLoader, watch: CallWatch? = nil,
        judge: @escaping (MapDefinition) -> (any EntryJudge)? = { _ in nil }
    ) {
        self.texts = texts
        self.watch = watch
        self.judge = judge
    }
}

/// The back ends that a program has.
public struct MapBackEnds: Sendable {
    private let all: [any MapBackEnd]

    /// The types that dbases.conf can name, in the order of the back ends.
    public let types: [MapType]

    /// Puts back ends together; of two types with one name the first counts.
    public init(_ all: [any MapBackEnd]) {
        self.all = all
        types = all.flatMap(\.types)
    }

    /// These and another one.
    public func adding(_ other: any MapBackEnd) -> MapBackEnds { MapBackEnds(all + [other]) }

    /// The types that sources are compiled into.
    public var compiledTypes: [MapType] { types.filter { $0.compiledExtension != nil } }

    /// How sources are compiled into files of a type; nil for types that nothing is compiled into.
    public func format(of type: MapType) -> (any MapFormat)? { backEnd(of: type)?.format(of: type) }

    /// What a map lives in that a command looks into or changes in place; nil for types that are only replaced.
    public func livePlace(of request: LiveMapRequest) throws(LiveMapRefusal) -> (any LiveMapPlace)? {
        try backEnd(of: request.type)?.livePlace(of: request)
    }

    /// What is wrong with what the lines of a dbases.conf name beside the maps' own files; each finding once.
    public func findings(about definitions: [MapDefinition]) -> [Finding] {
        var found: [Finding] = []
        for definition in definitions {
            for finding in backEnd(of: definition.type)?.findings(about: definition) ?? []
            where !found.contains(finding) {
                found.append(finding)
            }
        }
        return found
    }

    /// Whether the entries of a map can be listed at all.
    public func listsEntries(of definition: MapDefinition) -> Bool {
        backEnd(of: definition.type)?.listsEntries(of: definition) ?? true
    }

    func backEnd(of type: MapType) -> (any MapBackEnd)? {
        all.first { $0.types.contains(type) }
    }
}
