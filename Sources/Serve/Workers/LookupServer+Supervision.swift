// Looks after the workers of the lookup server, and after connections that take too long.

import Glibc
import LookupProtocols
import Maps
import Routing
import Synchronization
import System

extension LookupServer {
    /// The workers there are.
    struct Crew {
        struct Member {
            let worker: LookupWorker
            var supervisor: CallSupervisor
            /// The call that it was in at the last look, and the request, with the time for which it has been seen there.
            var lastCall: UInt64?
            var request: (number: UInt64, age: Duration)?

            /// Whether who waits behind it would have to wait.
            var isBusy: Bool {
                if let lastCall, worker.watch.presentCall == lastCall { return true }
                guard let request, request.age >= LookupServer.longTurn else { return false }
                return worker.watch.presentRequest == request.number
            }
        }

        var members: [Member] = []
        var hasSupervisor = false
    }

    /// Between two looks while a worker is inside a call, and while none is.
    private static let (briefPause, longPause): (UInt64, UInt64) = (10_000_000, 100_000_000)
    /// A request that takes longer than this, call for call, has another worker stand in for those behind it.
    private static let longTurn = Duration.milliseconds(100)

    /// Starts the first workers and their supervisor.
    ///
    /// - Returns: 0, or the errno that says why there is no thread.
    func startCrew() -> Int32 {
        let service = state.withLock { $0.service }
        for queue in queues {
            let code = startWorker(service, queue)
            if code != 0 { return code }
        }
        var thread = pthread_t()
        crew.change { $0.hasSupervisor = true }
        let code = startThread(&thread) { [self] in
            supervise()
            crew.change { $0.hasSupervisor = false }
        }
        guard code == 0 else {
            crew.change { $0.hasSupervisor = false }
            return code
        }
        pthread_detach(thread)
        return 0
    }

    private func startWorker(_ service: LookupService, _ queue: WorkQueue) -> Int32 {
        let worker = LookupWorker(service, queue)
        crew.change { $0.members.append(Crew.Member(worker: worker, supervisor: CallSupervisor(worker.watch))) }
        var thread = pthread_t()
        let code = startThread(&thread) { [self] in
            worker.run(self)
            // One that was given up is no member any more.
            guard !worker.watch.isAbandoned else { return }
            crew.change { crew in crew.members.removeAll { $0.worker === worker } }
        }
        if code == 0 {
            // Nobody joins it: a thread that hangs inside a library never ends.
            pthread_detach(thread)
        } else {
            crew.change { crew in crew.members.removeAll { $0.worker === worker } }
        }
        return code
    }

    /// Lets other workers serve the site as it is now.
    func replaceCrew() {
        let service = state.withLock { $0.service }
        let old = crew.change { $0.members.map(\.worker) }
        for queue in queues {
            // Where the system gives no thread the old ones go on: an old answer is better than none.
            guard startWorker(service, queue) == 0 else { continue }
            for worker in old where worker.queue === queue { queue.dismiss(worker) }
        }
    }

    /// Waits until the workers have ended; those that hang are given up on the way.
    func waitForCrew() {
        _ = crew.wait { $0.members.isEmpty && !$0.hasSupervisor ? true : nil }
    }

    // MARK: The supervisor's thread

    private func supervise() {
        var last = MonotonicTime.coarse()
        var lastSweep = last
        while !(isEnded && crew.change { $0.members.isEmpty }) {
            let isInside = crew.change { $0.members.contains { $0.worker.watch.presentCall != nil } }
            FileClock.system.wait(isInside || isEnded ? Self.briefPause : Self.longPause)
            let now = MonotonicTime.coarse()
            look(after: .nanoseconds(now.nanoseconds &- last.nanoseconds))
            last = now
            if now.nanoseconds &- lastSweep.nanoseconds >= 1_000_000_000 {
                lastSweep = now
                sweep(now)
            }
        }
    }

    /// Looks at every worker: what hangs is given up, and who waits is stood in for.
    private func look(after elapsed: Duration) {
        let hanging = crew.change { crew in
            var hanging: [(worker: LookupWorker, call: UInt64)] = []
            for index in crew.members.indices {
                let watch = crew.members[index].worker.watch
                noteRequest(of: &crew.members[index], after: elapsed)
                let call = watch.presentCall
                crew.members[index].lastCall = call == crew.members[index].lastCall ? call : nil
                if let call = crew.members[index].supervisor.look(after: elapsed) {
                    hanging.append((crew.members[index].worker, call))
                }
                crew.members[index].lastCall = call
            }
            return hanging
        }
        for (worker, call) in hanging {
            guard let completion = worker.watch.abandon(call, { takeOver(from: worker, $0) }) else { continue }
            crew.change { crew in crew.members.removeAll { $0.worker === worker } }
            if worker.isDismissed.load(ordering: .relaxed) { worker.queue.takeDismissal() }
            completion()
        }
        standIn()
    }

    /// Sees how long a worker has been at its request, and lets it begin no more lookups where that is too long.
    private func noteRequest(of member: inout Crew.Member, after elapsed: Duration) {
        guard let number = member.worker.watch.presentRequest else {
            member.request = nil
            return
        }
        guard let known = member.request, known.number == number else {
            member.request = (number, .zero)
            return
        }
        // As with calls: a process that was stopped had no time to end anything.
        let age = known.age + min(elapsed, Self.longestElapsed)
        member.request = (number, age)
        if age >= limits.request { member.worker.watch.expire(number) }
    }

    /// Of the time between two looks so much counts at the most.
    private static let longestElapsed = Duration.milliseconds(500)

    /// Answers in a worker's place what it hangs at; the worker stands still.
    ///
    /// - Returns: what is to be done when the worker has been given up.
    private func takeOver(from worker: LookupWorker, _ error: MapError) -> () -> Void {
        switch worker.work {
        case nil: return {}
        case .question(let question):
            return {
                let answer = Answer(of: question.address.span, failed: .map(error))
                question.completion(answer.resolution)
            }
        case .connection(let connection):
            var reply = LookupReply()
            reply.set(.failed, "\(error)")
            worker.count(reply)
            connection.answer(reply)
            return {
                // What it is told of meanwhile comes up in the turn that it gets now.
                while !connection.giveBack() {}
                connection.queue.add(.connection(connection))
            }
        }
    }

    /// Keeps a worker of each queue free, and no more for long.
    private func standIn() {
        // Who is started at the end would keep those waiting who wait for the last to go.
        guard !isEnded else { return }
        let service = state.withLock { $0.service }
        for queue in queues {
            let (free, count) = crew.change { crew in
                let free = crew.members.filter {
                    $0.worker.queue === queue && !$0.worker.isDismissed.load(ordering: .relaxed) && !$0.isBusy
                }
                return (free.map(\.worker), crew.members.count)
            }
            // Those that stood in are not needed any more.
            for worker in free.dropFirst() { queue.dismiss(worker) }
            if free.isEmpty, count < limits.mostWorkers { _ = startWorker(service, queue) }
        }
    }

    // MARK: Connections

    /// Ends connections that have taken too long.
    private func sweep(_ now: MonotonicTime) {
        let resumed = state.withLock { state in
            for connection in state.connections.values {
                let age = now.nanoseconds &- min(now.nanoseconds, connection.since.load(ordering: .relaxed))
                let isOver =
                    switch connection.phase.load(ordering: .acquiring) {
                    case .silent, .idle: age > UInt64(limits.idle) * 1_000_000_000
                    case .asking, .answering: age > UInt64(limits.patience) * 1_000_000_000
                    case .working: false
                    }
                if isOver { connection.makeDue() }
            }
            let paused = state.paused
            // They are tried again: what was missing may be there.
            if state.connections.count < limits.connections { state.paused = [] }
            return state.connections.count < limits.connections ? paused : []
        }
        resume(resumed)
    }

    /// Ends connections that wait for nothing.
    ///
    /// - Parameter all: also those that have asked nothing yet, or are in the middle of a request.
    func endQuietConnections(all: Bool) {
        let now = MonotonicTime.coarse()
        state.withLock { state in
            for connection in state.connections.values {
                let age = now.nanoseconds &- min(now.nanoseconds, connection.since.load(ordering: .relaxed))
                switch connection.phase.load(ordering: .acquiring) {
                case .idle: connection.makeDue()
                // Whoever has connected is about to ask.
                case .silent, .asking: if all || age > 1_000_000_000 { connection.makeDue() }
                case .answering: if all { connection.makeDue() }
                case .working: connection.isDue.store(true, ordering: .relaxed)
                }
            }
        }
    }
}

extension LookupConnection {
    /// Has the connection ended by the worker that it is handed to next, at once; the server's lock is held.
    fileprivate func makeDue() {
        isDue.store(true, ordering: .relaxed)
        guard !isShutDown.exchange(true, ordering: .relaxed) else { return }
        // What the client takes no longer is given up; otherwise what came is answered first.
        let how = phase.load(ordering: .acquiring) == .answering ? SHUT_RDWR : SHUT_RD
        _ = shutdown(descriptor, Int32(how))
    }
}
