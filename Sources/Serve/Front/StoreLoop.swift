// Connections to stores on a front's loop: sockets of its own where the server has an address and no TLS, channels of SwiftNIO, which
// run on a thread of their own, for all others.

import Delivery
import Glibc
import LMTP
import NIOCore
import NIOPosix
import Synchronization
import System

/// A front's loop as the pool of its connections to stores needs it.
final class StoreLoop: RelayLoop {
    private let loop: SocketLoop

    init(_ loop: SocketLoop) { self.loop = loop }

    func schedule(after time: TimeAmount, _ body: @escaping () -> Void) { loop.schedule(after: time, body) }

    func connect(
        _ end: any RelayEnd, to destination: Destination, patience: TimeAmount,
        again: @escaping (_ isBusy: Bool) -> TimeAmount?
    ) {
        guard case .never = destination.options.tls, let address = Self.address(of: destination.endpoint) else {
            return RemoteStore(loop, end).connect(to: destination, patience: patience)
        }
        let socket = StoreSocket(loop, end, address, destination.endpoint)
        socket.connect(patience: patience, again: again)
    }

    /// The address of a server that needs no name to be looked up.
    private static func address(of endpoint: Endpoint) -> SocketEndpoint? {
        switch endpoint {
        case .unix(let path): SocketEndpoint(path: Array(path.utf8))
        case .tcp(let host, let port):
            // The pointer is used only within the closure, which copies the address.
            unsafe try? SocketAddress(ipAddress: host, port: port).withSockAddr { address, length in
                unsafe SocketEndpoint(address, length: socklen_t(length))
            }
        }
    }
}

/// A connection to a store over a socket of the loop.
private final class StoreSocket: RelayTransport, SocketOwner, SocketHandler {
    private let loop: SocketLoop
    private let address: SocketEndpoint
    private let endpoint: Endpoint
    /// Let go with the connection.
    private var end: (any RelayEnd)?
    private var socket: LoopSocket?
    /// While the connection is being made.
    private var attempt: (descriptor: Int32, number: UInt64)?
    private var failed: ((_ reason: String, _ isBusy: Bool) -> Void)?

    init(_ loop: SocketLoop, _ end: any RelayEnd, _ address: SocketEndpoint, _ endpoint: Endpoint) {
        self.loop = loop
        self.end = end
        self.address = address
        self.endpoint = endpoint
    }

    // MARK: Connecting

    func connect(patience: TimeAmount, again: @escaping (_ isBusy: Bool) -> TimeAmount?) {
        failed = { reason, isBusy in
            guard let pause = again(isBusy) else { return self.giveUp(reason) }
            self.loop.schedule(after: pause) { self.connect(patience: patience, again: again) }
        }
        let descriptor = makeStreamSocket(address.family)
        guard descriptor >= 0 else { return fail(errno) }
        if address.port != nil {
            var isOn: Int32 = 1
            // Fails for nothing that was just made; without it commands are only later.
            _ = unsafe setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
        }
        let code = address.connect(descriptor)
        if code == 0 {
            // What is told leads to the one who asks for the connection, who is not done yet.
            return loop.afterwards { self.open(descriptor, known: nil) }
        }
        let isUnderWay = code == EINPROGRESS || code == EINTR
        guard isUnderWay, let number = loop.add(descriptor, .output, self) else {
            let reason = isUnderWay ? errno : code
            Glibc.close(descriptor)
            return fail(reason)
        }
        attempt = (descriptor, number)
        loop.schedule(after: patience) { [weak self] in
            guard let self, attempt?.number == number else { return }
            endAttempt()
            report("no answer within \(patience.nanoseconds / 1_000_000_000) s", isBusy: false)
        }
    }

    /// The socket takes something, or has failed.
    func ready(_ readiness: Poller.Readiness, reading buffer: inout [UInt8]) {
        guard let (descriptor, number) = attempt else { return }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        if unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) != 0 { code = errno }
        guard code == 0 else {
            endAttempt()
            return fail(code)
        }
        attempt = nil
        open(descriptor, known: number)
    }

    func loopEnds() {
        endAttempt()
        failed = nil
        end.take()?.connectionFailed("the program ends")
    }

    private func endAttempt() {
        guard let (descriptor, number) = attempt.take() else { return }
        loop.remove(number)
        Glibc.close(descriptor)
    }

    private func fail(_ code: Int32) {
        report(FileError(operation: "", path: "", code: code).reason, isBusy: code == EAGAIN)
    }

    private func report(_ reason: String, isBusy: Bool) {
        loop.afterwards { self.failed.take()?(reason, isBusy) }
    }

    private func giveUp(_ reason: String) { end.take()?.connectionFailed("\(endpoint): \(reason)") }

    private func open(_ descriptor: Int32, known: UInt64?) {
        failed = nil
        socket = LoopSocket(loop, descriptor, known: known, owner: self)
        if socket == nil { giveUp(FileError(operation: "", path: "", code: errno).reason) } else { end?.opened(self) }
    }

    // MARK: The transport

    func send(_ bytes: inout [UInt8]) {
        if let socket { socket.send(&bytes) } else { bytes.removeAll() }
    }

    /// Never asked for here.
    func startTLS() { end?.tlsFailed("this connection has no TLS") }

    func close() {
        end = nil
        socket?.close()
        socket = nil
    }

    // MARK: The socket

    var wantsInput: Bool { true }
    func received(_ bytes: borrowing Span<UInt8>) { end?.received(bytes) }

    func inputEnded() {
        let end = self.end
        close()
        end?.lost("the store closed the connection")
    }

    func lost(_ reason: String) {
        socket = nil
        end.take()?.lost("the store closed the connection")
    }

    func setFull(_ isFull: Bool) { end?.setFull(isFull) }
}

// A connection over a channel of SwiftNIO: each thing that is wished or told goes to the other thread.

/// The loop's side of such a connection.
private final class RemoteStore: RelayTransport {
    private let loop: SocketLoop
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private var end: (any RelayEnd)?
    private var channel: LoopBound<any RelayTransport>?

    init(_ loop: SocketLoop, _ end: any RelayEnd) {
        self.loop = loop
        self.end = end
    }

    func connect(to destination: Destination, patience: TimeAmount) {
        let remote = LoopBound(RemoteEnd(loop, LoopBound(self)))
        let eventLoop = eventLoop
        let end = NIODeadline.now() + patience
        eventLoop.execute {
            ChannelLoop(eventLoop).connect(remote.value, to: destination, patience: patience) { isBusy in
                isBusy && .now() + Self.busyPause < end ? Self.busyPause : nil
            }
        }
    }

    /// Between two attempts at a server that is busy.
    private static let busyPause = TimeAmount.milliseconds(50)

    /// What the other thread tells.
    func hear(_ tell: (any RelayEnd) -> Void) { if let end { tell(end) } }

    func opened(_ channel: LoopBound<any RelayTransport>) {
        self.channel = channel
        guard let end else { return close() }
        end.opened(self)
    }

    func send(_ bytes: inout [UInt8]) {
        guard let channel else { return bytes.removeAll() }
        let sent = bytes
        bytes = []
        eventLoop.execute {
            var sent = sent
            channel.value.send(&sent)
        }
    }

    func startTLS() {
        guard let channel else { return }
        eventLoop.execute { channel.value.startTLS() }
    }

    func close() {
        end = nil
        guard let channel else { return }
        eventLoop.execute { channel.value.close() }
    }
}

/// The event loop's side.
private final class RemoteEnd: RelayEnd {
    private let loop: SocketLoop
    private let store: LoopBound<RemoteStore>
    private var channel: (any RelayTransport)?
    /// Bytes that were read and not handed on yet: a server that says more than anybody can read is closed.
    private let underWay = UnderWay()
    private static let limit = 1 << 20

    private final class UnderWay: Sendable {
        let count = Atomic(0)
    }

    init(_ loop: SocketLoop, _ store: LoopBound<RemoteStore>) {
        self.loop = loop
        self.store = store
    }

    private func tell(_ body: @escaping @Sendable (any RelayEnd) -> Void) {
        let store = store
        loop.execute { store.value.hear(body) }
    }

    func opened(_ transport: any RelayTransport) {
        channel = transport
        let (store, channel) = (store, LoopBound(transport))
        loop.execute { store.value.opened(channel) }
    }

    func received(_ bytes: borrowing Span<UInt8>) {
        var copy: [UInt8] = []
        copy.reserveCapacity(bytes.count)
        for place in 0..<bytes.count { copy.append(bytes[place]) }
        let (read, underWay) = (copy, underWay)
        guard underWay.count.wrappingAdd(read.count, ordering: .relaxed).newValue <= Self.limit else {
            lost("the store says more than can be read")
            channel?.close()
            return
        }
        tell { end in
            underWay.count.wrappingSubtract(read.count, ordering: .relaxed)
            end.received(read.span)
        }
    }

    func connectionFailed(_ reason: String) { tell { $0.connectionFailed(reason) } }
    func lost(_ reason: String) { tell { $0.lost(reason) } }
    func tlsEstablished() { tell { $0.tlsEstablished() } }
    func tlsFailed(_ reason: String) { tell { $0.tlsFailed(reason) } }
    func setFull(_ isFull: Bool) { tell { $0.setFull(isFull) } }
}
