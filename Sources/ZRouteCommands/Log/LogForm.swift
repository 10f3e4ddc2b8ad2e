// How a command's log looks: as text or as JSON, and with the time wherever nobody else adds it.

import ArgumentParser
import Configuration
import Glibc

/// The forms of log lines.
enum LogFormat: Choice {
    case text
    case json

    static let choices = [(word: "text", choice: LogFormat.text), ("json", .json)]

    /// The form that a command line asks for, for what is wrong with the command line itself.
    init(askedForIn arguments: [String]) {
        let isJSON =
            arguments.contains("--log=json")
            || zip(arguments, arguments.dropFirst()).contains { $0 == "--log" && $1 == "json" }
        self = isJSON ? .json : .text
    }
}

/// The option for the form of the log, which every command has.
struct LogOptions: ParsableArguments {
    @Option(name: .customLong("log"), help: "The form of the log: text or json.")
    var format = LogFormat.text

    /// The log of a command that people wait for.
    var form: LogForm { LogForm(format, isTimed: false) }

    /// The log of work that is looked into later: of services, and of passes over the spool.
    var timedForm: LogForm { LogForm(format, isTimed: true) }
}

/// How the lines of a log look.
struct LogForm: Sendable {
    /// Text or JSON.
    let format: LogFormat
    /// Whether lines of text carry the time where no journal adds it; lines of JSON always carry it.
    private let isTimed: Bool

    init(_ format: LogFormat, isTimed: Bool) {
        self.format = format
        self.isTimed = isTimed
    }

    /// Whether lines of text that go to a descriptor begin with the time.
    func showsTime(on descriptor: Int32) -> Bool { isTimed && !Self.isJournal(descriptor) }

    /// Whether systemd's journal reads a descriptor, and so knows the time of each line: `JOURNAL_STREAM` names the device
    /// and the inode of the journal's socket (systemd.exec(5)).
    private static func isJournal(_ descriptor: Int32) -> Bool {
        guard let stream = environmentVariable("JOURNAL_STREAM") else { return false }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}
