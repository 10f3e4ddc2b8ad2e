// The kinds of findings about single entries of maps, and about what files say together.

extension FindingKind {
    static let ofLines: [Row] = [
        (
            "unreadable-line", "error", "A line is no entry of the form that its map is read in.",
            "Write `key: value` (`-la`) or `key value` (`-l`).", "`root ann` in the aliases form"
        ),
        ("nul-byte", "error", "The source has NUL bytes.", "Convert the file to UTF-8.", "a file in UTF-16"),
        (
            "carriage-return", "error", "Lines end as in another system, and the CR would be part of values.",
            "Save the file with LF line ends.", "a file with CR LF"
        ),
        (
            "byte-order-mark", "error", "A byte order mark would be part of a key.", "Save the file without it.",
            "first in the file"
        ),
        (
            "line-separator", "error", "A character that ends lines in other programs alone.",
            "Write a new line in its place.", "U+2028"
        ),
        ("control-character", "error", "A control character that nobody sees.", "Remove it.", "a form feed in a value"),
        (
            "indented-line", "error", "A line of the plain form begins with a blank, and would be an entry of its own.",
            "Join it to the line before, or begin in the first column.", "`    bob@example.org`"
        ),
        (
            "missing-nul", "error", "A stored key lacks the NUL that ends keys, so no lookup finds it.",
            "Store it with the NUL.", "a key put by a program with its length alone"
        ),
        (
            "colon-after-key", "warning", "A key of the plain form ends in a colon, which is dropped.", "Remove it.",
            "`ann@example.org: smtp!h`"
        ),
        (
            "duplicate-key", "warning", "A key was given before in the same source: the first line stands.",
            "Remove one.", "`ann@example.org` on two lines"
        ),
        (
            "no-final-newline", "warning", "The last line has no end: the file may have been cut short.",
            "See that it is whole, and add a newline.", "a file saved by a program that was killed"
        ),
        (
            "unknown-allowance", "warning", "A comment for zroute allows nothing.", "Correct the name.",
            "`# zroute: allow no-such-name`"
        ),
        (
            "empty-source", "warning", "A source lost all its entries.", "Write them anew, if that is not meant.",
            "an empty file whose compiled map has entries"
        ),
    ]

    static let ofKeys: [Row] = [
        (
            "key-never-asked", "error, warning", "Nothing ever asks for this key.",
            "Write the form that its relation is asked for.", "`ann` in fqdnaliases"
        ),
        (
            "key-case", "error, warning", "A key has capitals, and lookups ask in small letters.",
            "Write it in small letters, or add `-l`.", "`Ann@example.org` in a map without `-l`"
        ),
        (
            "decomposed-key", "warning",
            "A letter and its accent are two characters: the same letter in one does not find them.",
            "Write it in one.", "`e` and U+0301"
        ),
        (
            "pattern-key", "error", "Keys are no patterns.", "Write `@example.org`, `.example.org` or `user`.",
            "`*@example.org`"
        ),
        (
            "quoted-key", "warning", "Only the address with its quotes finds the key.", "Remove the quotes.",
            "`\"ann\"@example.org`"
        ),
    ]

    static let ofValues: [Row] = [
        (
            "no-value", "error", "A key has no value where one is needed.", "Write it.",
            "`ann@example.org` alone in fqdnroutes"
        ),
        (
            "separator", "error", "Something else than blanks stands between key and value.", "Remove it.",
            "`ann@example.org = smtp!h`"
        ),
        (
            "value-is-no-route", "error", "A value of fqdnroutes or routesdb is no route.",
            "Write `channel!host` or `channel!host!user`.", "`fg56778`"
        ),
        (
            "value-is-no-list", "error", "A value is no list of addresses: mail for it would go to root.",
            "Correct the word that is named.", "`ann, bob,`"
        ),
        (
            "value-is-no-domain", "error", "A value of thishost is no domain.", "Write one name, or nothing.",
            "`a.example b.example`"
        ),
        (
            "remark-in-value", "error", "A remark behind a value would be part of it.", "Put it on a line of its own.",
            "`smtp-lmtp!store!lee # our lee`"
        ),
        (
            "trailing-blank", "error", "A blank behind a value would be part of it.", "Remove it.",
            "a blank after `smtp-lmtp!store!ann`"
        ),
        ("blank-in-route", "error", "A route has a blank.", "Remove it.", "`smtp-lmtp! store`"),
        (
            "percent-without-flag", "error", "`%N` stays as it is in a map without the flag `%`.",
            "Add `%` to the flags.", "`ann%2` in a map without `-%`"
        ),
        (
            "argument-never-given", "error", "A value refers to a part that its relation never gives.", "Remove it.",
            "`bob%2` in fqdnaliases"
        ),
        ("tail-twice", "error", "The tail stands twice in a user.", "Write `%2` once.", "`smtp-lmtp!store!ann%2%2`"),
        ("doubled-percent", "warning", "Two percent signs are two.", "Write one.", "`ann%%2`"),
        (
            "path-as-name", "warning", "What looks like a file is the name of a user, or is delivered to no file.",
            "Write `/dev/null` to discard, or a user.", "`\"/dev/null\"`"
        ),
        (
            "quoted-address", "warning", "An address in quotes is the name of a local user.", "Remove the quotes.",
            "`\"bob@example.org\"`"
        ),
        ("ignored-value", "warning", "A value is passed over.", "Write `error!code` to refuse.", "`ignore!`"),
        (
            "routed-anew", "warning", "A value of routesdb is taken for a UUCP path.", "Write `channel!host!user`.",
            "`smtp!!user`"
        ),
        (
            "route-in-list", "warning", "A route in a list is an address of UUCP.", "Write it in fqdnroutes.",
            "`error!nosuchuser` in aliases"
        ),
    ]

    static let ofSite: [Row] = [
        (
            "shadowed-entry", "warning", "An entry never decides, because another does before it.",
            "Remove one of the two.",
            "a key of a live map that the local map has, too; a route for an address that fqdnaliases has; a domain in routesdb that is local"
        ),
        (
            "unresolved-target", "warning", "A target of a list leads to nobody: mail for it is returned.",
            "Correct or remove it.", "`team@example.org: gone@example.org` where `example.org error!nosuchuser`"
        ),
        (
            "unusable-include", "error",
            "An included list cannot be read, so all mail for the entry is held, or is no list, so it goes to root.",
            "Make it readable, and writable for its owner alone.", "`:include:/lists/none`"
        ),
        (
            "alias-loop", "warning", "Lists lead back to each other, and nowhere else.", "Take one target out.",
            "`a@example.org: b@example.org` and `b@example.org: a@example.org`"
        ),
        (
            "expansion-limit", "error", "A list expands too deep or to too many recipients: mail for it is returned.",
            "Split it, or raise expansiondepth or expansionsize.", "a list of 10,001 members"
        ),
        (
            "tail-lost", "warning", "A target is written with a tail that gets lost on its way.",
            "Write `%2` in the route of the target, or leave the tail out.",
            "`sales@example.org: ann+sales@example.org` where ann's route has no `%2`"
        ),
        (
            "unserved-route", "error", "No clause of scheduler.conf serves a route: its mail stays queued.",
            "Correct the channel or host, or add a clause.", "`smtp-lmpt!node1!ann`"
        ),
        (
            "unserved-mail", "error", "No clause of scheduler.conf serves mail that is queued.",
            "Add a clause, or route it anew.", "a message for a channel that was renamed"
        ),
        (
            "no-failover-route", "warning",
            "A domain that mail is taken for has no entry in routesdb: mail for users that do not exist leaves by SMTP and comes back.",
            "Add `domain error!nosuchuser` to routesdb.", "`example.org` in smtp-policy.relay alone"
        ),
        (
            "unlisted-domain", "warning",
            "A domain has users, and no relay file lists it: mail for them is refused before it is routed.",
            "Add it to smtp-policy.relay.", "`ann@example.org` in fqdnroutes, and no line `example.org`"
        ),
        (
            "local-service-domain", "warning",
            "A domain of the relay files is local too: users that no map has become local users.",
            "Remove it from thishost.", "`example.org` in smtp-policy.relay and localnames"
        ),
        (
            "hidden-failover", "warning",
            "An entry for a whole domain hides the domain's refusal in routesdb: no address is ever refused.",
            "Remove one of the two.", "`@example.org` in fqdnroutes and `example.org error!nosuchuser` in routesdb"
        ),
        (
            "canonical-name-not-local", "warning", "thishost gives a domain a name that is not local: its mail leaves.",
            "Add the name to thishost, or correct it.", "`old.example new.example` where new.example is not in thishost"
        ),
        (
            "unusable-spool", "error", "The spool or a directory of it is not there or cannot be used.",
            "Make it, or correct POSTOFFICE.", "a POSTOFFICE without `transport`"
        ),
        (
            "failed-assertion", "error", "An address does not go where a test file expects it.",
            "Mend the entry that is named, or the line where the change is meant.",
            "`bob@example.org error!nosuchuser!*` for a user who has a route"
        ),
        (
            "no-assertion", "error", "A line of a test file says nothing that could hold, or the file cannot be read.",
            "Write ADDRESS channel!host!user, or ADDRESS deferred.", "`bob@example.org smtp!host`"
        ),
    ]

    static let ofProbe: [Row] = [
        (
            "unreachable-server", "error", "A server cannot be connected to.", "See that it runs and listens there.",
            "`UNIX:/run/cyrus/socket/lmtp` where no process listens"
        ),
        (
            "refused-session", "error", "A server refuses the greeting, TLS or authentication.",
            "Correct its settings, or the secrets.", "AUTH answered by 535"
        ),
        (
            "refused-recipient", "error", "A server refuses a mailbox that a route leads to.",
            "Make the mailbox, or correct the route.", "RCPT answered by 550"
        ),
    ]
}
