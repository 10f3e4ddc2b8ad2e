// The command line of sendmail, as programs have written it for forty years: options of one letter, whose value may stand
// right behind it or be the next word, several of them in one word, and words behind -o and -O that say how to queue.
//
// They become options that the parser knows; what is unknown is refused, since a program that asks for something and does not
// get it should hear so.

/// The words behind `submit`, or behind the name sendmail.
struct SendmailWords {
    /// What is asked for.
    enum Mode: Sendable {
        /// A message on standard input (-bm).
        case message
        /// SMTP on standard input and output (-bs).
        case dialogue
        /// The queue (-bp).
        case list
        /// An attempt at what waits (-q).
        case retry
    }

    /// A word that cannot be taken.
    struct Refusal: Error {
        /// What is wrong with it, and the remedy.
        let reason: String
    }

    /// What is asked for.
    private(set) var mode = Mode.message
    /// The words that the parser of `submit` knows.
    private(set) var words: [String] = []
    /// Those of them that every command knows: where the site is, and how to log.
    private(set) var siteWords: [String] = []
    private var recipients: [String] = []

    /// Options with a value that `submit` has too.
    private static let values: [Character: String] = [
        "f": "--from", "r": "--from", "F": "--full-name", "B": "--body", "N": "--notify", "R": "--return",
        "V": "--envelope-id", "C": "--config",
    ]
    /// Options without a value.
    private static let flags: [Character: String] = ["t": "--read-recipients", "i": "--ignore-dots", "h": "--help"]
    /// Options that mean nothing here: how much to say, that it is a user's message, conversions of systems long gone, and
    /// which configuration sendmail itself is to use (-Ac, -Am).
    private static let meaningless: Set<Character> = ["m", "v", "U", "G", "x", "J"]
    /// What `-o` may say that means nothing here, by its first letter: how to deliver and to report, and how sendmail wrote its
    /// queue.
    private static let queueOptions: Set<Character> = ["d", "e", "m", "b", "o", "r", "T", "s", "v"]
    /// The same, by the words of `-O NAME=VALUE`.
    private static let longQueueOptions = ["DeliveryMode", "ErrorMode", "MeToo", "QueueSortOrder", "Verbose"]

    /// Options of `SiteOptions` that have a value.
    private static let siteOptions: Set = ["--config", "--dbases", "--scheduler", "--set", "--fail-map", "--log"]
    /// Options of `submit` by their long names that have a value.
    private static let longValues = Set(values.values)

    /// Reads a command line.
    init(_ line: [String]) throws(Refusal) {
        var rest = line[...]
        while let word = rest.popFirst() {
            if word == "--" {
                recipients += rest
                break
            } else if word.hasPrefix("--") {
                takeLong(word, &rest)
            } else if word.hasPrefix("-"), word.count > 1 {
                try take(word.dropFirst(), &rest)
            } else {
                recipients.append(word)
            }
        }
        words += siteWords + (recipients.isEmpty ? [] : ["--"] + recipients)
    }

    private mutating func takeLong(_ word: String, _ rest: inout ArraySlice<String>) {
        let name = word.split(separator: "=", maxSplits: 1).first.map(String.init) ?? word
        let isOfSite = Self.siteOptions.contains(name)
        var taken = [word]
        if !word.contains("="), isOfSite || Self.longValues.contains(name), let value = rest.popFirst() {
            taken.append(value)
        }
        if isOfSite { siteWords += taken } else { words += taken }
    }

    /// Takes the letters of one word.
    private mutating func take(_ word: Substring, _ rest: inout ArraySlice<String>) throws(Refusal) {
        var letters = word
        while let letter = letters.popFirst() {
            if let flag = Self.flags[letter] {
                words.append(flag)
            } else if Self.meaningless.contains(letter) {
                continue
            } else if letter == "q" {
                // The interval, and which part of the queue, is this host's to say.
                mode = .retry
                return
            } else {
                guard Self.takesValue(letter) else { throw Refusal(reason: Self.unknown("-\(letter)")) }
                guard let value = letters.isEmpty ? rest.popFirst() : String(letters) else {
                    throw Refusal(reason: "-\(letter) needs a value behind it")
                }
                return try take(letter, value)
            }
        }
    }

    private static func takesValue(_ letter: Character) -> Bool {
        values[letter] != nil || ["b", "o", "O", "e", "L", "A", "p"].contains(letter)
    }

    private mutating func take(_ letter: Character, _ value: String) throws(Refusal) {
        switch letter {
        case "b": mode = try Self.mode(value)
        case "o": try takeQueueOption(value)
        case "O": try takeLongQueueOption(value)
        case "e", "L", "A": break
        case "p": words += ["--protocol", value]
        case "C": siteWords += ["--config", value]
        default:
            if let name = Self.values[letter] { words += [name, value] }
        }
    }

    private static func mode(_ value: String) throws(Refusal) -> Mode {
        switch value {
        case "m": return .message
        case "s": return .dialogue
        case "p": return .list
        case "d", "D": throw Refusal(reason: "-b\(value): no daemon is started from here; see 'zroute serve --help'")
        case "i": throw Refusal(reason: "-bi: maps are compiled by 'zroute newdb'")
        case "t", "v":
            throw Refusal(reason: "-b\(value): where an address leads is said by 'zroute route-test --trace'")
        default: throw Refusal(reason: unknown("-b\(value)"))
        }
    }

    private mutating func takeQueueOption(_ value: String) throws(Refusal) {
        if value == "i" {
            words.append("--ignore-dots")
        } else if value.hasPrefix("Q") {
            throw Refusal(
                reason: "-oQ: the spool is POSTOFFICE of zmailer.conf; name another by --set POSTOFFICE=DIRECTORY")
        } else if !Self.queueOptions.contains(value.first ?? " ") {
            throw Refusal(reason: Self.unknown("-o\(value)"))
        }
    }

    private mutating func takeLongQueueOption(_ value: String) throws(Refusal) {
        let name = value.split(separator: "=", maxSplits: 1).first.map(String.init) ?? ""
        if name == "IgnoreDots" {
            words.append("--ignore-dots")
        } else if !Self.longQueueOptions.contains(name) {
            throw Refusal(reason: Self.unknown("-O \(value)"))
        }
    }

    private static func unknown(_ word: String) -> String {
        "'\(word)' is no option; docs/submission.md lists those that are taken"
    }
}
