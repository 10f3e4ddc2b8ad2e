// What the commands that change the queue have in common: which messages are meant, who may do it, how long somebody else's work is
// waited for, and a line for each message.

import ArgumentParser
import Glibc
import QueueRouting
import Spool
import System

/// Which messages are meant, by name or by what their recipients have in common.
struct QueueTargetOptions: ParsableArguments {
    @OptionGroup var filter: QueueFilterOptions

    @Flag(help: "Every message.")
    var all = false

    @Option(
        help: ArgumentHelp(
            "For how long a message is waited for that somebody works on: 0s, 10s, 2m.", valueName: "time"))
    var wait = QueueAge(seconds: 10)

    @Option(help: "The form of the output: text or json.")
    var format = QueueFormat.text

    @Argument(help: ArgumentHelp("The messages' names, as the list has them.", valueName: "message"))
    var messages: [QueueMessageName] = []

    func validate() throws {
        let ways = [!messages.isEmpty, !filter.isEmpty, all].count { $0 }
        guard ways > 0 else {
            throw ValidationError("Name messages, choose some by --channel, --host and the like, or say --all.")
        }
        guard ways == 1 else { throw ValidationError("Messages are named, or chosen, or all are meant: one of these.") }
    }
}

extension QueueAge {
    init(seconds: Int64) { self.seconds = seconds }

    var defaultValueDescription: String { "\(seconds)s" }
}

/// One command's way with the messages that are meant.
struct QueueAction {
    let session: QueueSession
    let options: QueueTargetOptions
    /// The places in which the command can do anything.
    let places: [MessagePlace]
    /// The signals that are held back while a message is worked on, and that nothing may wait longer than; nil where none are.
    private let signals: TerminationSignals?

    var postOffice: PostOffice { session.postOffice }

    /// Opens the spool as its owner, and completes what a process that died was in the middle of removing.
    ///
    /// - Throws: the exit status, after saying what is wrong.
    init(
        _ site: SiteOptions, _ options: QueueTargetOptions, in places: [MessagePlace],
        signals: TerminationSignals? = nil
    ) throws(ExitCode) {
        // A reader that goes away must not end the command in the middle.
        _ = signal(SIGPIPE, SIG_IGN)
        session = try QueueSession(site)
        self.options = options
        self.places = places
        self.signals = signals
        try SpoolAccess.becomeOwner(of: session.postOffice, session.log)
        do throws(FileError) {
            try session.postOffice.completeRemovals()
        } catch {
            session.log.say(error)
            throw .tryAgain
        }
    }

    /// Does something with each message that is meant, and says what.
    ///
    /// - Throws: the exit status where not all of it was done.
    func run(_ act: (MessageName, MessagePlace) throws(QueueRefusal) -> LogEvent?) throws(ExitCode) {
        let log = session.log
        var output = OutputStream(descriptor: STDOUT_FILENO, signals: signals)
        var status = ExitCode.ok
        for target in try targets() where signals?.isPending != true {
            do throws(QueueRefusal) {
                let place = try target.place(in: postOffice, preferring: places)
                guard let event = try act(target.name, place) else { continue }
                output.write { event.append(to: &$0, options.format) }
                // A question may follow, or somebody wait for the line.
                output.flush()
            } catch {
                log.say("message \(target.name): \(error.reason)")
                status = status == .ok ? error.status : status.worse(error.status)
            }
        }
        guard output.finish(log) else { throw .inputOutput }
        guard status == .ok else { throw status }
    }

    /// The messages that are meant, each once.
    private func targets() throws(ExitCode) -> [QueueMessageName] {
        guard options.messages.isEmpty else { return options.messages }
        let log = session.log
        let now = Int64(time(nil))
        var names: [QueueMessageName] = []
        var isUnreadable = false
        func add(_ name: MessageName, _ found: [MessagePlace]) {
            guard found.contains(where: places.contains) else { return }
            if let last = names.last, last.name == name, last.places == found { return }
            names.append(QueueMessageName(name: name, places: found))
        }
        do throws(FileError) {
            try postOffice.eachWaitingRecipient { recipient in
                guard options.filter.includes(recipient, now: now) else { return }
                switch recipient.state {
                case .submitted: add(recipient.message, [.submitted])
                case .onHold: add(recipient.message, [.onHold])
                case .held, .routed, .inDelivery: add(recipient.message, [.routed])
                }
            } failed: { message, reason in
                isUnreadable = true
                log.say("message \(message): \(reason)")
            }
            for file in try postOffice.filesPutAside() where options.filter.includes(file, now: now) {
                add(file.name, [.aside])
            }
        } catch {
            log.say(error)
            throw .tryAgain
        }
        if names.isEmpty, !isUnreadable { log.say("nothing that waits is meant by these options", .notice) }
        return names
    }

    /// Opens a message's control file, waiting for whoever works on it.
    func withMessage(
        _ name: MessageName, _ place: MessagePlace,
        _ work: (consuming OpenControlFile) throws(QueueRefusal) -> LogEvent
    ) throws(QueueRefusal) -> LogEvent {
        var patience = patience
        while true {
            let access: ControlAccess
            do throws(ControlAccessError) {
                access = try postOffice.open(name, onHold: place == .onHold)
            } catch {
                let status: ExitCode = if case .content = error { .unreadableInput } else { .tryAgain }
                throw QueueRefusal(status, error.description)
            }
            switch consume access {
            case .opened(let message): return try work(message)
            case .gone: throw Self.gone
            case .busy:
                guard patience.waits() else { throw busy(postOffice.path(of: name, in: place)) }
            }
        }
    }

    /// Claims a submission, waiting for whoever works on it.
    func withSubmission(
        _ name: MessageName, _ work: (ClaimedSubmission) throws(FileError) -> LogEvent
    ) throws(QueueRefusal) -> LogEvent {
        var patience = patience
        while true {
            do throws(FileError) {
                switch try postOffice.claim(name) {
                case .claimed(let claim): return try work(claim)
                case .gone: throw FileError(operation: "claim", path: name.description, code: ENOENT)
                case .finished(let message):
                    throw FileError(
                        operation: "claim", path: name.description, reason: "it is message \(message) by now")
                case .busy: break
                }
            } catch {
                if error.isMissing { throw Self.gone }
                throw QueueRefusal(.tryAgain, error.description)
            }
            guard patience.waits() else { throw busy(postOffice.path(of: name, in: .submitted)) }
        }
    }

    static let gone = QueueRefusal(.missingInput, "it is gone: routed, delivered, returned or removed meanwhile")

    /// What is said of a file that somebody has locked for longer than it was waited for.
    func busy(_ path: String) -> QueueRefusal {
        let holder = LockHolder(ofFileAt: path).map { "\($0)" } ?? "another process"
        return QueueRefusal(.tryAgain, "\(holder) is at work on it; try again later, or wait for longer (--wait)")
    }

    /// What is said of a message that an agent of ZMailer's works on, which knows no lock.
    static func agent(_ process: Int32) -> QueueRefusal {
        QueueRefusal(.tryAgain, "an agent with process number \(process) is at work on it; try again later")
    }

    /// How long the lock of one message is waited for.
    var patience: Patience { Patience(options.wait, signals) }

    /// How long a lock is waited for.
    struct Patience {
        private let end: UInt64
        private let signals: TerminationSignals?

        fileprivate init(_ span: QueueAge, _ signals: TerminationSignals?) {
            self.signals = signals
            let (time, isOver) = UInt64(max(span.seconds, 0)).multipliedReportingOverflow(by: 1_000_000_000)
            let (end, isOutside) = monotonicNanoseconds().addingReportingOverflow(time)
            self.end = isOver || isOutside ? .max : end
        }

        /// Waits a moment; false where it was waited for long enough.
        mutating func waits() -> Bool {
            guard monotonicNanoseconds() < end, signals?.isPending != true else { return false }
            // The kernel tells nobody that a lock is free but those who sleep in it, and they would have no end.
            usleep(20_000)
            return true
        }
    }
}

extension LogEvent {
    /// Appends the line of what was done with a message.
    fileprivate func append(to output: inout [UInt8], _ format: QueueFormat) {
        switch format {
        case .text: appendText(to: &output)
        case .json:
            var clock = LogTime()
            appendJSON(to: &output, time: clock.now())
        }
        output.append(0x0A)
    }
}
