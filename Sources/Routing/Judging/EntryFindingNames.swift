// The findings about an entry that only the use of its relation tells.

public import Configuration
import Maps

extension Finding.Name {
    /// A key that nothing is ever asked for.
    public static let keyNeverAsked = Finding.Name("key-never-asked")
    /// A key with letters that lookups fold, or in whose place they get folded ones.
    public static let keyCase = Finding.Name("key-case")
    /// A key in quotes that it does not need: only addresses with the quotes find it.
    public static let quotedKey = Finding.Name("quoted-key")
    /// A pattern as a key: there are none.
    public static let patternKey = Finding.Name("pattern-key")
    /// A key without a value where one is needed.
    public static let noValue = Finding.Name("no-value")
    /// Something else than blanks between key and value.
    public static let separator = Finding.Name("separator")
    /// A value of routes that is none.
    public static let valueIsNoRoute = Finding.Name("value-is-no-route")
    /// A value of lists that does not parse.
    public static let valueIsNoList = Finding.Name("value-is-no-list")
    /// A value of thishost that is no domain.
    public static let valueIsNoDomain = Finding.Name("value-is-no-domain")
    /// A comment behind a value, which would become part of it.
    public static let remarkInValue = Finding.Name("remark-in-value")
    /// Blanks behind a value, which would become part of it.
    public static let trailingBlank = Finding.Name("trailing-blank")
    /// A blank inside a route.
    public static let blankInRoute = Finding.Name("blank-in-route")
    /// `%N` in a map without the flag `%`.
    public static let percentWithoutFlag = Finding.Name("percent-without-flag")
    /// `%N` that the relation never gives.
    public static let argumentNeverGiven = Finding.Name("argument-never-given")
    /// The tail twice in one user.
    public static let tailTwice = Finding.Name("tail-twice")
    /// A value that ZMailer passes over, `ignore!` or `ERROR`.
    public static let ignoredValue = Finding.Name("ignored-value")
    /// A value of routesdb that routes the address anew.
    public static let routedAnew = Finding.Name("routed-anew")
    /// A route in a list of addresses, where it is an address of UUCP.
    public static let routeInList = Finding.Name("route-in-list")
    /// A member of a list that looks like a file, and is the name of a user.
    public static let pathAsName = Finding.Name("path-as-name")
    /// An address in quotes in a list, where it is the name of a local user.
    public static let quotedAddress = Finding.Name("quoted-address")
    /// A key with letters that are put together of several characters: the same letters in one piece do not find it.
    public static let decomposedKey = Finding.Name("decomposed-key")
    /// Two percent signs, which are two and no escape.
    public static let doubledPercent = Finding.Name("doubled-percent")

    /// Those that a judge may find, which all can be allowed.
    public static let ofEntries: [Finding.Name] = [
        .keyNeverAsked, .keyCase, .quotedKey, .patternKey, .noValue, .separator, .valueIsNoRoute, .valueIsNoList,
        .valueIsNoDomain, .remarkInValue, .trailingBlank, .blankInRoute, .percentWithoutFlag, .argumentNeverGiven,
        .tailTwice, .ignoredValue, .routedAnew, .routeInList, .pathAsName, .quotedAddress, .decomposedKey,
        .doubledPercent,
        .invisibleCharacter,
    ]
}

// The findings about an entry that only the site as a whole tells. They are named here so that a comment beside the entry can
// allow them, whoever reads the source.

extension Finding.Name {
    /// An entry that never decides, because another does before it.
    public static let shadowedEntry = Finding.Name("shadowed-entry")
    /// A target of a list that leads to nobody.
    public static let unresolvedTarget = Finding.Name("unresolved-target")
    /// An included list that cannot be read.
    public static let unusableInclude = Finding.Name("unusable-include")
    /// Lists that lead back to each other, and nowhere else.
    public static let aliasLoop = Finding.Name("alias-loop")
    /// A list that expands beyond the limits.
    public static let expansionLimit = Finding.Name("expansion-limit")
    /// A target whose tail gets lost on its way.
    public static let tailLost = Finding.Name("tail-lost")
    /// A route that no clause of scheduler.conf serves.
    public static let unservedRoute = Finding.Name("unserved-route")
    /// A domain of the relay files that routesdb does not have.
    public static let noFailoverRoute = Finding.Name("no-failover-route")
    /// A domain of the fully qualified maps that no relay file has.
    public static let unlistedDomain = Finding.Name("unlisted-domain")
    /// A domain of the relay files that is local too.
    public static let localServiceDomain = Finding.Name("local-service-domain")
    /// An entry for a whole domain that hides the domain's refusal in routesdb.
    public static let hiddenFailover = Finding.Name("hidden-failover")
    /// A canonical name that is not local.
    public static let canonicalNameNotLocal = Finding.Name("canonical-name-not-local")

    /// All of them.
    public static let ofSites: [Finding.Name] = [
        .shadowedEntry, .unresolvedTarget, .unusableInclude, .aliasLoop, .expansionLimit, .tailLost, .unservedRoute,
        .noFailoverRoute, .unlistedDomain, .localServiceDomain, .hiddenFailover, .canonicalNameNotLocal,
    ]
}
