// Why a map of LMDB gives no answer.

import CLMDB
import Glibc
import Maps
import System

/// A failure, without the map and key that it is about.
struct LMDBFailure: Error {
    /// errno where positive, LMDB's code where negative.
    let code: Int32
    /// The cause, and the remedy, as a clause.
    let text: String

    init(code: Int32, text: String) {
        self.code = code
        self.text = text
    }

    /// A failure of the file system.
    init(_ error: FileError) {
        let text =
            error.isMissing
            ? "there is no such file; run zroute newdb, or correct its path" : "\(error.operation): \(error.reason)"
        self.init(code: error.code, text: text)
    }

    /// A failure of the file system in the words of those who write maps.
    var asWritten: MapFileError { MapFileError(text) }

    /// Damage that was found in a page.
    ///
    /// - Parameter finding: what is wrong with it, as a clause.
    static func damage(page: UInt64, _ finding: String) -> LMDBFailure {
        LMDBFailure(
            code: EINVAL,
            text:
                "damaged, page \(page): \(finding); put another file in its place: newdb makes it of its source, db load of"
                + " a dump")
    }

    /// A file that is no map, or none that lookups could use.
    static func refusal(_ text: String) -> LMDBFailure { LMDBFailure(code: EINVAL, text: text) }

    /// Whether the file itself is damaged, or no map at all.
    static func isDamage(_ code: Int32) -> Bool { code == EINVAL }
}

extension MapError {
    init(_ failure: LMDBFailure, _ table: TableName, key: [UInt8]? = nil) {
        self.init(table: table, key: key, code: failure.code, text: failure.text)
    }
}
