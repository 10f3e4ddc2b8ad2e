// The kinds of findings about configuration files, each of which its reader finds by itself.

extension FindingKind {
    static let ofConfiguration: [Row] = [
        (
            "missing-file", "error", "A file that is needed does not exist.", "Make it, or correct the path.",
            "`-C /etc/zroute/sleepyenv.conf` where there is none"
        ),
        (
            "unreadable-file", "error", "A file cannot be read.", "Let this user read it.",
            "`scheduler.conf` of mode 600 and another owner"
        ),
        (
            "missing-setting", "error", "A setting that the site cannot do without is not set.",
            "Set it in zmailer.conf.", "no `MAILVAR`"
        ),
        (
            "unknown-setting", "error", "A name is like that of a setting, and nothing has it.",
            "Write the name that is meant.", "`POSTOFICE=/var/spool/postoffice`"
        ),
        (
            "no-assignment", "error, warning", "A line is no assignment.",
            "Write `NAME=VALUE` without blanks around the `=`.", "`hostname = mx.example`"
        ),
        (
            "unreadable-value", "error", "A value cannot be read without running it, or its quote is not closed.",
            "Write the value itself.", "``hostname=`hostname` ``"
        ),
        ("setting-without-effect", "warning", "A setting has no effect here.", "Remove it.", "`nofqlists=`"),
        (
            "repeated-setting", "error", "A name is set twice where once is allowed.", "Keep the line that is meant.",
            "two `envhome` lines"
        ),
        (
            "invalid-value", "error", "A setting cannot have this value.", "Write one that it can have.",
            "`lookuptimeout=soon`"
        ),
        (
            "unset-variable", "error", "A value refers to a variable that is not set.",
            "Set it before, or correct its name.", "`LOGDIR=$LOGS/mail`"
        ),
        (
            "invisible-character", "error", "A character that nobody sees is part of a word.",
            "Write a space in its place, or remove it.", "a no-break space in dbases.conf, or behind a key"
        ),
        (
            "long-line", "error", "A line is longer than any that is meant.", "Shorten it.",
            "a line of 70,000 bytes in dbases.conf"
        ),
    ]

    static let ofDatabases: [Row] = [
        (
            "missing-field", "error", "A line of dbases.conf lacks a field.", "Write all five, `-` for none.",
            "`routesdb text -`"
        ),
        (
            "invalid-relation", "error", "A relation has a name that none can have.",
            "Use letters, digits, `_`, `-` and `.`.", "`fqdn!routes text - -l ...`"
        ),
        (
            "unknown-relation", "error", "Nothing asks a relation of this name.", "Write the name that is meant.",
            "`routedb text - -l ...`"
        ),
        (
            "relation-without-line", "error, warning",
            "A relation of the chain has no line, so nothing is found in it.", "Add its lines, or `NAME NONE - - - -`.",
            "a dbases.conf without `thishost`"
        ),
        (
            "unknown-type", "error", "There is no such type of maps here.", "Write one that there is.",
            "`fqdnroutes btre - -l ...`"
        ),
        (
            "invalid-privilege", "error", "The third field is no owner, group and mode.",
            "Write `owner:group:mode`, or `-`.", "`root` alone"
        ),
        (
            "map-privilege", "warning", "A map's file is somebody else's, or more widely writable than its line says.",
            "chown or chmod it, or correct the line.", "a map of mode 664 whose line says `root:0:644`"
        ),
        (
            "invalid-option", "error", "The fourth field has an option that newdb has not.",
            "Write `-l`, `-la`, `-u`, `-r` or `-`.", "`-lr`"
        ),
        (
            "invalid-flag", "error", "The flags have one that there is not, or without its value.", "Correct it.",
            "`-d pathalais`"
        ),
        (
            "folding-mismatch", "error, warning", "Keys are stored in one case of letters and asked for in another.",
            "Write the same letter in both fields.", "options `-l`, flags `-u`"
        ),
        (
            "repeated-map", "warning", "A relation has the same map twice.", "Remove one line, or correct its path.",
            "two lines with `$MAILVAR/db/routes`"
        ),
        (
            "missing-canary", "warning",
            "A description names no key that must be found: nothing is certainly absent, and keys that are not found wait.",
            "Write `canary = KEY`.", "a file of Postfix's pgsql_table(5)"
        ),
        (
            "schema-not-named", "warning",
            "A query for PostgreSQL names a table without its schema, and no search_path is said: only schema public is looked at.",
            "Write `schema.table`, or `search_path`.", "`query = SELECT goto FROM alias WHERE address = '%s'`"
        ),
        (
            "file-without-effect", "warning", "A map of a type that reads no file names one.",
            "Write another type, or `-` for the file.", "`routesdb NONE - - $MAILVAR/db/routes -`"
        ),
        (
            "live-without-environment", "warning", "A live map is read without the environment of its writer.",
            "Add `-C FILE`.", "`fqdnroutes btree - -r ... -lm`"
        ),
        (
            "environment-without-effect", "warning", "A map that lives in no environment names one.",
            "Make the type btree, or remove `-C`.", "`fqdnroutes cdb - -r ... -C ...`"
        ),
        (
            "sum-of-another-file", "warning",
            "The sum beside a constant map is about another file: another program than newdb has written the map since, and a"
                + " changed byte of a value would not be noticed.",
            "Run `zroute newdb`, or remove the sum.", "a `routes.cdb` of `postmap` beside newdb's `routes.cdb.sum`"
        ),
        (
            "missing-environment-home", "error", "The description of an environment names no directory.",
            "Write `envhome = /path`.", "a sleepyenv.conf without `envhome`"
        ),
        (
            "missing-temporary-directory", "warning", "A directory for temporary files is not there.",
            "Make it, or remove the line.", "`tmpdir = /none`"
        ),
        (
            "dead-process", "error",
            "A process died inside the environment of a live map: lookups may hang, and mail waits.",
            "Stop its users and run `zroute db recover`.", "an updater that was ended by `kill -9`"
        ),
        (
            "unreadable-map", "error", "A map cannot be read, so all mail that needs it is held.",
            "Compile or recover it, or correct its line.", "a `.db` file that is damaged, or was never made"
        ),
        (
            "source-is-newer", "warning", "A compiled map is older than its source.", "Run `zroute newdb`.",
            "`routes` edited, `routes.db` as before"
        ),
        (
            "writable-by-all", "warning", "Everyone may write a map, and so decide where mail goes.", "`chmod o-w` it.",
            "a source of mode 666"
        ),
        (
            "unsafe-owner", "warning",
            "A file that decides where mail goes belongs to somebody who owns nothing else of the site.",
            "chown it.", "scheduler.conf of user 1000, all other files of root"
        ),
        (
            "unsafe-mode", "warning",
            "A file or directory that decides where mail goes may be changed by everyone.",
            "`chmod o-w` it, and `g-w` unless its group is to write it.",
            "dbases.conf of mode 666; a directory of maps of mode 777"
        ),
    ]

    static let ofDelivery: [Row] = [
        (
            "invalid-selector", "error", "A selector of scheduler.conf is no `channel/host`.",
            "Write one at the beginning of the line.", "`a/{b`"
        ),
        (
            "unclosed-quote", "error", "A quote is not closed: of a value in scheduler.conf, or of a key in a map.",
            "Close it.", "`command=\"smtp -M`"
        ),
        (
            "unknown-parameter", "error", "There is no such parameter of a clause.", "Write the name that is meant.",
            "`maxtrh=4`"
        ),
        (
            "invalid-parameter", "error", "A parameter cannot have this value.", "Write one that it can have.",
            "`interval=often`"
        ),
        (
            "time-without-unit", "warning", "A time is a number alone, and taken as seconds.", "Write its unit.",
            "`interval=5`"
        ),
        (
            "unusable-command", "error", "A command of scheduler.conf cannot be obeyed.", "Correct its options.",
            "`smtp -M -p 25`"
        ),
        (
            "command-not-carried-out", "warning", "A command is ZMailer's, and what it is for stays queued here.",
            "Write an `smtp` command, or remove the clause.", "`command=\"mailbox -8\"`"
        ),
        (
            "missing-log-directory", "warning", "The log of dialogues has no directory to be in.",
            "Make it, or correct `-l`.", "`-l /none/smtp.log`"
        ),
        (
            "readable-secrets", "error",
            "Others than its owner may read a file of secrets, or a description with a password.", "`chmod 600` it.",
            "secrets of mode 644"
        ),
        (
            "invalid-secret", "error", "A line is no channel, host, user and secret.",
            "Write user and secret in base64.", "`smtp-lmtp node user secret`"
        ),
        (
            "missing-secret", "warning",
            "The secrets file of a server has no line for it: it is spoken to without authentication.",
            "Add the line, or remove `-A`.", "`-A secrets`, and no line for the host"
        ),
        (
            "unusable-tls-file", "error", "A certificate or key cannot be used.",
            "Name one in PEM that this user may read.", "`tls-cert-file /none.pem`"
        ),
        (
            "certificate-ended", "error", "A certificate has ended: servers refuse it, or are refused by it.",
            "Renew it.", "`tls-cert-file` whose date was yesterday"
        ),
        (
            "certificate-ends-soon", "warning", "A certificate ends within 30 days.", "Renew it.",
            "`tls-cert-file` that ends next week"
        ),
        (
            "unreached-clause", "warning", "No mail comes to a clause of scheduler.conf.",
            "Remove it, or correct its selector.", "`smtp-lmtp/node9` where no route names node9"
        ),
    ]
}
