// How the compiler writes files without knowing any back end.

/// A format of files that sources are compiled into.
public protocol MapFormat: Sendable {
    /// What follows the source's name in that of the file, such as `.db`.
    var fileExtension: String { get }

    /// Begins to fill a file.
    ///
    /// - Parameters:
    ///   - path: an empty file that the caller made for this purpose.
    ///   - size: what is to come.
    func begin(filling path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter

    /// Why an entry cannot be stored, and what to do, as a clause; nil if it can.
    ///
    /// - Parameters:
    ///   - key: the key, folded, without a NUL.
    ///   - value: the value, without a NUL.
    func refusal(ofKey key: Span<UInt8>, value: Span<UInt8>) -> String?

    /// Whether there are entries that cannot be stored.
    var refusesEntries: Bool { get }

    /// Why a file must not be replaced now, or added to by way of a copy, and what to do; nil if it may.
    func refusal(toReplace target: String) -> String?

    /// How many entries a file says it has, for messages; nil where it cannot be read or does not tell.
    func entryCount(of path: String) -> Int?

    /// Begins to add to a file, which is checked first: what damage hides would be lost for good.
    ///
    /// - Parameters:
    ///   - path: a copy of a file of this format.
    ///   - original: the file that it is a copy of.
    ///   - size: what is to be added.
    func begin(
        addingTo path: String, copyOf original: String, _ size: MapFileSize
    ) throws(MapFileError) -> any MapFileWriter

    /// What is to lie beside a file, by which readers know that it is whole; nil where the format has that in the file itself.
    ///
    /// It is published before the file; so a file that has the name now has to stay readable beside it.
    ///
    /// - Parameters:
    ///   - path: the file, closed and not published yet.
    ///   - target: the name that it is to have.
    func companion(of path: String, becoming target: String) throws(MapFileError) -> MapFileCompanion?
}

/// A small file beside that of a map.
public struct MapFileCompanion: Sendable {
    /// What follows the name of the map's file in its own.
    public let fileExtension: String
    /// Its content.
    public let bytes: [UInt8]

    /// Describes what is to lie beside a file.
    public init(fileExtension: String, bytes: [UInt8]) {
        self.fileExtension = fileExtension
        self.bytes = bytes
    }
}

extension MapFormat {
    /// Every entry can be stored.
    public func refusal(ofKey key: Span<UInt8>, value: Span<UInt8>) -> String? { nil }

    /// It may be.
    public func refusal(toReplace target: String) -> String? { nil }

    /// There are none.
    public var refusesEntries: Bool { false }

    /// Nothing lies beside a file.
    public func companion(of path: String, becoming target: String) throws(MapFileError) -> MapFileCompanion? { nil }
}

/// How much is to be written into a file.
public struct MapFileSize: Sendable {
    /// The number of entries.
    public let entries: Int
    /// The bytes of the source.
    public let sourceBytes: Int

    /// Describes what is to come.
    public init(entries: Int, sourceBytes: Int) {
        self.entries = entries
        self.sourceBytes = sourceBytes
    }
}

/// A file being filled.
///
/// What is abandoned is left as it is; its owner removes it.
public protocol MapFileWriter: AnyObject {
    /// Adds an entry; a file that is new is given each key once.
    ///
    /// - Returns: false if the key was in the file before; its value stays.
    func put(key: Span<UInt8>, value: Span<UInt8>) throws(MapFileError) -> Bool

    /// Writes out everything, and closes the file; it need not be synced.
    func finish() throws(MapFileError)
}

/// Why a file was not written.
public struct MapFileError: Error, Sendable {
    /// The cause, and the remedy where there is one.
    public let text: String

    /// Records why.
    public init(_ text: String) {
        self.text = text
    }
}
