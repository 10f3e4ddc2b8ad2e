// Writes one message into the spool, step by step on a thread that may wait for the disk.

import NIOCore
import NIOPosix
import Spool
import Synchronization
import System

/// A submission that is being written; used on its connection's loop alone.
final class FrontSubmission {
    /// What is told on the loop.
    typealias Tell = (FrontSession.SpoolEvent) -> Void

    private let file: SubmissionFile
    private let threads: NIOThreadPool
    private let loop: SocketLoop
    private var waiting = CircularBuffer<FrontSession.SpoolAction>()
    private var isBusy = false
    private var hasFailed = false
    private var tell: Tell?

    init(_ postOffice: PostOffice, threads: NIOThreadPool, loop: SocketLoop, tell: @escaping Tell) {
        file = SubmissionFile(postOffice)
        self.threads = threads
        self.loop = loop
        self.tell = tell
    }

    /// Does what is asked, after what was asked before.
    func take(_ action: FrontSession.SpoolAction) {
        waiting.append(action)
        goOn()
    }

    /// Tells nothing more: whoever listened is gone.
    ///
    /// What is asked for goes on.
    func detach() { tell = nil }

    private func goOn() {
        guard !isBusy, let action = waiting.popFirst() else { return }
        isBusy = true
        let (file, loop, bound) = (file, loop, LoopBound(self))
        threads.submit { state in
            let result: Result<Void, FileError>
            do throws(FileError) {
                guard case .active = state else {
                    throw FileError(operation: "submit", path: "-", reason: "the program ends")
                }
                try file.carryOut(action)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            loop.execute { bound.value.done(action, result) }
        }
    }

    private func done(_ action: FrontSession.SpoolAction, _ result: Result<Void, FileError>) {
        isBusy = false
        switch result {
        case .success:
            guard !hasFailed else { break }
            switch action {
            case .begin(let bytes), .write(let bytes): tell?(.wrote(bytes.count))
            case .commit: tell?(.committed)
            case .discard: break
            }
        case .failure(let error):
            if !hasFailed { tell?(.failed("\(error)")) }
            hasFailed = true
        }
        goOn()
    }
}

/// The file of a submission, which one thread at a time works on.
private final class SubmissionFile: Sendable {
    private let postOffice: PostOffice
    private let writer = Mutex<SubmissionWriter?>(nil)

    init(_ postOffice: PostOffice) { self.postOffice = postOffice }

    func carryOut(_ action: FrontSession.SpoolAction) throws(FileError) {
        switch action {
        case .begin(let bytes):
            var made = try postOffice.newSubmission()
            try made.write(bytes)
            let submission = consume made
            keep(submission)
        case .write(let bytes): try write(bytes)
        case .commit: try commit()
        case .discard: forget()
        }
    }

    private func keep(_ submission: consuming SubmissionWriter) {
        var kept: SubmissionWriter? = submission
        writer.withLock { writer in writer = kept.take() }
    }

    private func take() -> SubmissionWriter? { writer.withLock { $0.take() } }

    private func write(_ bytes: [UInt8]) throws(FileError) {
        // Without one it has failed before.
        guard var current = take() else { return }
        try current.write(bytes)
        keep(current)
    }

    private func commit() throws(FileError) {
        guard let current = take() else {
            throw FileError(operation: "submit", path: postOffice.path, reason: "it was not written before")
        }
        _ = try current.finish()
    }

    private func forget() { _ = take() }
}
