// One stream socket of a loop: what comes is handed on, what is to be sent is kept until there is room.

import Glibc
import System

/// Has a socket, and is told what happens with it; used on its loop alone.
protocol SocketOwner: AnyObject {
    /// Whether more is to be read.
    var wantsInput: Bool { get }
    /// Bytes have come.
    func received(_ bytes: borrowing Span<UInt8>)
    /// The peer says nothing more; it may listen still.
    func inputEnded()
    /// The connection is gone; nothing more is told.
    func lost(_ reason: String)
    /// Something is kept that the socket does not take, or nothing is any more.
    func setFull(_ isFull: Bool)
}

/// A connected socket, closed by `close` or once it is lost.
final class LoopSocket: SocketHandler {
    private let loop: SocketLoop
    private let descriptor: Int32
    private var number: UInt64?
    /// Let go with the socket.
    private var owner: (any SocketOwner)?
    /// What waits for room, from `sentCount` on.
    private var unsent: [UInt8] = []
    private var sentCount = 0
    /// Whether something may be there to be read that is not told of again.
    private var hasInput = false
    private var isInputEnded = false
    /// Why it is lost, once that is known.
    private var failure: String?

    /// Takes a connected socket.
    ///
    /// - Parameter known: its number, where the loop has it already.
    /// - Returns: nil where the loop does not take it, which closes it.
    init?(_ loop: SocketLoop, _ descriptor: Int32, known: UInt64? = nil, owner: any SocketOwner) {
        self.loop = loop
        self.descriptor = descriptor
        self.owner = owner
        if let known {
            number = known
            loop.hand(known, to: self)
            loop.arm(descriptor, number: known, .input)
            return
        }
        number = loop.add(descriptor, .input, self)
        guard number != nil else {
            Glibc.close(descriptor)
            return nil
        }
    }

    // MARK: Wishes

    /// Whether something waits for room.
    var hasUnsent: Bool { sentCount < unsent.count }

    /// Sends bytes, and empties their array.
    func send(_ bytes: inout [UInt8]) {
        defer { bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity) }
        guard number != nil, failure == nil, !bytes.isEmpty else { return }
        guard !hasUnsent else { return unsent += bytes }
        let sent = write(bytes, from: 0)
        guard failure == nil, sent < bytes.count else { return }
        unsent = Array(bytes[sent...])
        sentCount = 0
        awaitRoom(true)
    }

    /// Reads on where reading has waited for the owner.
    func resumeReading() {
        guard hasInput, number != nil, owner?.wantsInput == true else { return }
        hasInput = false
        loop.readAgain(self)
    }

    /// Closes it at once; nothing more is told.
    func close() {
        owner = nil
        guard let number else { return }
        self.number = nil
        loop.remove(number)
        Glibc.close(descriptor)
    }

    private static let keptCapacity = 128 << 10

    // MARK: Events

    func ready(_ readiness: Poller.Readiness, reading buffer: inout [UInt8]) {
        guard number != nil else { return }
        if readiness.contains(.output), hasUnsent { sendRest() }
        if readiness.contains(.gone) { return drain(&buffer) }
        if readiness.contains(.input) { read(&buffer, isLast: readiness.contains(.inputEnd)) }
    }

    func loopEnds() { lose("the program ends") }

    /// Reads once; there may be more where the buffer was filled, or the end is known to be behind what came.
    private func read(_ buffer: inout [UInt8], isLast: Bool) {
        guard !isInputEnded, let owner else { return }
        guard owner.wantsInput else { return hasInput = true }
        let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            owner.received(buffer.span.extracting(0..<count))
            if count == buffer.count || isLast, number != nil {
                hasInput = true
                resumeReading()
            }
        } else if count == 0 {
            isInputEnded = true
            owner.inputEnded()
        } else if errno == EINTR {
            loop.readAgain(self)
        } else if errno != EAGAIN {
            lose(FileError(operation: "", path: "", code: errno).reason)
        }
    }

    /// Hands on what has come before the peer went, as long as that is wanted, and tells that it is gone.
    private func drain(_ buffer: inout [UInt8]) {
        while number != nil, failure == nil, !isInputEnded, owner?.wantsInput == true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                owner?.received(buffer.span.extracting(0..<count))
            } else if count == 0 || errno != EINTR {
                break
            }
        }
        lose("the connection was closed")
    }

    private func lose(_ reason: String) {
        let owner = self.owner
        close()
        owner?.lost(failure ?? reason)
    }

    // MARK: Sending

    private func sendRest() {
        sentCount += write(unsent, from: sentCount)
        guard failure == nil, !hasUnsent else { return }
        unsent = []
        sentCount = 0
        awaitRoom(false)
    }

    private func awaitRoom(_ isAwaited: Bool) {
        if let number { loop.arm(descriptor, number: number, isAwaited ? .inputAndOutput : .input) }
        owner?.setFull(isAwaited)
    }

    /// Gives what the socket takes of some bytes from a place on; an error is told of later.
    private func write(_ bytes: [UInt8], from start: Int) -> Int {
        var done = start
        while done < bytes.count {
            // The pointer is used only within the closure; what is sent lies within the array.
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
                    Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            }
            if sent > 0 {
                done += sent
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                let reason = FileError(operation: "", path: "", code: errno).reason
                failure = reason
                // Whoever sends is in the middle of something.
                loop.afterwards { self.lose(reason) }
                break
            }
        }
        return done - start
    }
}
