// What a message does next: one step of its way, taken by one thread.

import Spool
import Synchronization
import System

extension DeliveryRun {
    /// What comes of a step.
    enum Step: Sendable {
        /// It waits for outcomes.
        case waiting
        /// It waits for its turn at some destination, as a name.
        case parked
        /// The spool does not take what it has to write, for this reason; nil where it only may not go on meanwhile.
        case blocked(FileError?, String)
        /// All that is left is to remove it.
        case finished(FinishedMessage)
        /// It is done with.
        case ended(MessageProgress)
    }

    /// Takes up the news of a message, and goes on with it.
    func advance(_ message: QueuedMessage) -> Step {
        message.content.withLock { content in
            let news = message.takeNews()
            for destination in news.admitted { content.admitted[ObjectIdentifier(destination)] = destination }
            let step: Step = content.isOver ? .parked : advance(message, &content, news)
            switch step {
            case .finished, .ended: content.isOver = true
            case .waiting, .parked, .blocked: break
            }
            if content.work == nil { leaveAll(&content) }
            return step
        }
    }

    private func advance(
        _ message: QueuedMessage, _ content: inout QueuedMessage.Content, _ news: QueuedMessage.News
    ) -> Step {
        if content.work == nil {
            let routed = content.routed.take()
            if isStopping { return .ended(.passedOver) }
            switch message.worker.open(message.name, routed) {
            case .ended(let progress): return .ended(progress)
            case .opened(let file):
                content.work = MessageWork(file, worker: message.worker, past: content.past)
                guard content.work?.decide() == true else {
                    content.work = nil
                    return .ended(.trouble)
                }
            }
        }
        guard var work = content.work.take() else { return .ended(.trouble) }
        var answers: [ObjectIdentifier: Bool] = [:]
        for (number, outcome) in news.outcomes {
            if let (destination, wasAnswered) = work.take(outcome, of: number) {
                answers[ObjectIdentifier(destination)] = wasAnswered
            }
        }
        let mayBegin = mayBegin(message)
        var failure = mayBegin ? send(message, &work, &content) : nil
        for (key, destination) in content.admitted where !work.isUnderWay(to: destination) {
            content.admitted[key] = nil
            leave(destination, wasAnswered: answers[key])
        }
        do throws(FileError) {
            try work.writeDown()
        } catch {
            failure = error
        }
        if let failure {
            if news.givesUp, !work.isWaiting {
                message.worker.environment.log(.trouble(message.name, work.loss(failure)))
                return .ended(.trouble)
            }
            content.work = consume work
            return .blocked(failure, failure.description)
        }
        let isToWait = work.isWaiting
        let isToBegin = !mayBegin && !isStopping && !work.wanted.isEmpty
        let isToBeParked = !isStopping && work.wanted.contains { work.past.waitingFor.contains(ObjectIdentifier($0)) }
        if isToWait {
            content.work = consume work
            return .waiting
        }
        if isToBegin {
            content.work = consume work
            return .blocked(nil, "")
        }
        content.past = work.past
        return isToBeParked ? .parked : finish(message, work)
    }

    /// Sends to the destinations that a message wants and is admitted to.
    private func send(
        _ message: QueuedMessage, _ work: inout MessageWork, _ content: inout QueuedMessage.Content
    ) -> FileError? {
        for destination in work.wanted {
            let key = ObjectIdentifier(destination)
            if content.admitted[key] == nil {
                guard !work.past.waitingFor.contains(key) else { continue }
                guard admit(message, to: destination) else {
                    work.past.waitingFor.insert(key)
                    continue
                }
                content.admitted[key] = destination
            }
            work.past.waitingFor.remove(key)
            do throws(FileError) {
                try work.send(to: destination) { [self] number, outcome in
                    schedule(message) { $0.outcomes.append((number, outcome)) }
                    pump()
                }
            } catch {
                return error
            }
        }
        return nil
    }

    private func leaveAll(_ content: inout QueuedMessage.Content) {
        for destination in content.admitted.values { leave(destination, wasAnswered: nil) }
        content.admitted = [:]
    }

    private func finish(_ message: QueuedMessage, _ work: consuming MessageWork) -> Step {
        let worker = message.worker
        do throws(FileError) {
            if worker.isAskedFor { try worker.environment.postOffice.endAsking(for: message.name) }
            try work.report()
        } catch {
            worker.environment.log(.trouble(message.name, error.description))
            return .ended(.trouble)
        }
        let isFinished = work.isFinished
        guard isFinished else { return .ended(work.past.nextAttempt.map { .waiting(until: $0) } ?? .notOurs) }
        switch worker.environment.postOffice.prepareRemoval(work.finish()) {
        case .ready(let finished): return .finished(finished)
        case .stays(let outcome): return .ended(worker.progress(message.name, after: outcome))
        }
    }
}
