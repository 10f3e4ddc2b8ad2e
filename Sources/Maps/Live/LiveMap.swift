// Maps that commands look into and change while others read them (`zroute db`), whatever stores them.

public import Configuration

/// An open map, for one thread of one command.
///
/// Keys and values are stored bytes, with the NUL that ends them in ZMailer's maps. Where the observer wants the work to end,
/// the next step of it throws an error that says so (`MapError.isStop`); syncing and closing are always done.
public protocol LiveMap: AnyObject {
    /// What messages call the map.
    var name: TableName { get }

    /// What the header of a dump in the format of db5.3_dump calls its kind: `btree` or `hash`.
    var dumpType: String { get }

    /// Looks a key up.
    ///
    /// - Returns: nil if it certainly does not exist.
    func get(_ key: [UInt8]) throws(MapError) -> [UInt8]?

    /// Stores a value in the place of the one the key has, if any; it is durable after `sync`.
    func put(_ key: [UInt8], _ value: [UInt8]) throws(MapError)

    /// Removes a key; that is durable after `sync`.
    ///
    /// - Returns: false if it did not exist.
    func delete(_ key: [UInt8]) throws(MapError) -> Bool

    /// Writes every change out to the disk.
    func sync() throws(MapError)

    /// Closes the file; what was not synced may be written out or not.
    func close() throws(MapError)

    /// Checks the structure of the whole file, while nobody can change it under the check.
    func verify() throws(MapError)

    /// Goes through all entries; a key that exists throughout is handed on once.
    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) throws(MapError) -> Void) throws(MapError)

    /// Does something while nobody else can change the map; whoever wants to waits so long.
    ///
    /// Meanwhile the entries are read by `forEach` of this very object, and nothing is changed by it: in some types lookups wait
    /// behind those who wait to write.
    ///
    /// The map must have been opened for more than reading.
    func holdingWriters(_ body: () -> Void) throws(MapError)

    /// Does something else that belongs to the work on this map, and that may wait without end, under the same eyes.
    func watching<Answer>(_ body: () throws(MapError) -> Answer) throws(MapError) -> Answer

    /// By how many bytes the file grows at most for an entry.
    func room(key: Int, value: Int) -> Int
}

/// What a map is opened for.
public enum LiveMapAccess: Sendable {
    /// Only looking keys up.
    case read
    /// What also checks the file.
    case check
    /// Everything but making the file.
    case write
    /// Everything; a missing file is made with this mode.
    case create(mode: UInt32)
}

/// A map that a command names, before it is known what it lives in.
public struct LiveMapRequest {
    /// What messages call it, and its file.
    public let name: TableName
    /// Its type.
    public let type: MapType
    /// The line of dbases.conf that names it; nil for none.
    public let definition: MapDefinition?
    /// The directory of the environment that the command line names (`--env`).
    public let home: String?
    /// Whether the command line says that nobody else uses it (`--no-env`).
    public let isAlone: Bool
    /// The mode of a file that is made.
    public let mode: UInt32

    /// Describes a map.
    public init(
        name: TableName, type: MapType, definition: MapDefinition?, home: String?, isAlone: Bool, mode: UInt32
    ) {
        self.name = name
        self.type = type
        self.definition = definition
        self.home = home
        self.isAlone = isAlone
        self.mode = mode
    }
}

/// A map that can be opened, with what it lives in.
public protocol LiveMapPlace: Sendable {
    /// Why the file may not be changed in place, and what to do; nil if it may.
    var refusal: String? { get }

    /// What a call that does not return waits for, and what to do, as a clause.
    var hangRemedy: String { get }

    /// Whether keys without a NUL behind them are found as well.
    var findsKeysWithoutNUL: Bool { get }

    /// Why an entry cannot be stored, and what to do; nil if it can.
    func refusal(ofKey key: [UInt8], value: [UInt8]) -> String?

    /// Whether an error says that the file itself is damaged, or no map at all.
    func isDamage(_ error: MapError) -> Bool

    /// Opens the map.
    ///
    /// - Parameter observer: watches calls that may never return.
    func open(_ access: LiveMapAccess, observer: (any CallObserver)?) throws(MapError) -> any LiveMap
}

extension LiveMapPlace {
    /// They are not.
    public var findsKeysWithoutNUL: Bool { false }

    /// All of them can be stored.
    public func refusal(ofKey key: [UInt8], value: [UInt8]) -> String? { nil }
}

/// A command line, or a configuration, that does not let a map be opened.
public enum LiveMapRefusal: Error {
    /// Options that would let it be opened as it must not be: cause and remedy.
    case usage(String)
    /// What the configuration says cannot be used.
    case configuration(ConfigurationError)
}
