// Routes some submissions together: claimed, read, resolved, and put in place with one set of syncs.

import Glibc
import Spool
import System

/// One worker's way with submissions.
struct SubmissionBatch {
    let postOffice: PostOffice
    let site: BatchSite
    let router: any AddressRouter
    /// How recently a file may have been written to and yet be refused, in seconds: one that is no message now may be one
    /// when its writer is done.
    let settling: Int64
    /// Whether messages that are in place are handed over, open and locked.
    let handsOver: Bool

    /// How many messages are resolved at once, and how large their heads and control files may grow, in bytes: a worker
    /// holds that much in memory.
    private static let resolved = 32
    private static let heldBytes = 16 << 20

    private struct Message {
        let claim: ClaimedSubmission
        let plan: MessagePlan
        let began: UInt64
    }

    private struct Ready {
        let routed: RoutedSubmission
        var report: MessageReport
        let began: UInt64
    }

    /// Routes what there is of a batch of submissions.
    ///
    /// - Parameters:
    ///   - next: the name of the next submission; nil at the end of the batch.
    ///   - report: is given each message when what became of it is durable.
    ///   - handOver: is given the messages that are in place, some at a time, after they were reported.
    func run(next: () -> MessageName?, report: (MessageReport) -> Void, handOver: ([RoutedMessage]) -> Void) {
        var waiting: [Message] = []
        var ready: [Ready] = []
        var size = 0
        while let name = next() {
            if let message = take(name, report) {
                size += message.plan.submission.head.count
                waiting.append(message)
            }
            if waiting.count == Self.resolved || size > Self.heldBytes {
                size += resolve(&waiting, &ready, report)
            }
            if size > Self.heldBytes {
                commit(&ready, report, handOver)
                size = 0
            }
        }
        _ = resolve(&waiting, &ready, report)
        commit(&ready, report, handOver)
    }

    /// Claims and reads a submission; nil where nothing is left to do with it now.
    private func take(_ name: MessageName, _ report: (MessageReport) -> Void) -> Message? {
        let began = monotonicNanoseconds()
        do throws(FileError) {
            switch try postOffice.claim(name) {
            case .busy, .gone: return nil
            case .finished(let message):
                report(MessageReport(message: message.description, outcome: .completed))
                return nil
            case .claimed(let claim):
                return plan(claim, began, report)
            }
        } catch {
            postpone(name, error.description, report)
            return nil
        }
    }

    private func plan(
        _ claim: ClaimedSubmission, _ began: UInt64, _ report: (MessageReport) -> Void
    ) -> Message? {
        do throws(SubmissionReadError) {
            let submission = try claim.read()
            do throws(RoutingRejection) {
                return Message(claim: claim, plan: try MessagePlan(submission, site: site), began: began)
            } catch {
                reject(claim, error.description, began, report)
            }
        } catch {
            switch error {
            case .file(let failure): postpone(claim.submission, failure.description, report)
            case .content(let fault): reject(claim, fault.description, began, report)
            }
        }
        return nil
    }

    /// Resolves the addresses of messages, and makes their control files.
    ///
    /// - Returns: the size of the control files in bytes.
    private func resolve(
        _ messages: inout [Message], _ ready: inout [Ready], _ report: (MessageReport) -> Void
    ) -> Int {
        guard !messages.isEmpty else { return 0 }
        var size = 0
        let questions = messages.flatMap(\.plan.questions)
        let answers = router.resolve(questions)
        let now = Int64(time(nil))
        for (index, message) in messages.enumerated() {
            let claim = message.claim
            let asked = (2 * index)..<(2 * index + 2)
            // An answer too few would be a recipient lost.
            guard answers.count == questions.count,
                asked.allSatisfy({ answers[$0].count == questions[$0].addresses.count })
            else {
                postpone(claim.submission, "the engine did not answer for all recipients", report)
                continue
            }
            var outcome = MessageReport(message: claim.message.description, outcome: .routed)
            outcome.sender = message.plan.sender.address ?? []
            outcome.size = Int(clamping: claim.identity.size)
            if message.plan.submission.hasNul {
                outcome.notices.append("message \(claim.message): NUL bytes were taken out of the header")
            }
            let stamp = MessageStamp(
                hostname: site.hostname, time: now, message: claim.message, written: claim.identity.modified)
            do throws(RoutingRejection) {
                let control = try message.plan.controlFile(
                    answers[asked], name: claim.message, stamp: stamp, report: &outcome)
                size += control.size
                ready.append(
                    Ready(
                        routed: RoutedSubmission(claim: claim, control: control), report: outcome, began: message.began)
                )
            } catch {
                reject(claim, error.description, message.began, report)
            }
        }
        messages = []
        return size
    }

    private func commit(
        _ ready: inout [Ready], _ report: (MessageReport) -> Void, _ handOver: ([RoutedMessage]) -> Void
    ) {
        guard !ready.isEmpty else { return }
        var routed: [RoutedMessage] = []
        let outcomes = postOffice.commit(ready.map(\.routed), handOver: handsOver ? { routed.append($0) } : nil)
        let end = monotonicNanoseconds()
        for (message, outcome) in zip(ready, outcomes) {
            switch outcome {
            case .committed, .committedButNotRemoved:
                var done = message.report
                done.nanoseconds = end &- message.began
                if case .committedButNotRemoved(let error) = outcome {
                    done.notices.append("\(error); routed, and its submission will be removed by the next run")
                }
                report(done)
            case .failed(let error):
                postpone(message.routed.claim.submission, error.description, report)
            }
        }
        ready = []
        if !routed.isEmpty { handOver(routed) }
    }

    private func reject(
        _ claim: ClaimedSubmission, _ reason: String, _ began: UInt64, _ report: (MessageReport) -> Void
    ) {
        // A little ahead of this clock is just now, too; what is far ahead was dated by another one.
        let (age, isOutside) = Int64(time(nil)).subtractingReportingOverflow(claim.identity.modified / 1_000_000_000)
        if !isOutside, age.magnitude < settling.magnitude {
            return postpone(claim.submission, "\(reason); written to just now, left for later", report)
        }
        do throws(FileError) {
            let name = try postOffice.reject(claim, reason: reason)
            report(
                MessageReport(
                    message: name.description, outcome: .rejected(reason: reason),
                    nanoseconds: monotonicNanoseconds() &- began))
        } catch {
            postpone(claim.submission, "\(error) (to be put aside: \(reason))", report)
        }
    }

    private func postpone(_ submission: MessageName, _ reason: String, _ report: (MessageReport) -> Void) {
        report(MessageReport(message: submission.description, outcome: .postponed(reason: reason)))
    }
}
