// One client's connection: what came and is not answered, and what was said and has not left.

import Bytes
import Glibc
import LookupProtocols
import Synchronization
import System

/// A connection of the lookup server.
///
/// `@unchecked`: its buffers belong to the worker that it was handed to, then to the next, or to the supervisor that takes the
/// worker's place while that hangs. What the supervisor reads at any time is atomic.
@safe
final class LookupConnection: @unchecked Sendable {
    /// What a connection waits for, as the supervisor sees it.
    enum Phase: UInt8, AtomicRepresentable {
        /// The client has asked nothing yet.
        case silent
        /// The client has its answers.
        case idle
        /// A request has begun.
        case asking
        /// The client is to take what was said.
        case answering
        /// A worker has it.
        case working
    }

    /// What becomes of a connection after its turn.
    enum Next {
        /// More is to come from the client.
        case awaitsInput
        /// More has come perhaps already, and others are to have their turn first.
        case awaitsTurn
        /// More has been read already, and others are to have their turn first.
        case hasMore
        /// The client is to take what was said.
        case awaitsRoom
        case ended
        /// The worker was given up; the connection is another's.
        case lost
    }

    /// What came and was said.
    private struct Buffers {
        var dialogue: any LookupDialogue
        var input: [UInt8] = []
        /// Up to here the input is done with.
        var position = 0
        var output: [UInt8] = []
        /// Up to here the output has left.
        var sent = 0
        var isClosing = false
        var isInputClosed = false
        /// Whether the last reading filled the buffer: there may be more.
        var isBufferFull = false
        /// Whether there is a request in the input that was not looked at in its turn.
        var hasMore = false

        mutating func next(into request: inout LookupRequest) -> LookupStep {
            let input = self.input
            return dialogue.next(input.span, from: &position, into: &request, output: &output)
        }

        mutating func reply(_ reply: borrowing LookupReply) { dialogue.reply(reply, to: &output) }

        mutating func sayFarewell() { dialogue.farewell(isAsking: position < input.count, to: &output) }
    }

    let descriptor: Int32
    let number: UInt64
    let listener: Int
    let queue: WorkQueue
    /// In memory of their own, which lives as long as this object: they change at every request, and as properties of the
    /// object each change would be checked for another at the same time, for a sixth of what an answer costs.
    private let memory: UnsafeMutablePointer<Buffers>
    private var last = Phase.silent
    /// What it waits for, and since when (`MonotonicTime`).
    let phase = Atomic(Phase.silent)
    let since: Atomic<UInt64>
    /// Whose it is: nobody's (0), a worker's (1), or a worker's that is to look at it once more before it is nobody's (2).
    private let holders = Atomic(0)
    /// Whether it was closed; whoever has it knows.
    var isEnded = false
    /// Whether room to write is waited for, and input is not.
    var awaitsRoom = false
    /// Set by the supervisor: what came is answered, and the connection ended, when a worker next has it.
    let isDue = Atomic(false)
    /// Whether the supervisor has shut it down, so that some worker is told of it.
    let isShutDown = Atomic(false)

    /// So many bytes of answers are made before they are sent, and so many requests are answered in one turn.
    private static let outputLimit = 64 << 10, requestLimit = 64

    private var buffers: Buffers {
        _read { yield unsafe memory.pointee }
        _modify { yield unsafe &memory.pointee }
    }

    init(_ descriptor: Int32, number: UInt64, listener: Int, queue: WorkQueue, _ dialogue: any LookupDialogue) {
        self.descriptor = descriptor
        self.number = number
        self.listener = listener
        self.queue = queue
        unsafe memory = .allocate(capacity: 1)
        unsafe memory.initialize(to: Buffers(dialogue: dialogue))
        since = Atomic(MonotonicTime.coarse().nanoseconds)
    }

    deinit {
        unsafe memory.deinitialize(count: 1)
        unsafe memory.deallocate()
    }

    /// Reads what came, and answers it.
    ///
    /// - Parameters:
    ///   - buffer: the worker's, to read into.
    ///   - isHungUp: whether the client says nothing more than what has come.
    ///   - answer: answers a request; false where the worker was given up meanwhile.
    func turn(
        reading buffer: inout [UInt8], _ isHungUp: Bool, _ request: inout LookupRequest, _ reply: inout LookupReply,
        answer: (borrowing LookupRequest, inout LookupReply) -> Bool
    ) -> Next {
        phase.store(.working, ordering: .relaxed)
        guard send() else { return .ended }
        if buffers.sent < buffers.output.count { return awaits(.answering) }
        if buffers.hasMore {
            // What was read before comes first; what has come since is looked for after it.
            buffers.hasMore = false
            buffers.isBufferFull = true
        } else if !buffers.isClosing, !buffers.isInputClosed, !receive(&buffer, isHungUp) {
            return .ended
        }
        var count = 0
        while !buffers.isClosing {
            guard count < Self.requestLimit, buffers.output.count < Self.outputLimit else {
                buffers.hasMore = true
                break
            }
            let step = buffers.next(into: &request)
            guard step == .request else {
                buffers.isClosing = step == .close
                break
            }
            guard answer(request, &reply) else { return .lost }
            buffers.reply(reply)
            count += 1
        }
        guard send() else { return .ended }
        if buffers.sent < buffers.output.count { return awaits(.answering, isAnew: count > 0) }
        if buffers.isClosing { return .ended }
        if buffers.hasMore {
            phase.store(.working, ordering: .relaxed)
            return .hasMore
        }
        if buffers.isInputClosed || isDue.load(ordering: .relaxed) {
            buffers.sayFarewell()
            _ = send()
            return .ended
        }
        forget()
        return awaits(buffers.position < buffers.input.count ? .asking : .idle, isAnew: count > 0)
    }

    /// Answers the request that a worker hangs at; called while the worker stands still.
    func answer(_ reply: borrowing LookupReply) { buffers.reply(reply) }

    /// - Parameter isAnew: whether something else is waited for than before, although of the same kind.
    private func awaits(_ next: Phase, isAnew: Bool = false) -> Next {
        // A request that comes in pieces has the time of one, and answers that leave in pieces as well.
        if isAnew || next != last { since.store(MonotonicTime.coarse().nanoseconds, ordering: .relaxed) }
        last = next
        phase.store(next, ordering: .releasing)
        if next == .answering { return .awaitsRoom }
        return buffers.isBufferFull ? .awaitsTurn : .awaitsInput
    }

    /// Takes the connection for a worker.
    ///
    /// - Returns: false where another worker has it, which looks at it once more then.
    func take() -> Bool {
        while true {
            let present = holders.load(ordering: .relaxed)
            let (isTaken, _) = holders.compareExchange(
                expected: present, desired: present == 0 ? 1 : 2, ordering: .acquiringAndReleasing)
            if isTaken { return present == 0 }
        }
    }

    /// Gives the connection back.
    ///
    /// - Returns: false where something happened meanwhile: it is the worker's still, for another turn.
    func giveBack() -> Bool {
        if holders.compareExchange(expected: 1, desired: 0, ordering: .acquiringAndReleasing).exchanged { return true }
        holders.store(1, ordering: .relaxed)
        return false
    }

    /// Forgets what was answered, and gives back memory that was needed once.
    private func forget() {
        forgetInput()
        if buffers.output.capacity > 4 << 10 { buffers.output = [] }
    }

    private func forgetInput() {
        if buffers.position == buffers.input.count {
            buffers.input.removeAll(keepingCapacity: buffers.input.capacity <= 4 << 10)
        } else if buffers.position > 0 {
            buffers.input.removeFirst(buffers.position)
        }
        buffers.position = 0
    }

    /// Reads once.
    ///
    /// - Returns: false where the connection is broken.
    private func receive(_ buffer: inout [UInt8], _ isHungUp: Bool) -> Bool {
        let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        // The end of what a client says is told of once, perhaps together with the last that it said.
        buffers.isBufferFull = count == buffer.count || isHungUp && count > 0
        if count > 0 {
            // A client that takes its answers late would have what it asked kept from turn to turn.
            if buffers.position > 0 { forgetInput() }
            buffers.input.append(contentsOf: buffer[..<count])
        } else if count == 0 {
            buffers.isInputClosed = true
        } else {
            buffers.isBufferFull = errno == EINTR
            return errno == EAGAIN || errno == EINTR
        }
        return true
    }

    /// Sends what there is room for.
    ///
    /// - Returns: false where the connection is broken.
    private func send() -> Bool {
        while buffers.sent < buffers.output.count {
            let (output, sent) = (buffers.output, buffers.sent)
            let count = unsafe output.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    descriptor, bytes.baseAddress.map { unsafe $0 + sent }, bytes.count - sent,
                    Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            buffers.sent += count
        }
        buffers.output.removeAll(keepingCapacity: true)
        buffers.sent = 0
        return true
    }
}
