// Finds a key in a hash table: in the chain of pages of the one bucket that it can be in.

import Maps

extension DatabaseReader {
    /// Finds the key in a hash table.
    ///
    /// - Returns: false if it certainly does not exist.
    func findInHash(_ table: HashHeader) throws(BerkeleyDBFailure) -> Bool {
        try checkLastBucket(table)
        let key = unsafe key
        let bucket = table.bucket(of: BerkeleyDB.hashOfKey(key))
        var previous: UInt32 = 0
        var number = table.page(of: bucket)
        for _ in 0..<pages.header.lastPage {
            let page = try pages.page(number)
            if previous == 0, page.count == 0, page.isUntouched {
                try mayBeUntouched(page, bucket, table)
                return false
            }
            guard page.isBucket, page.previous == previous else {
                throw page.damage("it is not the page of bucket \(bucket) that page \(previous) names")
            }
            try belongs(page, to: bucket, table)
            if try find(key, in: page) { return true }
            guard page.next != 0 else { return false }
            previous = number
            number = page.next
        }
        throw .damage(page: number, "the pages of bucket \(bucket) go round in a circle")
    }

    /// Checks that no bucket follows the last one: with fewer buckets than there are, the keys of those that are left out would
    /// be looked for elsewhere, and not be there.
    ///
    /// The pages of a doubling of the table are reserved at once, so those of the next buckets are there, and untouched.
    func checkLastBucket(_ table: HashHeader) throws(BerkeleyDBFailure) {
        guard checkedBucket != table.lastBucket else { return }
        // In range: the last bucket is less than the number of a page, and than the mask where it is not the mask.
        if !pages.header.layout.hasChecksums, table.lastBucket < table.highMask {
            let furthest = min(UInt64(table.lastBucket) + Self.bucketsBehindTheLast, UInt64(table.highMask))
            for bucket in table.lastBucket + 1...UInt32(truncatingIfNeeded: furthest) {
                let number = table.page(of: bucket)
                // One that cannot be read is none that lookups need.
                guard number <= pages.header.lastPage, let page = try? pages.page(number), page.isBucket,
                    page.previous == 0, page.count > 0
                else { continue }
                let hash = try hashOfKey(at: try page.offset(of: 0), end: page.bytes.count, in: page)
                guard hash & table.highMask != bucket else {
                    throw page.damage(
                        "it is that of bucket \(bucket), and the last one is said to be \(table.lastBucket)")
                }
            }
        }
        checkedBucket = table.lastBucket
    }

    private static var bucketsBehindTheLast: UInt64 { 4 }

    private func find(_ key: [UInt8], in page: DatabasePage) throws(BerkeleyDBFailure) -> Bool {
        var end = page.bytes.count
        for index in stride(from: 0, to: page.count, by: 2) {
            let offset = try page.offset(of: index)
            let valueOffset = try page.offset(of: index + 1)
            if try page.byte(at: offset) == HashItem.inPage {
                if end - offset - 1 == key.count, try page.compare(at: offset + 1, count: key.count, with: key) == 0 {
                    return try takeHashItem(page, valueOffset, end: offset)
                }
            } else if try longKey(page, offset) == key {
                return try takeHashItem(page, valueOffset, end: offset)
            }
            end = valueOffset
        }
        return false
    }

    private func longKey(_ page: DatabasePage, _ offset: Int) throws(BerkeleyDBFailure) -> [UInt8] {
        var stored: [UInt8] = []
        try readChain(try page.word(at: offset + 4), length: try page.word(at: offset + 8), into: &stored)
        return stored
    }

    /// Checks that every key of a page belongs to the bucket.
    func belongs(_ page: DatabasePage, to bucket: UInt32, _ table: HashHeader) throws(BerkeleyDBFailure) {
        if let known = page.bucket, known.bucket == bucket, known.lastBucket == table.lastBucket { return }
        var end = page.bytes.count
        for index in stride(from: 0, to: page.count, by: 2) {
            let hash = try hashOfKey(at: try page.offset(of: index), end: end, in: page)
            guard table.bucket(of: hash) == bucket else {
                throw page.damage("a key in it belongs to another bucket than \(bucket)")
            }
            end = try page.offset(of: index + 1)
        }
        page.bucket = (bucket, table.lastBucket)
    }

    private func hashOfKey(at offset: Int, end: Int, in page: DatabasePage) throws(BerkeleyDBFailure) -> UInt32 {
        guard try page.byte(at: offset) == HashItem.inPage else {
            return BerkeleyDB.hashOfKey(try longKey(page, offset))
        }
        // In bounds: checked when the page was read.
        return unsafe page.bytes.withUnsafeBytes { bytes in
            unsafe BerkeleyDB.hashOfKey(UnsafeRawBufferPointer(rebasing: bytes[offset + 1..<end]))
        }
    }

    /// Reads the first value of an item.
    private func takeHashItem(_ page: DatabasePage, _ offset: Int, end: Int) throws(BerkeleyDBFailure) -> Bool {
        switch try page.byte(at: offset) {
        case HashItem.inPage:
            unsafe try page.append(at: offset + 1, count: end - offset - 1, to: &found)
        case HashItem.duplicates:
            let length = Int(try page.half(at: offset + 1))
            guard offset + 5 + length <= end, try Int(page.half(at: offset + 3 + length)) == length else {
                throw page.damage("the lengths of a value contradict each other")
            }
            unsafe try page.append(at: offset + 3, count: length, to: &found)
        case HashItem.overflow:
            try readValue(try page.word(at: offset + 4), length: try page.word(at: offset + 8))
        case HashItem.duplicateTree:
            return try takeFirstDuplicate(root: try page.word(at: offset + 4))
        default: throw page.damage("a value is of no kind that there is")
        }
        return true
    }

    /// Checks whether nobody ever wrote to the page of a bucket, or whether zeros were written over it.
    ///
    /// The library reserves pages of buckets by making the file longer, so a page may lawfully be a hole. A table begins
    /// with two buckets, and writes to both pages when it divides a bucket; so only those of the first two that were never
    /// divided may be untouched. They are few enough to count all entries. (The library begins to count at the number of
    /// entries that were announced.) Of a table that was laid out in advance for many buckets nothing can be known.
    func mayBeUntouched(_ page: DatabasePage, _ bucket: UInt32, _ table: HashHeader) throws(BerkeleyDBFailure) {
        guard page.next == 0, page.previous == 0 else { throw page.damage("it is empty, and has neighbours") }
        guard table.fillFactor == 0 else { return }
        guard bucket < 2, bucket + 2 > table.lastBucket else {
            throw page.damage("it is the page of bucket \(bucket), and was overwritten with zeros")
        }
        guard !pages.header.allowsDuplicates else { return }
        let entries = try countEntries(table)
        guard
            entries >= table.entries || table.entries - entries == entries
                || table.entries - entries == Self.announcedByPostfix
        else {
            throw page.damage("it is empty, and of \(table.entries) entries of the map only \(entries) are there")
        }
    }

    /// So many entries does Postfix announce, however many there are (dict_db.c, DICT_DB_NELM).
    private static let announcedByPostfix: UInt32 = 4096

    /// Counts the entries of all buckets.
    func countEntries(_ table: HashHeader) throws(BerkeleyDBFailure) -> UInt32 {
        var entries: UInt32 = 0
        for bucket in 0...table.lastBucket {
            try forEachPage(of: bucket, table) { page throws(BerkeleyDBFailure) in entries &+= UInt32(page.count / 2) }
        }
        return entries
    }

    /// Goes through the pages of a bucket, each of which must name the one before it; so they cannot go round.
    func forEachPage(
        of bucket: UInt32, _ table: HashHeader, _ body: (DatabasePage) throws(BerkeleyDBFailure) -> Void
    ) throws(BerkeleyDBFailure) {
        var number = table.page(of: bucket)
        var previous: UInt32 = 0
        repeat {
            let page = try pages.page(number)
            guard page.isBucket && page.previous == previous || page.count == 0 && previous == 0 else {
                throw page.damage("it is not the page of bucket \(bucket) that page \(previous) names")
            }
            try body(page)
            (previous, number) = (number, page.next)
        } while number != 0
    }
}
