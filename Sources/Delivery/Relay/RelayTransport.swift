// What carries the bytes between a connection and its store, and the loop that both are used on. The connection decides and knows no
// socket; the loop has sockets and decides nothing.

package import NIOCore

/// Carries the bytes of a connection to a store; used on its loop alone.
package protocol RelayTransport: AnyObject {
    /// Sends bytes, and empties their array; what is not taken at once is sent later.
    ///
    /// The connection may be told that it takes no more, or that it is lost, before this returns.
    func send(_ bytes: inout [UInt8])

    /// Begins TLS; the connection is told by `tlsEstablished` or `tlsFailed`.
    func startTLS()

    /// Closes at once; nothing more is told.
    func close()
}

/// The end of a transport that is told what happens; used on its loop alone.
package protocol RelayEnd: AnyObject {
    /// The connection is made.
    func opened(_ transport: any RelayTransport)
    /// The connection could not be made.
    func connectionFailed(_ reason: String)
    /// Bytes have come.
    func received(_ bytes: borrowing Span<UInt8>)
    /// The store has closed the connection, or it broke.
    func lost(_ reason: String)
    /// TLS is established, with a certificate that is accepted.
    func tlsEstablished()
    /// TLS is not established.
    func tlsFailed(_ reason: String)
    /// The transport takes no more of a message for a while, or takes more again.
    func setFull(_ isFull: Bool)
}

/// The thread that a pool lives on, as far as the pool needs it.
package protocol RelayLoop: AnyObject {
    /// Makes the connection of an end, which is told of it.
    ///
    /// - Parameters:
    ///   - patience: how long one attempt takes.
    ///   - again: decides after a failed attempt after which time there is another, if there is one; is told whether the server
    ///     is there and busy.
    func connect(
        _ end: any RelayEnd, to destination: Destination, patience: TimeAmount,
        again: @escaping (_ isBusy: Bool) -> TimeAmount?)

    /// Does something after a time.
    func schedule(after time: TimeAmount, _ body: @escaping () -> Void)
}
