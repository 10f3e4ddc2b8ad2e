// Where a copy of a database is: which database it is of, and which transactions it has seen.

/// A place in the history of a database.
struct PostgreSQLPosition: Equatable {
    /// The cluster and the number of the database.
    let database: String
    /// What is visible: `xmin:xmax:list` (section 9.26 of PostgreSQL's manual).
    let snapshot: String
    /// The timeline of the primary, which is another one after each promotion; nil where only standbys were asked.
    let timeline: String?

    init(database: String, snapshot: String, timeline: String?) {
        self.database = database
        self.snapshot = snapshot
        self.timeline = timeline
    }

    /// Reads what a copy has kept.
    ///
    /// - Returns: nil for what is no position.
    init?(_ cookie: [UInt8]?) {
        guard let cookie else { return nil }
        let words = String(decoding: cookie, as: UTF8.self).split(separator: " ").map(String.init)
        guard words.count == 5, words[0] == "c" else { return nil }
        self.init(
            database: "\(words[1]) \(words[2])", snapshot: words[3], timeline: words[4] == "-" ? nil : words[4])
    }

    /// What a copy keeps.
    var cookie: [UInt8] { Array("c \(database) \(snapshot) \(timeline ?? "-")".utf8) }

    /// Whether both are of one database of one cluster.
    func isOfSameDatabase(as other: PostgreSQLPosition) -> Bool { database == other.database }

    /// Whether everything that was visible at an earlier place of the same database is visible here, as far as that is certain.
    func hasAll(of earlier: PostgreSQLPosition) -> Bool {
        guard let own = ends, let other = earlier.ends else { return false }
        return other.after <= own.before
    }

    /// Whether what came after an earlier place can be told by the numbers of transactions.
    ///
    /// Those that a former primary had given, and no standby ever got, are given anew by the one that was promoted.
    func goesOn(from earlier: PostgreSQLPosition) -> Bool {
        guard isOfSameDatabase(as: earlier), timeline == earlier.timeline, let own = ends, let other = earlier.ends
        else { return false }
        return other.after <= own.after
    }

    /// All before the first number are visible or gone, and none from the second one on.
    private var ends: (before: UInt64, after: UInt64)? {
        let numbers = snapshot.split(separator: ":").prefix(2).compactMap { UInt64($0) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }
}
