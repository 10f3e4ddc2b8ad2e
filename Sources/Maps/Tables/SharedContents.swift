// What the workers of a process load once for all of them, such as a constant map that is held in memory.

import Synchronization

/// Loaded contents by the path of their file; each is let go when another takes its place.
public final class SharedContents: Sendable {
    /// One file's content; its lock makes others wait for the one that loads.
    private final class Entry: Sendable {
        let content = Mutex<(any Sendable)?>(nil)
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// Nothing is loaded yet.
    public init() {}

    /// The content of a file, which is loaded first where it is not.
    ///
    /// - Parameters:
    ///   - path: the file, as its map names it.
    ///   - isCurrent: whether what was loaded before still is what the file has.
    ///   - load: reads the file; of several workers one does, and the others wait for it.
    public func content<Content: Sendable, Failure: Error>(
        of path: String, isCurrent: (Content) -> Bool, load: () throws(Failure) -> Content
    ) throws(Failure) -> Content {
        let entry = entries.withLock { entries in
            let entry = entries[path] ?? Entry()
            entries[path] = entry
            return entry
        }
        return try entry.content.withLock { known throws(Failure) in
            if let content = known as? Content, isCurrent(content) { return content }
            let content = try load()
            known = content
            return content
        }
    }

    /// All loaded contents of one kind, in the order of their paths; one that is just being loaded is left out.
    package func all<Content: Sendable>(_ kind: Content.Type) -> [Content] {
        let entries = entries.withLock { $0 }
        return entries.sorted { $0.key < $1.key }.compactMap { $0.value.content.withLockIfAvailable { $0 } as? Content }
    }
}
