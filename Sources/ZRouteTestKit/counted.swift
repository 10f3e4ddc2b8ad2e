// Prints how many members of a kind a test goes through, so that a run shows it.

/// The variants of a parameterised test; says how many there are.
///
/// - Parameter test: what the test holds of each of them.
package func counted<Variants: Collection>(_ test: String, _ variants: Variants) -> Variants {
    print("\(test): \(variants.count) variants")
    return variants
}
