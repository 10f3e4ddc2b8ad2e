// One worker's connection to a server: kept as long as both sides are in step, and made anew once where the server had closed it
// meanwhile.

import LookupProtocols
import Maps
import System

/// The connection of one worker to one server; its tables share it.
final class SocketmapConnection {
    /// What is told of a failed question.
    struct Failure: Error {
        /// The cause.
        let text: String
        /// Whether there was no answer in time.
        var isLate = false
    }

    let place: SocketmapServer.Place
    private var time: LookupTime
    private var stream: StreamConnection?
    /// Goes up with each new connection: behind it there may be another server.
    private(set) var generation = 0
    private var buffer = [UInt8](repeating: 0, count: SocketmapClient.piece)

    /// Connects to nothing yet.
    ///
    /// - Parameter deadline: after so long a worker is given up.
    init(_ place: SocketmapServer.Place, deadline: Duration?) {
        self.place = place
        time = LookupTime(deadline: deadline)
    }

    /// A lookup begins.
    ///
    /// - Returns: when it has to end.
    func begin() throws(Failure) -> UInt64 {
        do throws(ResourceFailure) {
            return try time.begin()
        } catch {
            throw Failure(text: error.text)
        }
    }

    /// Asks for a key.
    func ask(_ map: String, _ key: Span<UInt8>, until end: UInt64) throws(Failure) -> [UInt8]? {
        guard let request = SocketmapClient.request(map: map, key: key) else {
            throw Failure(text: "a key that is too long for the protocol, or has a NUL")
        }
        // What came without being asked for would be taken for the answer.
        if let isIdle = stream?.isIdle, !isIdle { stream = nil }
        let isKept = stream != nil
        do throws(Failure) {
            switch try exchange(request, until: end, mayRepeat: true) {
            case .found(let value): return value
            case .absent: return nil
            case .failed(let reason): throw Failure(text: reason)
            case .broken(let reason): throw Failure(text: "\(reason)\(isKept ? "" : ", over a new connection")")
            }
        } catch {
            if error.isLate { time.noteExhaustion() }
            throw error
        }
    }

    /// Forgets the connection.
    func close() { stream = nil }

    private func exchange(
        _ request: [UInt8], until end: UInt64, mayRepeat: Bool
    ) throws(Failure) -> SocketmapClient.Answer {
        if stream == nil { try connect(until: end) }
        var client = SocketmapClient()
        do throws(StreamConnection.Failure) {
            guard let answer = try talk(request, &client, until: end) else { return .broken("not connected") }
            if case .broken = answer { stream = nil }
            return answer
        } catch {
            stream = nil
            switch error {
            case .late: throw Failure(text: "no answer within \(time.description)", isLate: true)
            case .closed where !client.hasBegun && mayRepeat:
                return try exchange(request, until: end, mayRepeat: false)
            case .closed: return client.isCutShort
            case .system(let reason), .unresolved(let reason): throw Failure(text: "the connection failed: \(reason)")
            }
        }
    }

    private func talk(
        _ request: [UInt8], _ client: inout SocketmapClient, until end: UInt64
    ) throws(StreamConnection.Failure) -> SocketmapClient.Answer? {
        try stream?.send(request, until: end)
        while true {
            guard let count = try stream?.receive(into: &buffer, until: end) else { return nil }
            if let answer = client.take(buffer.span.extracting(0..<count)) { return answer }
        }
    }

    private func connect(until end: UInt64) throws(Failure) {
        do throws(StreamConnection.Failure) {
            stream =
                switch place {
                case .path(let path): try StreamConnection(path: path, until: end)
                case .host(let host, let port): try StreamConnection(host: host, port: port, until: end)
                }
        } catch {
            switch error {
            case .late: throw Failure(text: "no connection within \(time.description)", isLate: true)
            case .closed: throw Failure(text: "the connection was closed at once")
            case .system(let reason):
                throw Failure(text: "cannot connect: \(reason); start the server, or correct its address")
            case .unresolved(let reason): throw Failure(text: "the host's addresses are not known: \(reason)")
            }
        }
        generation += 1
    }
}
