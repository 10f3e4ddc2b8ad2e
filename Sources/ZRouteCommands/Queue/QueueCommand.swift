// `zroute queue`: what waits in the spool, and why; and what is to become of it.

import ArgumentParser
import Configuration
import Glibc
import Spool
import System

/// The commands for what waits in a spool.
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "queue",
        abstract: "Show and handle what waits in the spool.",
        discussion: """
            Without a word the queue is listed; 'zroute queue list --help' has the options. MESSAGE is a name as the list \
            has it; where one name stands for two files, router/NAME, transport/NAME or postman/NAME says which.

            Everything is safe beside running services, and after a process was killed at any point. What somebody works \
            on is waited for, and refused with the name of the process after that.

            Examples:

              # What waits, and why?
              zroute queue
              # All of one message.
              zroute queue show 1234567
              # Once more, after a store was mended.
              zroute queue retry --channel smtp-lmtp
            """,
        subcommands: [
            QueueListCommand.self, QueueShowCommand.self, QueueSummaryCommand.self, QueueRetryCommand.self,
            QueueHoldCommand.self, QueueReleaseCommand.self, QueueBounceCommand.self, QueueRemoveCommand.self,
            QueueRerouteCommand.self, QueueResubmitCommand.self,
        ],
        defaultSubcommand: QueueListCommand.self)
}

// What every one of these commands begins with.

/// A site's spool, opened: maps are not needed for it, and may be what has to be mended.
struct QueueSession {
    let options: SiteOptions
    let settings: Settings
    let postOffice: PostOffice

    /// Opens the spool of a site.
    ///
    /// - Throws: the exit status, after saying what is wrong.
    init(_ options: SiteOptions) throws(ExitCode) {
        self.options = options
        do {
            settings = try options.settings()
        } catch {
            DiagnosticLog(options.log.form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        postOffice = try SpoolAccess.open(settings, DiagnosticLog(options.log.form))
    }

    var log: DiagnosticLog { DiagnosticLog(options.log.form) }
}

// The forms of output of all commands of the queue.

/// The form of what a command of the queue writes to standard output.
enum QueueFormat: KeywordOption {
    case text
    case json

    static let choices = [(word: "text", choice: QueueFormat.text), ("json", .json)]
}

// How a message is named on the command line.

/// A message as somebody names it: `NAME`, or with its directory before it.
struct QueueMessageName: ExpressibleByArgument, Sendable {
    let name: MessageName
    /// The places that it may be in.
    let places: [MessagePlace]

    init(name: MessageName, places: [MessagePlace]) {
        (self.name, self.places) = (name, places)
    }

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let name = parts.last.flatMap({ MessageName($0) }) else { return nil }
        let directory = parts.count == 2 ? parts[0] : nil
        places = MessagePlace.allCases.filter { directory == nil || directory == $0.directory }
        guard !places.isEmpty else { return nil }
        self.name = name
    }

    /// What the name stands for.
    ///
    /// - Parameter wanted: where it is meant to be, if it is in two places.
    /// - Throws: what to say where it stands for nothing, or for two things.
    func place(
        in postOffice: PostOffice, preferring wanted: [MessagePlace] = MessagePlace.allCases
    ) throws(QueueRefusal) -> MessagePlace {
        let found: [MessagePlace]
        do throws(FileError) {
            found = try postOffice.places(of: name).filter(places.contains)
        } catch {
            throw QueueRefusal(.tryAgain, error.description)
        }
        let preferred = found.filter(wanted.contains)
        if let only = preferred.first, preferred.count == 1 { return only }
        guard let first = found.first else {
            throw QueueRefusal(
                .missingInput,
                "there is no such message in \(postOffice.path) (any more); 'zroute queue' lists what waits")
        }
        guard found.count == 1 else {
            let names = found.map { "\($0.directory)/\(name)" }.joined(separator: " and ")
            throw QueueRefusal(.missingInput, "the name stands for \(names); say which")
        }
        return first
    }
}

/// Why nothing was done with a message, and what that means for the exit status.
struct QueueRefusal: Error {
    let status: ExitCode
    let reason: String

    init(_ status: ExitCode, _ reason: String) {
        (self.status, self.reason) = (status, reason)
    }
}
