// The pages of one file in memory: each was checked when it was read.

/// Where pages come from.
protocol PageOrigin: AnyObject {
    /// Whether the pages are those of the library's cache, which others change: between two lookups, not during one.
    var isShared: Bool { get }

    /// Reads a page.
    ///
    /// - Parameter known: its bytes as they were; nil if they are not known.
    /// - Returns: nil if they still are what was known.
    /// - Throws: if there is no such page, or it cannot be read.
    func read(_ number: UInt32, size: Int, known: [UInt8]?) throws(BerkeleyDBFailure) -> [UInt8]?
}

/// A bounded number of pages.
final class PageCache {
    /// What the file's first page says.
    private(set) var header: DatabaseHeader

    private let origin: any PageOrigin
    private var first: [UInt8]
    /// The pages that are kept, each in the place that its number gives it.
    ///
    /// Where the whole file fits in, none loses its place to another. Each use is one step of one method, so that there
    /// is nothing to be checked at each of them, which costs a live map some hundredths of a lookup.
    @exclusivity(unchecked) private var places: [DatabasePage?]

    /// Reads the first page.
    ///
    /// - Parameters:
    ///   - size: the bytes of a page, if somebody else has found that out.
    ///   - limit: the most bytes that are kept.
    init(_ origin: any PageOrigin, size: Int?, limit: Int) throws(BerkeleyDBFailure) {
        self.origin = origin
        first = try origin.read(0, size: DatabaseHeader.size, known: nil) ?? []
        header = try DatabaseHeader(first, isNative: origin.isShared)
        if let size, size != header.layout.pageSize {
            throw .damage(page: 0, "its size of pages is \(header.layout.pageSize), and was \(size)")
        }
        let most = limit / header.layout.pageSize
        let wanted = origin.isShared ? most : min(Int(header.lastPage) + 1, most)
        unsafe places = Array(repeating: nil, count: max(wanted, 16))
    }

    /// Looks at the first page again, where others may have changed it since the last lookup.
    func renew() throws(BerkeleyDBFailure) {
        guard origin.isShared, let bytes = try origin.read(0, size: DatabaseHeader.size, known: first) else { return }
        let renewed = try DatabaseHeader(bytes, isNative: true)
        guard renewed.layout == header.layout else { throw .damage(page: 0, "its layout has changed") }
        first = bytes
        header = renewed
    }

    /// A page, which has been checked.
    ///
    /// - Parameter allowingUnused: whether it may be one that is in no use at present.
    func page(_ number: UInt32, allowingUnused: Bool = false) throws(BerkeleyDBFailure) -> DatabasePage {
        guard number > 0, number <= header.lastPage else {
            throw .damage(page: 0, "page \(number) is asked for, and the last one is \(header.lastPage)")
        }
        let place = unsafe Int(number) % places.count
        if let page = unsafe places[place], page.number == number {
            guard origin.isShared else { return page }
            let changed = try origin.read(number, size: header.layout.pageSize, known: page.bytes)
            guard let bytes = changed else { return page }
            return try keep(bytes, number, place, allowingUnused)
        }
        guard let bytes = try origin.read(number, size: header.layout.pageSize, known: nil) else {
            throw .damage(page: number, "it cannot be read")
        }
        return try keep(bytes, number, place, allowingUnused)
    }

    private func keep(
        _ bytes: [UInt8], _ number: UInt32, _ place: Int, _ allowingUnused: Bool
    ) throws(BerkeleyDBFailure) -> DatabasePage {
        unsafe places[place] = nil
        let page = DatabasePage(number: number, layout: header.layout, bytes: bytes)
        if allowingUnused, page.kind == 0 { return page }
        try PageCheck.check(page, of: header, checksum: !origin.isShared)
        unsafe places[place] = page
        return page
    }
}
