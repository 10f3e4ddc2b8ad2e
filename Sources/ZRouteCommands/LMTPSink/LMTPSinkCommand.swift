// `zroute lmtp-sink`: a small LMTP store, for demonstrations and tests.

import ArgumentParser
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

            An endpoint is unix:PATH, HOST:PORT, :PORT (this host alone), *:PORT, systemd (the sockets that systemd \
            hands over; so it is without --socket and --listen where there are any), or systemd:NAME.

            Examples:

              # A store to try things with.
              zroute lmtp-sink --socket /tmp/lmtp.sock --maildir /tmp/mail
              # One that knows no bob, and is busy for ann.
              zroute lmtp-sink --listen :2424 --maildir /tmp/mail --reject bob --defer ann
            """)

    @Option(help: ArgumentHelp("Listen on this socket in the file system.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("Listen here; port 0 is any.", valueName: "endpoint"))
    var listen: String?

    @OptionGroup var sockets: SocketOptions

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
        _ = try endpoint()
    }

    private func endpoint() throws(ValidationError) -> ListeningEndpoint {
        if let socket, listen == nil { return .unix(socket) }
        guard let listen, socket == nil else {
            if listen == nil, socket == nil, HandedOverSockets.areExpected { return .handedOver(name: nil) }
            throw ValidationError("Give either --socket PATH or --listen HOST:PORT.")
        }
        guard let endpoint = ListeningEndpoint(listen) else {
            throw ValidationError(
                "--listen is not of the form HOST:PORT, unix:PATH, systemd or systemd:NAME: '\(listen)'.")
        }
        return endpoint
    }

    func run() throws {
        var rules = SinkRules()
        rules.rejected = Set(reject.map { Array($0.utf8) })
        rules.deferred = Set(`defer`.map { Array($0.utf8) })
        rules.rejectedAfterData = Set(rejectData.map { Array($0.utf8) })
        rules.deferredAfterData = Set(deferData.map { Array($0.utf8) })
        // Before any thread is started.
        let life = ServiceLife(takesReload: false, log: logging.timedForm)
        let log = DiagnosticLog(logging.timedForm)
        let endpoint = try endpoint()
        do throws(FileError) {
            let store = try MaildirStore(path: maildir, host: "localhost")
            let listening = try ListeningSocket.listen(at: [endpoint], permissions: sockets.permissions)
            let server = try SinkServer(sockets: listening, store: store, rules: rules, host: "localhost")
            tellOfSockets(listening)
            var effect = ServiceEffect("lmtp-sink")
            effect.add("socket", socket)
            effect.add("listen", socket == nil ? listen ?? "\(endpoint)" : nil)
            effect.add("maildir", maildir)
            log.say(effect.event("start"))
            var service = LMTPSinkService(server: server, progress: life.progress) { log.say($0) }
            life.run(&service)
        } catch {
            log.say(error)
            throw ExitCode(unusableSocket: error)
        }
    }
}

/// The sink as a service.
struct LMTPSinkService: ServiceWork {
    let server: SinkServer
    let progress: ServiceProgress
    let say: (LogEvent) -> Void

    let status = "listening"
    /// How long transactions are waited for when the sink is told to end, in seconds.
    private static let patience = 60

    /// The server works by itself; it is asked whether it gets on.
    func round() -> Duration {
        server.whenAnswering { [progress] in progress.note() }
        return .seconds(3600)
    }

    func drain() {
        say(.service("stop", "lmtp-sink"))
        server.finish(within: Self.patience)
    }
}
