// Judges the relations that a dbases.conf names: a relation of the chain whose name is misspelt is asked for nothing, and
// each of its users would be a certain "no such user".

package import Configuration
package import Maps

extension RelationName {
    /// Relations that ZMailer's scripts ask and that the chain here does not: their lines are passed over.
    private static let zmailer: Set<String> = [
        "expired", "fqdnaliasesldap", "fqlists", "fullnamemap", "fullnames", "iproutesdb", "lists", "listserv",
        "mailman",
        "mboxmap", "newsgroup", "otherservers", "smtproutes", "uucproutes", "bitnetroutes", "userdb",
    ]

    /// What is wrong with the relations of a dbases.conf.
    ///
    /// - Returns: an error for each line of a relation that nobody asks, and a warning where a relation of the chain has
    ///   no line at all. One of type `NONE` is a line: it says that the relation is meant to be empty.
    package static func findings(in databases: DatabasesConf) -> [Finding] {
        let known = chain.map(\.rawValue)
        var findings: [Finding] = []
        for definition in databases.definitions
        where !known.contains(definition.relation) && !zmailer.contains(definition.relation)
            && !definition.relation.hasPrefix("smtp-policy")
        {
            findings.append(
                Finding(
                    .unknownRelation, .error, file: definition.file, line: definition.line,
                    text:
                        "no relation '\(definition.relation)' is known, so nothing would ever be found in it; write one"
                        + " of \(known.joined(separator: ", "))\(suggestion(for: definition.relation, among: known))"))
        }
        let missing = known.filter { name in !databases.definitions.contains { $0.relation == name } }
        if !missing.isEmpty {
            // Without any line every address would leave by SMTP.
            let severity: Finding.Severity = missing.count == known.count ? .error : .warning
            findings.append(
                Finding(
                    .relationWithoutLine, severity, file: databases.file,
                    text:
                        "there is no line for \(missing.joined(separator: ", ")), where nothing is found then; add the"
                        + " lines, or for what is meant to be empty '\(missing[0]) NONE - - - -'"))
        }
        return findings
    }
}

extension Finding.Name {
    /// A relation that nobody asks.
    static let unknownRelation = Finding.Name("unknown-relation")
    /// A relation of the chain that no line defines.
    static let relationWithoutLine = Finding.Name("relation-without-line")
}
