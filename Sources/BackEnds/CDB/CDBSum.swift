// What newdb and makedb write beside a constant database, which has no checksums of its own: its size, how many entries it has,
// and its SHA-256, as a text that sha256sum(1) can check as well. The text is there before the file it is about; so it also
// names the file that was there before, and whichever of the two a crash leaves is known.

import Bytes
import System

/// The text beside a constant database.
struct CDBSum: Sendable, Hashable {
    /// What is known of one file.
    struct File: Sendable, Hashable {
        /// Its bytes, and its entries.
        let size: Int, entries: Int
        /// Its SHA-256.
        let digest: [UInt8]
    }

    /// What follows the name of the database in that of the text.
    static let fileExtension = ".sum"

    /// The file that the text was made for.
    let file: File
    /// The file that it takes the place of, where there was one that could be trusted.
    let replaced: File?

    /// Describes a file.
    init(of file: File, replacing replaced: File? = nil) {
        self.file = file
        self.replaced = replaced == file ? nil : replaced
    }

    /// Reads the text beside a database; nil where there is none.
    ///
    /// - Throws: `FileError` where it cannot be read, and where it is none.
    init?(beside path: String) throws(FileError) {
        let place = path + Self.fileExtension
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try readFile(place, limit: 4096).bytes
        } catch {
            if error.isMissing { return nil }
            throw error
        }
        guard let sum = CDBSum(text: String(decoding: bytes, as: UTF8.self)) else {
            throw FileError(
                operation: "check", path: place,
                reason: "is not what newdb writes beside a map, or is damaged; compile the map again")
        }
        self = sum
    }

    /// What is known of a file of a size; none where the text is about other files.
    func files(ofSize size: Int) -> [File] { [file, replaced].compactMap { $0 }.filter { $0.size == size } }

    /// What the file at a path should be.
    func file(beside path: String) -> File {
        (try? FileIdentity(path: path)).flatMap { files(ofSize: Int($0.size)).first } ?? file
    }

    // MARK: The text

    private static let (size, entries, before, digest) = ("# size ", ", entries ", "# before: size ", ", SHA-256 ")

    /// The text.
    ///
    /// - Parameter name: the name of the database in its directory.
    func text(for name: String) -> String {
        // A line of sha256sum(1) has no line feed; such a name is left out, and nothing reads it here.
        let name = name.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\\") }) ? "-" : name
        var text = "\(Self.size)\(file.size)\(Self.entries)\(file.entries)\n\(SHA256.text(of: file.digest))  \(name)\n"
        if let replaced {
            text +=
                "\(Self.before)\(replaced.size)\(Self.entries)\(replaced.entries)"
                + "\(Self.digest)\(SHA256.text(of: replaced.digest))\n"
        }
        return text
    }

    private init?(text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // The last line has its end.
        guard 3...4 ~= lines.count, lines.removeLast().isEmpty,
            let (size, entries) = Self.numbers(in: lines[0], after: Self.size),
            lines[1].dropFirst(2 * SHA256.size).hasPrefix("  "),
            let digest = SHA256.digest(inText: lines[1].prefix(2 * SHA256.size))
        else { return nil }
        var replaced: File?
        if lines.count == 3 {
            let end = lines[2].suffix(2 * SHA256.size)
            let begin = lines[2].dropLast(2 * SHA256.size)
            guard begin.hasSuffix(Self.digest), let digest = SHA256.digest(inText: end),
                let (size, entries) = Self.numbers(in: begin.dropLast(Self.digest.count), after: Self.before)
            else { return nil }
            replaced = File(size: size, entries: entries, digest: digest)
        }
        file = File(size: size, entries: entries, digest: digest)
        self.replaced = replaced
    }

    /// The two numbers of a line.
    private static func numbers(in line: Substring, after prefix: String) -> (size: Int, entries: Int)? {
        guard line.hasPrefix(prefix) else { return nil }
        let words = line.dropFirst(prefix.count).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0].hasSuffix(","), words[1] == "entries",
            let size = Decimal.value(words[0].dropLast().utf8), let count = Decimal.value(words[2].utf8)
        else { return nil }
        return (size, count)
    }
}
