// Who refers to overflow pages: in a whole file each chain of them has one owner. It is asked only of files without
// checksums, and only when a value is read from such pages.

import Maps

/// The check that no two items name the same overflow pages.
enum OverflowOwners {
    /// Reads every page of the file.
    ///
    /// - Throws: if two items share pages, or any page in use is damaged.
    static func check(_ pages: PageCache) throws(BerkeleyDBFailure) {
        var owners: Set<UInt32> = []
        for number in 1...max(pages.header.lastPage, 1) {
            let page = try pages.page(number, allowingUnused: true)
            switch page.kind {
            case PageKind.leaf, PageKind.duplicates, PageKind.leafByNumber:
                var last: Int?
                for index in 0..<page.count {
                    let offset = try page.offset(of: index)
                    // Values of one key share the key's item.
                    if page.kind == PageKind.leaf, index % 2 == 0 {
                        if offset == last { continue }
                        last = offset
                    }
                    guard try page.byte(at: offset + 2) & TreeItem.typeMask == TreeItem.overflow else { continue }
                    try add(try page.word(at: offset + 4), page, &owners)
                }
            case PageKind.hash, PageKind.hashUnsorted:
                for index in 0..<page.count {
                    let offset = try page.offset(of: index)
                    guard try page.byte(at: offset) == HashItem.overflow else { continue }
                    try add(try page.word(at: offset + 4), page, &owners)
                }
            default: break
            }
        }
    }

    private static func add(
        _ number: UInt32, _ page: DatabasePage, _ owners: inout Set<UInt32>
    ) throws(BerkeleyDBFailure) {
        guard owners.insert(number).inserted else {
            throw page.damage("it names page \(number), which belongs to another entry")
        }
    }
}
