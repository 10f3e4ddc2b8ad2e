// Finds the known name that a misspelt one was probably meant to be, so that a message can say it.

import Bytes

/// The known name that is most like a given one; nil where none is like it.
///
/// Letters' case, `_` and `-` are no difference. Beyond that as many letters may be wrong, missing, too many or exchanged
/// with their neighbour as is likely in a name of that length: none of up to three, one of up to seven, else two. Where
/// none is that much alike, a name of four letters or more may be the beginning of a known one.
public func nearestName(to name: String, among known: some Sequence<String>) -> String? {
    let letters = essential(name)
    let allowed = letters.count <= 3 ? 0 : letters.count <= 7 ? 1 : 2
    var best: (name: String, distance: Int)?
    for candidate in known {
        let distance = editDistance(letters, essential(candidate))
        if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    guard best == nil, letters.count >= 4 else { return best?.name }
    return known.first { essential($0).starts(with: letters) }
}

/// The known names, those first that are most like a given one; equally alike ones in their own order.
public func namesByLikeness(to name: String, among known: some Sequence<String>) -> [String] {
    let letters = essential(name)
    let measured = known.map { (name: $0, distance: editDistance(letters, essential($0))) }
    return measured.enumerated().sorted { left, right in
        let (one, other) = (left.element.distance, right.element.distance)
        return one == other ? left.offset < right.offset : one < other
    }.map(\.element.name)
}

/// A clause for the end of a message: `; did you mean 'NAME'?`, or nothing where no known name is like it.
public func suggestion(for name: String, among known: some Sequence<String>) -> String {
    nearestName(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
}

private func essential(_ name: String) -> [UInt8] {
    // No known name is longer than some thirty letters: what is much longer is like none of them.
    name.utf8.prefix(64).filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }.map(ASCII.lowercase)
}

/// How many letters have to be changed, put in, taken out or exchanged with their neighbour.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        for column in right.indices {
            var distance = min(
                previous[column] + (left[row] == right[column] ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                distance = min(distance, beforePrevious[column - 1] + 1)
            }
            current.append(distance)
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[right.count]
}
