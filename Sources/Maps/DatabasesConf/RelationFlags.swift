// The last field of dbases.conf: the flags of ZMailer's relation command.

import Configuration

/// What a map answers when it finds the key, or does not.
public enum RelationAnswer: Sendable, Hashable {
    /// The value.
    case value
    /// The value; the key itself where the value is empty or the key absent (`-n`).
    case valueOrKey
    /// The key itself, in place of the value (`-b`).
    case key
}

/// The order in which keys derived from the one looked up are tried in a map.
public enum SearchDriver: String, Sendable, Hashable, CaseIterable {
    /// The key alone.
    case none = ""
    /// A domain, then its suffixes with a leading dot, then default keys.
    case pathalias
    /// The suffixes of a domain without a leading dot, never the domain itself.
    case pathaliasNoDot = "pathalias.nodot"
    /// An address, then its domain as `pathalias` does.
    case pathaliasAt = "pathalias.at"
    /// A domain, then its true suffixes with a leading dot, then default keys; an IPv4 address by its prefixes.
    case longestMatch = "longestmatch"
}

/// How a map is looked into.
public struct RelationFlags: Sendable, Hashable {
    /// How the looked-up key is folded (`-l`, `-u`).
    public var folding: KeyFolding = .none
    /// Whether a changed file is reopened (`-m`).
    public var reopensChanged = false
    /// How many answers are cached (`-s`); nil where the flag is not given.
    public var cacheSize: Int?
    /// How many seconds a cached answer lives (`-e`); 0 for ever.
    public var cacheSeconds = 0
    /// Whether absences are cached too (`-N`).
    public var cachesAbsences = false
    /// What is answered (`-b`, `-n`; the last one given stands).
    public var answer = RelationAnswer.value
    /// Whether `%N` in values is substituted (`-%`).
    public var substitutes = false
    /// Whether the flag `-:` is there, which changes nothing: drivers always end with the caller's default keys.
    public var hasDefaultKeysFlag = false
    /// Which keys are tried (`-d`).
    public var driver = SearchDriver.none
    /// The Berkeley DB environment's configuration (`-C`).
    public var environmentFile: String?
    /// The database in a file that holds several (`-D`).
    public var database: String?
    /// The file to read where the line itself names none (`-f`).
    public var file: String?

    /// No flags at all.
    public init() {}
}

// Reads relation flags as getopt(3) does: letters together or apart, an argument attached or the next word.

extension RelationFlags {
    /// The largest number of answers that a cache may hold.
    private static let largestCache = 1_000_000
    /// The longest life of a cached answer, in seconds: some 31 years.
    private static let longestLife = 1_000_000_000

    /// Reads the words after the file's name.
    init(words: [String]) throws(FieldError) {
        var position = 0
        var lower = false
        var upper = false
        while position < words.count, words[position].utf8.first != UInt8(ascii: "#") {
            let word = words[position]
            position += 1
            if word == "-" { continue }
            guard word.utf8.first == UInt8(ascii: "-") else {
                throw FieldError(.invalidFlag, "'\(word)' is no relation flag; flags begin with '-', comments with '#'")
            }
            var letters = word.unicodeScalars.dropFirst()
            while let letter = letters.popFirst() {
                switch letter {
                case "l": lower = true
                case "u": upper = true
                case "m": reopensChanged = true
                case "N": cachesAbsences = true
                case "n": answer = .valueOrKey
                case "b": answer = .key
                case "%": substitutes = true
                case ":": hasDefaultKeysFlag = true
                case "d", "C", "D", "s", "e", "f", "t":
                    let argument: String
                    if !letters.isEmpty {
                        argument = String(letters)
                        letters = letters.suffix(0)
                    } else if position < words.count {
                        argument = words[position]
                        position += 1
                    } else {
                        let drivers = letter == "d" ? ", one of the search drivers \(Self.driverNames)" : ""
                        throw FieldError(.invalidFlag, "the relation flag -\(letter) lacks its argument\(drivers)")
                    }
                    try take(letter, argument)
                case "i", "p":
                    throw FieldError(.invalidFlag, "the relation flag -\(letter) is not supported; remove it")
                default:
                    throw FieldError(.invalidFlag, "the relation flag -\(letter) is unknown; remove it")
                }
            }
        }
        guard !lower || !upper else {
            throw FieldError(.invalidFlag, "the relation flags -l and -u exclude each other; keep one")
        }
        folding = lower ? .lower : upper ? .upper : .none
    }

    private mutating func take(_ letter: Unicode.Scalar, _ argument: String) throws(FieldError) {
        switch letter {
        case "d":
            guard let known = SearchDriver(rawValue: argument), known != .none else {
                throw FieldError(
                    .invalidFlag,
                    "the search driver '\(argument)' is unknown; known are \(Self.driverNames)"
                        + suggestion(for: argument, among: SearchDriver.allCases.lazy.map(\.rawValue)))
            }
            driver = known
        case "C": environmentFile = argument
        case "D": database = argument
        case "f": file = argument
        case "s": cacheSize = try Self.number(letter, argument, upTo: Self.largestCache)
        case "e": cacheSeconds = try Self.number(letter, argument, upTo: Self.longestLife)
        // The type is the line's second field, which ZMailer lets stand over -t.
        default: break
        }
    }

    private static var driverNames: String {
        SearchDriver.allCases.map(\.rawValue).filter { !$0.isEmpty }.joined(separator: ", ")
    }

    private static func number(_ letter: Unicode.Scalar, _ text: String, upTo limit: Int) throws(FieldError) -> Int {
        guard let number = Int(text), text.utf8.first != UInt8(ascii: "+"), 0...limit ~= number else {
            throw FieldError(
                .invalidFlag, "the relation flag -\(letter) needs a number from 0 to \(limit), not '\(text)'")
        }
        return number
    }
}

extension RelationFlags: CustomStringConvertible {
    /// The flags as dbases.conf has them; `-` for none.
    public var description: String {
        var letters = ""
        if folding != .none { letters += folding == .lower ? "l" : "u" }
        for (isSet, letter) in [
            (reopensChanged, "m"), (cachesAbsences, "N"), (answer == .valueOrKey, "n"), (answer == .key, "b"),
            (substitutes, "%"), (hasDefaultKeysFlag, ":"),
        ] where isSet { letters += letter }
        var words = letters.isEmpty ? [] : ["-\(letters)"]
        if driver != .none { words.append("-d \(driver.rawValue)") }
        if let cacheSize { words.append("-s \(cacheSize)") }
        if cacheSeconds > 0 { words.append("-e \(cacheSeconds)") }
        if let environmentFile { words.append("-C \(environmentFile)") }
        if let database { words.append("-D \(database)") }
        if let file { words.append("-f \(file)") }
        return words.isEmpty ? "-" : words.joined(separator: " ")
    }
}
