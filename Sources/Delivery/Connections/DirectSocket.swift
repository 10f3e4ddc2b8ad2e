// The short way out of a connection: what its socket takes at once need not pass through the channel's queue.

import Glibc
import NIOCore

/// The socket of a channel whose bytes go out as they are, for sending while the channel has nothing unsent itself.
///
/// Only what goes well is done here. What the socket does not take, and every error, is left to the channel, which comes
/// upon the same and deals with it. It runs on the channel's event loop.
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

    /// Sends what the socket takes of some bytes, and gives their number.
    func send(_ bytes: borrowing Span<UInt8>) -> Int {
        // The descriptor is the channel's while it is active: it closes the one and ends the other in one step, on this
        // thread. Otherwise the number may be another file's by now.
        guard channel.isActive else { return 0 }
        // The pointer is used only within the closure, while the span is borrowed.
        let sent = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.send(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
        }
        return max(sent, 0)
    }
}
