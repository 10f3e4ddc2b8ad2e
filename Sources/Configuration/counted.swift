// Numbers as people write them: "1 entry", "2 entries".

/// A number with what it counts.
package func counted(_ count: Int, _ one: String, _ many: String) -> String {
    "\(count) \(count == 1 ? one : many)"
}
