// What can still be read of a damaged file with checksums: every entry on a page that is whole.

import Maps

/// Reads entries page by page, whatever the pages above them say.
enum DatabaseSalvage {
    /// The entries, as db5.3_dump writes them between header and footer.
    ///
    /// Where a long key or value is lost, `UNKNOWN_KEY` or `UNKNOWN_DATA` stands in its place, as the library writes it.
    static func text(of reader: DatabaseReader) -> [UInt8] {
        var output: [UInt8] = []
        for number in 1...max(reader.pages.header.lastPage, 1) {
            // What is damaged is passed over: the entries on that page are lost.
            guard let page = try? reader.pages.page(number, allowingUnused: true) else { continue }
            switch page.kind {
            case PageKind.leaf:
                for index in stride(from: 0, to: page.count - 1, by: 2) {
                    guard let value = try? page.offset(of: index + 1), let type = try? page.byte(at: value + 2),
                        type & TreeItem.deleted == 0
                    else { continue }
                    append(
                        try? reader.bytes(ofTreeItem: index, page), try? reader.bytes(ofTreeItem: index + 1, page),
                        to: &output)
                }
            case PageKind.hash, PageKind.hashUnsorted:
                for index in stride(from: 0, to: page.count - 1, by: 2) {
                    append(
                        try? reader.bytes(ofHashItem: index, page), try? reader.bytes(ofHashItem: index + 1, page),
                        to: &output)
                }
            default: continue
            }
        }
        return output
    }

    private static func append(_ key: [UInt8]?, _ value: [UInt8]?, to output: inout [UInt8]) {
        EntryText.appendHexadecimal(
            key: key ?? Array("UNKNOWN_KEY".utf8), value: value ?? Array("UNKNOWN_DATA".utf8), to: &output)
    }
}

extension DatabaseReader {
    fileprivate func bytes(ofTreeItem index: Int, _ page: DatabasePage) throws(BerkeleyDBFailure) -> [UInt8] {
        let offset = try page.offset(of: index)
        var bytes: [UInt8] = []
        try appendKey(page, offset, at: offset + 3, reference: offset, to: &bytes)
        return bytes
    }

    fileprivate func bytes(ofHashItem index: Int, _ page: DatabasePage) throws(BerkeleyDBFailure) -> [UInt8] {
        let offset = try page.offset(of: index)
        var bytes: [UInt8] = []
        if try page.byte(at: offset) == HashItem.inPage {
            let end = index == 0 ? page.bytes.count : try page.offset(of: index - 1)
            try page.append(at: offset + 1, count: end - offset - 1, to: &bytes)
        } else {
            try readChain(try page.word(at: offset + 4), length: try page.word(at: offset + 8), into: &bytes)
        }
        return bytes
    }
}
