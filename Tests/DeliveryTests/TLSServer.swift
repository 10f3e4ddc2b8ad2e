// An LMTP server over TCP with STARTTLS and AUTH, for certificates and secrets.

import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A listening server that takes every message.
final class TLSServer: Sendable {
    struct Record: Sendable {
        var lines: [String] = []
        var encryptedMessages = 0
        var plainMessages = 0
    }

    let record = Mutex(Record())
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel
    let port: Int

    /// - Parameters:
    ///   - context: what TLS is spoken with; nil for none.
    ///   - keywords: what is announced besides STARTTLS.
    init(_ context: NIOSSLContext?, keywords: [String] = []) throws {
        let relay = Relay()
        channel = try ServerBootstrap(group: group).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    TLSServerHandler(context: context, keywords: keywords) { change in relay.change(change) })
            }
        }.bind(host: "127.0.0.1", port: 0).wait()
        port = channel.localAddress?.port ?? 0
        relay.server.withLock { $0 = self }
    }

    private final class Relay: Sendable {
        let server = Mutex<TLSServer?>(nil)
        func change(_ change: (inout Record) -> Void) { server.withLock { $0?.record.withLock { change(&$0) } } }
    }

    func stop() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }
}

private final class TLSServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let context: NIOSSLContext?
    private let keywords: [String]
    private let note: ((inout TLSServer.Record) -> Void) -> Void
    private var input = ""
    private var isEncrypted = false
    private var isMessage = false
    private var challenges = 0

    init(
        context: NIOSSLContext?, keywords: [String], note: @escaping ((inout TLSServer.Record) -> Void) -> Void
    ) {
        self.context = context
        self.keywords = keywords
        self.note = note
    }

    func channelActive(context: ChannelHandlerContext) { say("220 ready", context) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func say(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: text + "\r\n")), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input += String(buffer: unwrapInboundIn(data))
        while let end = input.firstIndex(where: { $0 == "\r\n" }) {
            let line = String(input[..<end])
            input = String(input[input.index(after: end)...])
            take(line, context)
        }
    }

    private func take(_ line: String, _ context: ChannelHandlerContext) {
        note { $0.lines.append(line) }
        if isMessage {
            guard line == "." else { return }
            isMessage = false
            let encrypted = isEncrypted
            note { record in
                if encrypted { record.encryptedMessages += 1 } else { record.plainMessages += 1 }
            }
            return say("250 2.1.5 delivered", context)
        }
        if challenges > 0 {
            challenges -= 1
            return say(challenges > 0 ? "334 UGFzc3dvcmQ6" : "235 2.7.0 ok", context)
        }
        switch line.prefix(4).uppercased() {
        case "LHLO":
            let all = keywords + (self.context != nil && !isEncrypted ? ["STARTTLS"] : [])
            say((["250-me"] + all.map { "250-\($0)" } + ["250 8BITMIME"]).joined(separator: "\r\n"), context)
        case "STAR":
            say("220 go", context)
            guard let tls = self.context else { return }
            isEncrypted = true
            try? context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
        case "AUTH":
            challenges = line.contains("LOGIN") ? 2 : line.contains("CRAM") ? 1 : 0
            say(challenges == 0 ? "235 2.7.0 ok" : challenges == 2 ? "334 VXNlcm5hbWU6" : "334 PDFAYj4=", context)
        case "DATA":
            isMessage = true
            say("354 go", context)
        case "QUIT": say("221 bye", context)
        default: say("250 ok", context)
        }
    }
}
