// The last field of dbases.conf: the flags of ZMailer's relation command.

/// What a map answers when it finds the key, or does not.
public enum RelationAnswer: Sendable, Hashable {
    /// The value.
    case value
    /// The value; the key itself where the value is empty or the key absent (`-n`).
    case valueOrKey
    /// The key itself, in place of the value (`-b`).
    case key
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
    /// The file to read where the line itself names none (`-f`).
    public var file: String?

    /// No flags at all.
    public init() {}
}
