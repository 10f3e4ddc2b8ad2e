// `zroute queue`: what waits in the spool, and why.

import ArgumentParser
import Batch
import Files
import Glibc
import Spool

/// Lists what waits in a spool.
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "queue",
        abstract: "List what waits in the spool.",
        discussion: """
            Each recipient that has not been served yet is listed: submitted, held, routed, or in delivery, with its \
            age, the number of failed attempts, and the last answer. After them comes what lies in postman, for a \
            person to look at. Nothing is changed.

            The exit status is 0, 65 if a file of the spool could not be read or the body of a message is missing, 66 if \
            there is no spool, 74 if the list could not be written, and 78 if the configuration is wrong.
            """)

    /// The forms of output.
    enum Format: Choice {
        case text
        case json

        static let choices = [(word: "text", choice: Format.text), ("json", .json)]
    }

    @OptionGroup var site: SiteOptions

    @Option(help: "The form of the output: text or json.")
    var format = Format.text

    func run() throws {
        let log = DiagnosticLog(self.site.log.form)
        let site: Site
        do {
            site = try Site(options: self.site)
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        let postOffice = try SpoolAccess.open(site.settings, log)
        var output = OutputStream(descriptor: STDOUT_FILENO)
        var report = QueueReport(now: Int64(time(nil)))
        var isUnreadable = false
        do throws(FileError) {
            try postOffice.eachWaitingRecipient { recipient in
                switch format {
                case .text: output.write { report.appendText(recipient, to: &$0) }
                case .json: output.write { report.appendJSON(recipient, to: &$0) }
                }
                if recipient.arrival == nil { isUnreadable = true }
            } failed: { message, reason in
                isUnreadable = true
                log.say("message \(message): \(reason)")
            }
            for file in try postOffice.filesPutAside() {
                switch format {
                case .text: output.write { report.appendText(file, to: &$0) }
                case .json: output.write { report.appendJSON(file, to: &$0) }
                }
            }
        } catch {
            output.flush()
            log.say(error)
            throw ExitCode.tryAgain
        }
        if format == .text { output.write { report.appendSummary(to: &$0) } }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        guard !isUnreadable else { throw ExitCode.unreadableInput }
    }
}
