// Entries written as a source, for maps that had none: what was live becomes text that somebody edits.

import Bytes
import Glibc
import System

/// Sources as files to be filled: the text that `newdb` compiles and lookups of text maps read.
package struct SourceTextFormat: MapFormat {
    private let form: SourceForm
    private let folding: KeyFolding

    /// The text of a form.
    package init(_ form: SourceForm, folding: KeyFolding) {
        self.form = form
        self.folding = folding
    }

    /// A source has none.
    package var fileExtension: String { "" }

    package func entryCount(of path: String) -> Int? { nil }

    package func begin(filling path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter {
        SourceTextWriter(path, form, folding)
    }

    package func begin(
        addingTo path: String, copyOf original: String, _ size: MapFileSize
    ) throws(MapFileError) -> any MapFileWriter {
        throw MapFileError("a source is not added to")
    }
}

/// A source being written.
private final class SourceTextWriter: MapFileWriter {
    private let path: String
    private let form: SourceForm
    private let folding: KeyFolding
    private var text: [UInt8] = []
    /// Where keys and values stand in the text, in their order.
    private var places: [(key: Range<Int>, value: Range<Int>)] = []

    init(_ path: String, _ form: SourceForm, _ folding: KeyFolding) {
        self.path = path
        self.form = form
        self.folding = folding
    }

    func put(key: Span<UInt8>, value: Span<UInt8>) throws(MapFileError) -> Bool {
        let start = text.count
        text.append(from: key)
        let end = text.count
        switch form {
        case .aliases: text.append(contentsOf: ": ".utf8)
        case .plain: if !value.isEmpty { text.append(ASCII.tab) }
        }
        let middle = text.count
        text.append(from: value)
        places.append((start..<end, middle..<text.count))
        text.append(ASCII.lineFeed)
        return true
    }

    /// Reads what was written as whoever reads the source will, before it is one: not every byte has a form in a source.
    func finish() throws(MapFileError) {
        var parser = SourceParser(text, file: path, form: form, folding: folding)
        for place in places {
            guard let entry = parser.next(), parser.bytes[entry.key] == text[place.key],
                parser.bytes[entry.value] == text[place.value]
            else {
                throw MapFileError(
                    "the entry '\(String(decoding: text[place.key], as: Unicode.UTF8.self))' has no form in a source: its key has"
                        + " blanks, quotes or letters that would be folded, or its value has line ends or is empty; remove it, or"
                        + " choose a type that is changed in place")
            }
        }
        guard parser.next() == nil else { throw MapFileError("some entry has no form in a source") }
        let text = text
        do throws(FileError) {
            try writeContents(text.span, to: path)
        } catch {
            throw MapFileError(error)
        }
    }
}
