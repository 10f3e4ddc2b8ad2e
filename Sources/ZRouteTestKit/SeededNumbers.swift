// Random numbers that a failure can be repeated with.

/// Numbers that a seed gives, the same on every run.
package struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    /// Begins with a seed.
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// One of some choices.
    package mutating func one<Element>(of choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &self)]
    }

    /// Whether so many of a hundred times it happens.
    package mutating func hits(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
