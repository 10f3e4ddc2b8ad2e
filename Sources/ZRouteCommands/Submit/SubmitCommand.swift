// `zroute submit`, and the same by the name sendmail: a message of a program into the spool.

import ArgumentParser
import Configuration
import Glibc
import LMTP
import MailSubmission
import MailSyntax
import QueueRouting

/// Submits what is on standard input.
struct SubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "submit",
        abstract: "Submit a message to the spool, as sendmail does.",
        discussion: """
            The message on standard input is written into $POSTOFFICE/public, made durable, and renamed into \
            $POSTOFFICE/router, where route-queue or deliver finds it. By the name sendmail, as a link to the program, it \
            is what other programs call. Nobody needs to be root: whoever may write to the two directories may submit.

            Besides the options below those of sendmail are taken: -bm (the default), -bs (SMTP on standard input and \
            output), -bp (the queue), -q (an attempt at what waits), -r for -f, -oi for -i, and what means nothing here, such \
            as -odb, -oem or -v. Letters may share a word, as in -ti, and values may stand right behind them. Unknown \
            options are refused.

            The exit status is 0 when the message is in the spool for good, 64 if the command was used wrongly, 65 if the \
            message or its sender cannot be taken or nobody is named to send it to, 67 if this user has no account and \
            gives no sender, 73 if this user may not submit, 74 if a reply cannot be written, 75 if it should be tried again, \
            and 78 if the configuration is wrong.

            Examples:

              # A message of cron's, or of any program.
              zroute submit -f root@example.org ann@example.org < message
              # Recipients are those of To, Cc and Bcc.
              zroute submit -t -i < message
              # SMTP, as some programs speak it to a pipe.
              zroute submit -bs < dialogue
            """)

    @OptionGroup var site: SiteOptions

    @Option(
        name: [.customShort("f"), .customLong("from")], parsing: .unconditional,
        help: ArgumentHelp(
            "The sender; empty, or <>, for none. Unless given it is this user, at mydomain.", valueName: "address"))
    var sender: String?

    @Option(
        name: [.customShort("F"), .customLong("full-name")], parsing: .unconditional,
        help: ArgumentHelp("The sender's name, for a message without From.", valueName: "name"))
    var fullName: String?

    @Flag(
        name: [.customShort("t"), .customLong("read-recipients")],
        help: "Send it also to the addresses of its To, Cc and Bcc.")
    var readsRecipients = false

    @Flag(
        name: [.customShort("i"), .customLong("ignore-dots")],
        help: "Let no line of a dot alone end the message; by the name submit none does.")
    var ignoresDots = false

    @Option(
        name: [.customShort("B"), .customLong("body")],
        help: ArgumentHelp("What the body is: 7BIT or 8BITMIME.", valueName: "type"))
    var body: SubmittedBody?

    @Option(
        name: [.customShort("N"), .customLong("notify")],
        help: ArgumentHelp(
            "Tell the sender of this: never, or a list of success, failure, delay.", valueName: "conditions"))
    var notify: SubmittedNotify?

    @Option(
        name: [.customShort("R"), .customLong("return")],
        help: ArgumentHelp("Return so much with a report: full or hdrs.", valueName: "part"))
    var returned: SubmittedReturn?

    @Option(
        name: [.customShort("V"), .customLong("envelope-id")], parsing: .unconditional,
        help: ArgumentHelp("The sender's own name for the message, in xtext.", valueName: "text"))
    var envelopeID: SubmittedEnvelopeID?

    @Option(
        name: .customLong("protocol"),
        help: ArgumentHelp("How the message came, for the Received field: letters and digits (-p).", valueName: "word"))
    var submittedBy: SubmittedProtocol?

    @Flag(help: .hidden)
    var speaksSMTP = false

    @Flag(help: .hidden)
    var asSendmail = false

    @Argument(help: ArgumentHelp("Who gets the message: addresses, or lists of them.", valueName: "recipient"))
    var recipients: [String] = []

    func validate() throws {
        if speaksSMTP, !recipients.isEmpty { throw ValidationError("With -bs recipients are named in the dialogue.") }
        if let fullName, fullName.utf8.count > 500 { throw ValidationError("--full-name is at most 500 bytes long.") }
    }

    func run() throws {
        // A client that goes away is seen when it is written to.
        _ = signal(SIGPIPE, SIG_IGN)
        let run: SubmitRun
        do {
            run = try SubmitRun(settings: site.settings(), form: site.log.form)
        } catch let error as ConfigurationError {
            DiagnosticLog(site.log.form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        var status = ExitCode.ok
        if speaksSMTP {
            status = run.speak()
        } else {
            var submission = try run.submission(from: sender)
            submission.recipients = recipients.map { Array($0.utf8) }
            submission.readsRecipients = readsRecipients
            submission.notify = notify?.conditions
            submission.returnedContent = returned?.content
            submission.envelopeID = envelopeID?.text
            submission.bodyType = body?.word
            if let submittedBy { submission.origin.with = submittedBy.word }
            if let fullName { submission.origin.fullName = Array(fullName.utf8) }
            status = run.submit(submission, endsAtDot: asSendmail && !ignoresDots)
        }
        if status != .ok { throw status }
    }

    /// Runs what a command line of sendmail's asks for.
    ///
    /// - Parameter isSendmail: whether the program was called by that name.
    static func meant(
        by line: [String], isSendmail: Bool
    ) throws(SendmailWords.Refusal) -> (command: any ParsableCommand.Type, words: [String]) {
        let read = try SendmailWords(line)
        switch read.mode {
        case .message: return (SubmitCommand.self, (isSendmail ? ["--as-sendmail"] : []) + read.words)
        case .dialogue: return (SubmitCommand.self, ["--speaks-smtp"] + read.words)
        case .list: return (QueueCommand.self, ["list"] + read.siteWords)
        case .retry: return (QueueCommand.self, ["retry", "--all"] + read.siteWords)
        }
    }
}

// The values of its options, each of which is one word of a protocol.

/// `7BIT` or `8BITMIME`, in any case of letters.
struct SubmittedBody: ExpressibleByArgument, Sendable {
    let word: String

    init?(argument: String) {
        word = argument.uppercased()
        guard word == "7BIT" || word == "8BITMIME" else { return nil }
    }
}

/// The value of NOTIFY.
struct SubmittedNotify: ExpressibleByArgument, Sendable {
    let conditions: NotifyConditions

    init?(argument: String) {
        guard let conditions = NotifyConditions(argument.utf8) else { return nil }
        self.conditions = conditions
    }
}

/// The value of RET.
struct SubmittedReturn: ExpressibleByArgument, Sendable {
    let content: ReturnedContent

    init?(argument: String) {
        guard let content = ReturnedContent(rawValue: argument.uppercased()) else { return nil }
        self.content = content
    }
}

/// The value of ENVID (RFC 3461 4.4).
struct SubmittedEnvelopeID: ExpressibleByArgument, Sendable {
    let text: XText

    init?(argument: String) {
        guard (1...100).contains(argument.utf8.count), let text = XText(encoded: argument.utf8) else { return nil }
        self.text = text
    }
}

/// The word behind `with` in a Received field.
struct SubmittedProtocol: ExpressibleByArgument, Sendable {
    let word: [UInt8]

    init?(argument: String) {
        word = Array(argument.utf8)
        let isWord = word.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) }
        guard (1...40).contains(word.count), isWord else { return nil }
    }
}
