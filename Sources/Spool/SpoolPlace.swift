// A spool's directories may be moved away, or made anew, while a service works in them: it holds them open, and would go on
// where nobody looks any more.

import Files

extension PostOffice {
    private var directories: [SpoolDirectory] { [router, transport, queue, postman] }

    /// Whether the spool's path still leads to the directories that are open.
    ///
    /// - Throws: `FileError` where one of them is not there any more.
    func isInPlace() throws(FileError) -> Bool {
        var isInPlace = true
        for directory in directories where try !directory.isInPlace() { isInPlace = false }
        return isInPlace
    }

    /// Goes on in the directories to which the path leads now; only while nothing is being worked on.
    func takePlaceAgain() throws(FileError) {
        let now = try PostOffice(path: path, operations: operations)
        for (directory, other) in zip(directories, now.directories) { try directory.takePlace(of: other) }
    }
}

/// What a service knows of its spool's place, looked at between two rounds of work.
public struct SpoolPlace: Sendable {
    /// Something to tell people.
    public enum Change: Sendable {
        /// A directory is missing, or another one is in its place: nothing is done until the spool is there again.
        case away(reason: String)
        /// It is there again, or another spool is at its path: the service goes on there.
        case back
    }

    private let postOffice: PostOffice
    private var isAway = false

    /// The place of a spool that was just opened.
    public init(_ postOffice: PostOffice) { self.postOffice = postOffice }

    /// Looks whether the spool is where its path leads, and follows it where it is another one by now.
    ///
    /// - Parameters:
    ///   - isIdle: whether nothing is being worked on; only then the directories can change under the service.
    ///   - tell: is given each change once.
    /// - Returns: whether there may be work.
    public mutating func look(isIdle: Bool, tell: (Change) -> Void) -> Bool {
        do throws(FileError) {
            if try !postOffice.isInPlace() {
                leave("\(postOffice.path): other directories are there now", tell)
                guard isIdle else { return false }
                try postOffice.takePlaceAgain()
            }
        } catch {
            leave("\(error)", tell)
            return false
        }
        if isAway { tell(.back) }
        isAway = false
        return true
    }

    private mutating func leave(_ reason: String, _ tell: (Change) -> Void) {
        if !isAway { tell(.away(reason: reason)) }
        isAway = true
    }
}

extension SpoolPlace.Change {
    /// The change in words.
    public func description(of postOffice: PostOffice) -> String {
        switch self {
        case .away(let reason):
            "the spool is not in its place (\(reason)): nothing is done until \(postOffice.path) is there again, with router,"
                + " transport, queue and postman"
        case .back: "the spool is at \(postOffice.path) again: work goes on there"
        }
    }
}
