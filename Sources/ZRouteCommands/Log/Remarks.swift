// What a worker has to say to people about a batch: gathered here, said by the one thread that writes.

/// Diagnostics about a batch, each reason once, with how often it occurred.
struct Remarks: Sendable {
    /// One reason.
    struct Remark: Sendable {
        /// What is the same for many.
        let reason: String
        /// The whole message of the first.
        let text: String
        var count = 1
    }

    private(set) var all: [Remark] = []
    private(set) var unsaid = 0

    /// The number of different reasons that are kept; past it they are only counted.
    private static let distinctLimit = 100

    /// Adds a remark.
    ///
    /// - Parameters:
    ///   - reason: what is the same for many.
    ///   - text: the whole message for this one.
    mutating func add(_ reason: String, _ text: @autoclosure () -> String) {
        if let known = all.firstIndex(where: { $0.reason == reason }) {
            all[known].count += 1
        } else if all.count < Self.distinctLimit {
            all.append(Remark(reason: reason, text: text()))
        } else {
            unsaid += 1
        }
    }
}
