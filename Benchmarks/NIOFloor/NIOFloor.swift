// How fast is SwiftNIO by itself? One connection, one handler that counts replies and writes the same bytes each time:
// what a client on SwiftNIO can at most reach, beside what a client can at all (LMTP/floor.c).
//
// nio-floor SOCKET MESSAGES: prints the messages a second.

import Glibc
import NIOCore
import NIOPosix

/// Sends the end of one message and the envelope of the next in one write, five replies later the same again.
final class FloorHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let envelope = "MAIL FROM:<sender@example.org>\r\nRCPT TO:<recipient@example.net>\r\nDATA\r\n"

    private let greeted: EventLoopPromise<Void>
    private let opening: ByteBuffer
    private let message: ByteBuffer
    private var linesLeft = 1
    private var isGreeted = false
    private var messagesLeft: Int

    init(messages: Int, greeted: EventLoopPromise<Void>) {
        messagesLeft = messages
        self.greeted = greeted
        opening = ByteBuffer(string: "LHLO floor.example.org\r\n" + Self.envelope)
        let line = String(repeating: "x", count: 64) + "\r\n"
        message = ByteBuffer(string: String(repeating: line, count: 31) + ".\r\n" + Self.envelope)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        // A line that is not the last of its reply has a hyphen; none of the sink's lines has another in its place.
        for byte in buffer.readableBytesView where byte == 0x0A { linesLeft -= 1 }
        guard linesLeft <= 0 else { return }
        if !isGreeted {
            isGreeted = true
            greeted.succeed(())
            // The four lines of the reply to LHLO, and three for the envelope.
            linesLeft = 7
            return context.writeAndFlush(wrapOutboundOut(opening), promise: nil)
        }
        guard messagesLeft > 0 else { return context.close(promise: nil) }
        messagesLeft -= 1
        linesLeft = 4
        context.writeAndFlush(wrapOutboundOut(message), promise: nil)
    }
}

/// The program.
@main
struct NIOFloor {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let messages = Int(arguments[2]) else {
            print("usage: nio-floor SOCKET MESSAGES")
            exit(64)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let greeted = group.next().makePromise(of: Void.self)
        let channel = try ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FloorHandler(messages: messages, greeted: greeted))
                }
            }
            .connect(unixDomainSocketPath: arguments[1]).wait()
        try greeted.futureResult.wait()
        let clock = ContinuousClock()
        let began = clock.now
        try channel.closeFuture.wait()
        print(Int(Double(messages) / (began.duration(to: clock.now) / .seconds(1))))
        try group.syncShutdownGracefully()
    }
}
