// The pages of one file in memory: each was checked when it was read.

import Maps

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
    /// What the file's first page says; of one that others change, what it said when it was last looked at.
    var header: DatabaseHeader { unsafe state.header }

    private let origin: any PageOrigin
    private let isShared: Bool
    private let pageSize: Int

    /// What changes; in a lookup all of it is used a few times.
    private struct State {
        var header: DatabaseHeader
        /// The bytes of the first page that say it.
        var first: [UInt8]
        /// How many pages were read.
        var pagesRead: UInt64 = 0
    }

    /// Each use is one step of one method; see `places`.
    @exclusivity(unchecked) private var state: State
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
        isShared = origin.isShared
        let first = try origin.read(0, size: DatabaseHeader.size, known: nil) ?? []
        let header = try DatabaseHeader(first, isNative: isShared)
        pageSize = header.layout.pageSize
        if let size, size != pageSize {
            throw .damage(page: 0, "its size of pages is \(pageSize), and was \(size)")
        }
        unsafe state = State(header: header, first: first)
        let most = limit / pageSize
        let wanted = isShared ? most : min(Int(header.lastPage) + 1, most)
        unsafe places = Array(repeating: nil, count: max(wanted, 16))
    }

    /// Looks at the first page again, where others may have changed it.
    func renew() throws(BerkeleyDBFailure) {
        guard isShared,
            let bytes = unsafe try origin.read(0, size: DatabaseHeader.size, known: state.first)
        else { return }
        let renewed = try DatabaseHeader(bytes, isNative: true)
        guard renewed.layout == header.layout else { throw .damage(page: 0, "its layout has changed") }
        unsafe state.first = bytes
        unsafe state.header = renewed
    }

    /// A page, which has been checked.
    ///
    /// - Parameter allowingUnused: whether it may be one that is in no use at present.
    func page(_ number: UInt32, allowingUnused: Bool = false) throws(BerkeleyDBFailure) -> DatabasePage {
        if unsafe number == 0 || number > state.header.lastPage { try isThere(number) }
        let place = unsafe Int(number) % places.count
        if let page = unsafe places[place], page.number == number {
            guard isShared else { return page }
            guard let bytes = try origin.read(number, size: pageSize, known: page.bytes) else { return page }
            return try keep(bytes, number, place, allowingUnused)
        }
        guard let bytes = try origin.read(number, size: pageSize, known: nil) else {
            throw .damage(page: number, "it cannot be read")
        }
        return try keep(bytes, number, place, allowingUnused)
    }

    /// Checks that the file has a page; it may have grown.
    @inline(never)
    private func isThere(_ number: UInt32) throws(BerkeleyDBFailure) {
        if number > header.lastPage { try renew() }
        guard number > 0, number <= header.lastPage else {
            throw .damage(page: 0, "page \(number) is asked for, and the last one is \(header.lastPage)")
        }
    }

    private func keep(
        _ bytes: [UInt8], _ number: UInt32, _ place: Int, _ allowingUnused: Bool
    ) throws(BerkeleyDBFailure) -> DatabasePage {
        unsafe places[place] = nil
        unsafe state.pagesRead &+= 1
        let page = unsafe DatabasePage(
            number: number, layout: header.layout, bytes: bytes, edition: state.pagesRead)
        if allowingUnused, page.kind == 0 { return page }
        do {
            try PageCheck.check(page, of: header, checksum: !isShared)
        } catch {
            guard isShared else { throw error }
            // It may name pages by which the file has grown.
            try renew()
            try PageCheck.check(page, of: header, checksum: false)
        }
        unsafe places[place] = page
        return page
    }
}
