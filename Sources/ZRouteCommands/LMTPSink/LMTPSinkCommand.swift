// `zroute lmtp-sink`: a small LMTP store, for demonstrations and tests.

import ArgumentParser
import Delivery
import Glibc
import Service
import Sink
import System

/// Runs the sink until it is ended by a signal.
struct LMTPSinkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "lmtp-sink",
        abstract: "Run a small LMTP store that puts messages into Maildirs.",
        discussion: """
            Each address has a Maildir of its own, DIR/user@domain; user+folder@domain goes to its subfolder. A recipient \
            that one of the rules names (whole address, local part, or local part without folder) is refused at RCPT or \
            after the message.
            """)

    @Option(help: ArgumentHelp("Listen on this socket in the file system.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("Listen on this address; port 0 is any.", valueName: "host:port"))
    var listen: String?

    @Option(help: ArgumentHelp("Keep the Maildirs here.", valueName: "dir"))
    var maildir: String

    @Option(help: ArgumentHelp("Refuse this recipient at RCPT for good (550).", valueName: "user"))
    var reject: [String] = []

    @Option(help: ArgumentHelp("Refuse this recipient at RCPT for now (450).", valueName: "user"))
    var `defer`: [String] = []

    @Option(help: ArgumentHelp("Refuse this recipient after the message for good (552).", valueName: "user"))
    var rejectData: [String] = []

    @Option(help: ArgumentHelp("Refuse this recipient after the message for now (452).", valueName: "user"))
    var deferData: [String] = []

    @OptionGroup var logging: LogOptions

    func validate() throws {
        guard (socket == nil) != (listen == nil) else {
            throw ValidationError("Give either --socket PATH or --listen HOST:PORT.")
        }
    }

    func run() throws {
        var rules = SinkRules()
        rules.rejected = Set(reject.map { Array($0.utf8) })
        rules.deferred = Set(`defer`.map { Array($0.utf8) })
        rules.rejectedAfterData = Set(rejectData.map { Array($0.utf8) })
        rules.deferredAfterData = Set(deferData.map { Array($0.utf8) })
        let log = DiagnosticLog(logging.timedForm)
        // Blocked before any thread starts: they are waited for below.
        var signals = Self.signals()
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        _ = signal(SIGPIPE, SIG_IGN)
        do {
            let server = try SinkServer(
                at: try address(), store: MaildirStore(path: maildir, host: "localhost"), rules: rules,
                host: "localhost")
            var output = OutputStream(descriptor: STDOUT_FILENO)
            output.write("listening on \(server.port.map { "port \($0)" } ?? socket ?? "")\n")
            output.flush()
            var effect = ServiceEffect("lmtp-sink")
            effect.add("socket", socket)
            effect.add("listen", listen)
            effect.add("maildir", maildir)
            log.say(effect.event("start"))
            ServiceManager.notify("READY=1\nSTATUS=listening")
            waitForSignal(&signals)
            ServiceManager.notify("STOPPING=1\nSTATUS=finishing the transactions that are under way")
            log.say(.service("stop", "lmtp-sink"))
            server.finish(within: Self.patience)
        } catch let error as FileError {
            log.say(error)
            throw Self.status(of: error)
        }
    }

    /// A path that no socket can have is a wrong use; a socket or directory that cannot be made is no matter of time.
    private static func status(of error: FileError) -> ExitCode {
        switch error.code {
        case ENAMETOOLONG: .usage
        case ENOENT, ENOTDIR, EACCES, EPERM, EEXIST, EROFS, ENOSPC, EDQUOT: .cannotCreate
        default: .tryAgain
        }
    }

    /// How long transactions are waited for when the sink is told to end, in seconds.
    private static let patience = 60

    private static func signals() -> sigset_t {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT] { unsafe sigaddset(&signals, signal) }
        return signals
    }

    /// Waits until the sink is told to end, and tells the service manager meanwhile that it lives.
    private func waitForSignal(_ signals: inout sigset_t) {
        let watchdog = Watchdog()
        let pause = min(watchdog.interval.map { $0 / 2 } ?? .max, 3600 * 1_000_000_000)
        var timeout = timespec(tv_sec: pause / 1_000_000_000, tv_nsec: pause % 1_000_000_000)
        while unsafe sigtimedwait(&signals, nil, &timeout) < 0 { watchdog.feed() }
    }

    private func address() throws -> SinkServer.Address {
        if let socket { return .unix(socket) }
        guard let listen, let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw ValidationError("--listen is not of the form HOST:PORT.") }
        let host = listen[..<colon]
        return .tcp(
            host: host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host),
            port: port)
    }
}
