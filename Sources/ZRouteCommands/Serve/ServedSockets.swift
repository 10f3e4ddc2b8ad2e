// The sockets of `serve`: all of them, or none.

import Glibc
import LookupProtocols
import Serve
import Service
import System

/// Sockets that listen, and what is spoken at each.
struct ServedSockets {
    /// Those of lookups.
    private(set) var lookups: [LookupListener] = []
    /// Those of the LMTP front.
    private(set) var front: [ListeningSocket] = []

    /// Listens; says on standard output where.
    init(_ listeners: [ListenOption], _ permissions: SocketPermissions) throws(FileError) {
        var made: [(option: ListenOption, sockets: [ListeningSocket])] = []
        do throws(FileError) {
            var handedOver = try HandedOverSockets()
            for option in listeners {
                made.append(
                    (option, try ListeningSocket.listen(at: option.endpoint, &handedOver, permissions: permissions)))
            }
            try handedOver.refuseUnused()
        } catch {
            for (_, sockets) in made { for socket in sockets { socket.abandon() } }
            throw error
        }
        for (option, sockets) in made {
            switch option.spoken {
            case .front: front += sockets
            case .lookups(let served, let map):
                let name = Array((map ?? "").utf8)
                lookups += sockets.map { socket in
                    LookupListener(socket, protocolName: option.name) { served.makeDialogue(name) }
                }
            }
        }
        tellOfSockets(made.flatMap(\.sockets))
    }

    /// How much the server of lookups takes upon itself, beside the front.
    static func limits(workers: Int) -> LookupServerLimits {
        var limits = LookupServerLimits(workers: workers)
        limits.connections = min(limits.connections, max(16, descriptorLimit / 2))
        return limits
    }

    /// How many descriptors this process may have.
    private static var descriptorLimit: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }
}
