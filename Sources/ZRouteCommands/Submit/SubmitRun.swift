// What `submit` does: standard input into the spool, while signals wait for the moment at which nothing is left behind.

import ArgumentParser
import Configuration
import Glibc
import MailSubmission
import QueueRouting
import Spool
import System

/// One run of `submit`.
struct SubmitRun {
    /// The largest message taken, in bytes.
    private static let sizeLimit = 256 << 20

    private let settings: Settings
    private let form: LogForm
    private let account = SubmittingAccount.current()
    private let atDomain: [UInt8]
    private let postOffice: String

    private var log: DiagnosticLog { DiagnosticLog(form) }

    /// - Throws: `ConfigurationError` where no spool is named.
    init(settings: Settings, form: LogForm) throws(ConfigurationError) {
        self.settings = settings
        self.form = form
        atDomain = BatchSite(settings).atDomain
        guard let path = settings.postOffice else {
            throw settings.missing("POSTOFFICE", "it names the spool; set it to the spool's directory")
        }
        postOffice = path
    }

    /// The message of a sender; of this user where none is named.
    ///
    /// - Throws: the exit status, after saying what is wrong.
    func submission(from typed: String?) throws(ExitCode) -> ProgramSubmission {
        guard let name = typed ?? account.login else {
            log.say("user \(account.number) has no account, so that nobody is the sender; name one by -f ADDRESS")
            throw .noUser
        }
        do throws(RoutingRejection) {
            var submission = ProgramSubmission(
                sender: try MessageSender(typed: Array(name.utf8), atDomain: atDomain).address ?? [])
            submission.origin = account.origin(host: settings.hostname)
            submission.origin.fullName = Array(account.fullName.utf8)
            return submission
        } catch {
            var reason = "\(error)"
            if case .unusableSender(let cause) = error { reason = cause }
            log.say("sender '\(printable(Array(name.utf8)))': \(reason); give one address by -f, or -f <> for none")
            throw .unreadableInput
        }
    }

    /// Submits the message on standard input.
    ///
    /// - Parameter endsAtDot: whether a line of a dot alone is its end.
    func submit(_ submission: ProgramSubmission, endsAtDot: Bool) -> ExitCode {
        let signals = TerminationSignals()
        do throws(SubmissionFailure) {
            var intake = MessageIntake(into: try open(), sizeLimit: Self.sizeLimit, endsAtDot: endsAtDot) {
                (header) throws(SubmissionFailure) in try submission.head(header)
            }
            while !intake.isAtEnd {
                guard let bytes = try read(signals) else {
                    // Nothing is left when the signal does what it means.
                    _ = consume intake
                    signals.release()
                    return .tryAgain
                }
                guard !bytes.isEmpty else { break }
                try intake.take(bytes)
            }
            _ = try intake.finish()
            return .ok
        } catch {
            return tell(error)
        }
    }

    /// Speaks SMTP on standard input and output.
    func speak() -> ExitCode {
        let signals = TerminationSignals()
        do throws(SubmissionFailure) {
            var dialogue = SubmissionDialogue(
                into: try open(), host: settings.hostname, atDomain: atDomain,
                origin: account.origin(host: settings.hostname), sizeLimit: Self.sizeLimit)
            var output = OutputStream(descriptor: STDOUT_FILENO, signals: signals)
            var told = 0
            while true {
                for failure in dialogue.failures[told...] { _ = tell(failure) }
                told = dialogue.failures.count
                output.write(dialogue.takeOutput())
                output.flush()
                if dialogue.isOver || output.hasFailed { break }
                guard let bytes = try read(signals) else {
                    dialogue.end()
                    _ = consume dialogue
                    signals.release()
                    return .tryAgain
                }
                guard !bytes.isEmpty else {
                    let isCutOff = dialogue.isWithinTransaction
                    dialogue.end()
                    if isCutOff { log.say("the input ended within a message, which was not submitted") }
                    return isCutOff ? .unreadableInput : .ok
                }
                dialogue.receive(bytes)
            }
            return output.finish(log) ? .ok : .inputOutput
        } catch {
            return tell(error)
        }
    }

    private func open() throws(SubmissionFailure) -> MailDrop {
        do throws(FileError) {
            return try MailDrop(path: postOffice)
        } catch {
            throw .file(error)
        }
    }

    /// The next bytes of standard input, none at its end; nil where the process is to end.
    private func read(_ signals: TerminationSignals) throws(SubmissionFailure) -> [UInt8]? {
        while true {
            guard signals.wait(for: STDIN_FILENO, .reading) else { return nil }
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
                count = unsafe Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
                initialized = max(count, 0)
            }
            if count >= 0 { return bytes }
            guard errno == EINTR || errno == EAGAIN else {
                throw .file(FileError(operation: "read", path: "standard input", code: errno))
            }
        }
    }

    /// Says why nothing was submitted, and what to do.
    private func tell(_ failure: SubmissionFailure) -> ExitCode {
        guard case .file(let error) = failure else {
            log.say("\(failure)")
            return .unreadableInput
        }
        guard error.code == EACCES || error.code == EPERM else {
            log.say(
                error,
                rest: error.isUnreachable ? "; POSTOFFICE needs the directories public, router and transport" : "")
            return .tryAgain
        }
        log.say(
            error,
            rest:
                "; whoever submits needs to read and write router and public of \(postOffice): join the group that they"
                + " belong to, or let everybody submit (docs/submission.md)")
        return .cannotCreate
    }
}
