// The short way through a connection: what its socket takes or has at once need not pass through the channel.

import Glibc
package import NIOCore

/// The socket of a channel whose bytes come and go as they are, for use while the channel has nothing unsent itself.
///
/// Only what goes well is done here. What the socket does not take, its end, and every error are left to the channel,
/// which comes upon the same and deals with it. It runs on the channel's event loop.
struct DirectSocket {
    private let channel: any Channel
    private let descriptor: CInt

    /// The socket of a channel; nil where the channel has none.
    init?(_ context: ChannelHandlerContext) {
        let operations = context.pipeline.syncOperations
        guard
            let descriptor = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self, { $0 })
        else { return nil }
        channel = context.channel
        self.descriptor = descriptor
    }

    /// Whether the descriptor is still the socket's.
    ///
    /// It is while the channel is active, which closes the one and ends the other in one step, on this thread. Otherwise
    /// the number may be another file's by now.
    private var isUsable: Bool { channel.isActive }

    /// Reads what has come, as much as there is room for, and gives its length; 0 also where the channel has to look.
    func receive(into buffer: inout [UInt8]) -> Int {
        guard isUsable else { return 0 }
        // The pointer is used only within the closure; what is written lies within the buffer's count.
        let received = unsafe buffer.withUnsafeMutableBytes { buffer in
            unsafe recv(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
        }
        return max(received, 0)
    }

    /// Whether something has come that was not read: bytes, the peer's end, or an error.
    var hasInput: Bool {
        guard isUsable else { return false }
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, CInt(MSG_DONTWAIT) | CInt(MSG_PEEK))
        return count >= 0 || (errno != EAGAIN && errno != EINTR)
    }

    /// Sends what the socket takes of some bytes, and gives their number.
    func send(_ bytes: borrowing Span<UInt8>) -> Int {
        guard isUsable else { return 0 }
        // The pointer is used only within the closure, while the span is borrowed.
        let sent = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.send(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
        }
        return max(sent, 0)
    }
}

// Sending over a channel by the short way where it is open.

/// Sends bytes over a channel: at once what its socket takes, the rest by way of the channel.
///
/// It is used on the channel's event loop alone.
package final class ChannelSender {
    private let context: ChannelHandlerContext
    private var socket: DirectSocket?
    /// How often the channel was given something that it has not sent yet.
    private var queuedCount = 0
    /// Room for so many bytes is kept.
    private static let keptCapacity = 128 << 10

    /// A sender for a channel that is active.
    package init(_ context: ChannelHandlerContext) {
        self.context = context
        socket = DirectSocket(context)
    }

    /// From now on bytes pass the other handlers of the channel, as TLS needs it.
    package func closeShortWay() { socket = nil }

    /// Sends bytes, and empties their array, which must be nobody else's meanwhile: where the write fails the channel closes
    /// at once, and its handlers are told before this returns.
    package func send(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        // Nothing may overtake what the channel has: until that is sent, everything goes this way.
        let sent = queuedCount == 0 ? socket?.send(bytes.span) ?? 0 : 0
        if sent < bytes.count { queue(bytes[sent...]) }
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
    }

    /// Whether the channel has some of what was given, and has not sent it.
    package var hasUnsent: Bool { queuedCount > 0 }

    /// Does something once all that was given is sent; not where the connection breaks before.
    package func whenSent(_ done: @escaping () -> Void) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { done() }
        context.writeAndFlush(NIOAny(context.channel.allocator.buffer(capacity: 0)), promise: promise)
    }

    private func queue(_ bytes: ArraySlice<UInt8>) {
        var buffer = context.channel.allocator.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        guard socket != nil else { return context.writeAndFlush(NIOAny(buffer), promise: nil) }
        queuedCount += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.queuedCount -= 1 }
        context.writeAndFlush(NIOAny(buffer), promise: promise)
    }
}

// What handlers that send so have in common.

/// A handler that sends by a `ChannelSender`.
package protocol SendingHandler: ChannelInboundHandler {
    /// The channel's, as long as the handler is in it.
    var context: ChannelHandlerContext? { get set }
    /// Made by `begin`.
    var sender: ChannelSender? { get set }
    /// What is to be sent.
    var output: [UInt8] { get set }
    /// The channel is active.
    func begin()
}

extension SendingHandler {
    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        sender = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    /// Sends the output.
    package func sendOutput() {
        // A write that fails closes the connection at once, and its end has something to send as well.
        var bytes: [UInt8] = []
        swap(&bytes, &output)
        sender?.send(&bytes)
        if output.isEmpty { swap(&bytes, &output) }
    }
}

// Whether to look for an answer as soon as a question is sent, before the event loop tells of one.
//
// A server on the same machine has often answered by then: on a busy processor it runs at once when it is written to.
// The look then saves waiting for the event loop, half of what a message costs there. Where it finds nothing it is a
// system call for nothing, so it is left out the longer the more often that happens.

/// When to look for answers early.
struct EagerReading {
    /// How many answers in a row are taken before the other connections have their turn.
    static let limit = 16
    private static let longestPause = 1023

    private var pause = 0
    private var pauseLeft = 0

    /// Whether to look this time.
    mutating func isDue() -> Bool {
        guard pauseLeft > 0 else { return true }
        pauseLeft -= 1
        return false
    }

    /// Notes what a look has found.
    mutating func note(foundAnswer: Bool) {
        pause = foundAnswer ? 0 : min(pause * 2 + 1, Self.longestPause)
        pauseLeft = pause
    }
}
