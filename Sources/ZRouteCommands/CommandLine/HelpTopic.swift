// What `zroute help TOPIC` says of matters that are no command's own. The pages of docs/ say more.

/// A matter that `zroute help` knows beside the commands.
enum HelpTopic: String, CaseIterable {
    case options, files, maps, routes
    case exitStatus = "exit-status"

    /// The topic that the words behind the program's name ask for; nil where they ask for something else.
    init?(askedForBy words: [String]) {
        guard words.count == 2, words[0] == "help" else { return nil }
        self.init(rawValue: words[1])
    }

    /// The names of all topics, for messages.
    static var names: [String] { allCases.map(\.rawValue) }

    /// What it says, in lines of at most 80 columns.
    var text: String {
        switch self {
        case .options: Self.optionsText
        case .files: Self.filesText
        case .maps: Self.mapsText
        case .routes: Self.routesText
        case .exitStatus: Self.exitStatusText
        }
    }

    private static let optionsText = """
        The options of a site. They stand before or behind the command's name, and
        every command that reads a site has them:

          --config FILE       Read this zmailer.conf.
          --dbases FILE       Read this dbases.conf.
          --scheduler FILE    Read this scheduler.conf.
          --set NAME=VALUE    Override a setting, in every file; any number of times.
          --fail-map RELATION[=KEY]
                              Let a map fail, for every key or for one: what would
                              become of mail?
          --log text|json     The form of the log and of all messages.

        'zroute --version' has the version; -h and --help say what a command does.

        See also: zroute help files, docs/configuration.md, zroute(1).
        """

    private static let filesText = """
        The files of a site, in the order in which they are read:

          zmailer.conf     Settings. --config; else the environment's ZCONFIG; else
                           /etc/zmailer/zmailer.conf; else /etc/zmailer.conf.
          router.cf        $MAILSHARE/router.cf: the lines that are settings.
          mail.conf        $MAILVAR/mail.conf: settings that have the last word.
          dbases.conf      The maps. --dbases; else $MAILVAR/db/dbases.conf; else
                           $MAILVAR/dbases.conf.
          maps             Where dbases.conf says.
          scheduler.conf   Servers and retries. --scheduler; else
                           $MAILSHARE/scheduler.conf.
          the spool        $POSTOFFICE.

        'zroute config' shows which were read, and where each setting comes from.

        See also: docs/configuration.md, zmailer.conf(5), dbases.conf(5),
        scheduler.conf(5).
        """

    private static let mapsText = """
        The relations of dbases.conf, in the order in which an address meets them:

          fqdnaliases   user@domain, or @domain: addresses in its place
          fqdnroutes    user@domain, or @domain: its route
          thishost      domain: it is ours
          aliases       user: addresses in the place of a user of this host
          routesdb      domain, .domain: the route of what no map above knows

        A line of dbases.conf: RELATION TYPE PRIVILEGE COMPILE SOURCE FLAGS. Types
        are btree, bhash, cdb, lmdb, sqlite, pgsql, socketmap, ldap, ldapsync,
        text, unordered, ordered, incore and NONE. Sources have the form
        'key: address, address' (-la) or 'key value' (-l); 'zroute newdb' compiles
        them, and 'zroute newdb --check' says what is wrong with them.

        A lookup finds a value, or the key is certainly absent. A lookup that fails
        holds the mail, and is never taken for an absence.

        See also: docs/maps.md, docs/semantics.md, dbases.conf(5), zroute-maps(5).
        """

    private static let routesText = """
        A route is CHANNEL!HOST!USER, as in 'smtp-lmtp!store!bob'.

          smtp-lmtp, local   to a store, by the server that scheduler.conf names
          smtp               by SMTP to a fixed server
          error              refused for good: error!nosuchuser, error!expired
          hold               kept until its maps can be asked
          bitbucket          discarded

        In values of maps %0 is the whole key, %1 the user, %2 the tail ('+lists')
        and so on, as far as the relation has them. Write routes in single quotes:
        shells read '!' as a reference to their history.

        See also: zroute route-test --trace, docs/semantics.md.
        """

    private static let exitStatusText = """
        The exit statuses, those of sysexits.h:

           0   all is done; a service was asked to end
           1   no such key; a check found something; a route differs
          64   the command was used wrongly
          65   a file is not what it should be: a source with an error, no message
          66   a file or the spool does not exist
          67   an address failed for good
          73   a file, socket or directory cannot be made
          74   reading or writing failed
          75   something is to be tried again: a lookup failed, a file is being
               written
          78   the configuration is wrong

        See also: docs/logs.md, and 'zroute help COMMAND' for what a command makes of
        them.
        """
}
