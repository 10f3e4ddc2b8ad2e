// Sockets that a service listens at: made here, or handed over.

package import Glibc
package import System

/// A socket that listens.
///
/// Whoever serves it closes the descriptor; the file of a socket in the file system is removed by `removeFile`.
package struct ListeningSocket: Sendable {
    /// The descriptor; it does not wait, and is closed by exec.
    package let descriptor: Int32
    /// Where it listens, in messages: `/path`, `127.0.0.1:2424`.
    package let name: String
    /// The port; nil for a socket in the file system.
    package let port: Int?
    /// The file that was made for it; nil where there is none, or it is another's.
    private let file: (path: String, identity: FileIdentity)?

    init(descriptor: Int32, name: String, port: Int?, file: (path: String, identity: FileIdentity)? = nil) {
        self.descriptor = descriptor
        self.name = name
        self.port = port
        self.file = file
    }

    /// Removes the socket's file, if it is still the one that was made.
    package func removeFile() {
        guard let file, let present = try? FileIdentity(linkAt: file.path), present.isSameFile(as: file.identity)
        else { return }
        unsafe unlink(file.path)
    }

    /// How many connections may wait to be accepted; the system has a limit of its own below which it stays.
    package static let backlog: Int32 = 4096

    /// Listens at an endpoint.
    ///
    /// A socket that the service manager has handed over for the same address is taken, and none made.
    ///
    /// - Parameters:
    ///   - handedOver: the sockets that were handed over; those that are used are taken out.
    ///   - permissions: of the file of a socket in the file system that is made here.
    /// - Returns: one socket or more: a name may have several addresses.
    /// - Throws: `FileError` with the endpoint, the cause and the remedy.
    package static func listen(
        at endpoint: ListeningEndpoint, _ handedOver: inout HandedOverSockets,
        permissions: SocketPermissions = SocketPermissions()
    ) throws(FileError) -> [ListeningSocket] {
        switch endpoint {
        case .handedOver(let name): try handedOver.take(named: name)
        case .unix(let path): [try SocketFile(path: path, permissions).listen(&handedOver)]
        case .tcp(let host, let port): try InternetSockets(endpoint, host, port).listen(&handedOver)
        }
    }

    /// Listens at several endpoints, or at none of them where one fails.
    ///
    /// - Throws: `FileError`, also where a socket that was handed over is none of theirs.
    package static func listen(
        at endpoints: [ListeningEndpoint], permissions: SocketPermissions = SocketPermissions()
    ) throws(FileError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        do throws(FileError) {
            var handedOver = try HandedOverSockets()
            for endpoint in endpoints { sockets += try listen(at: endpoint, &handedOver, permissions: permissions) }
            try handedOver.refuseUnused()
        } catch {
            for socket in sockets { socket.abandon() }
            throw error
        }
        return sockets
    }

    /// Begins to serve each of some sockets, or none of them where one fails.
    ///
    /// - Parameters:
    ///   - begin: begins to serve a descriptor, which it closes where it throws.
    ///   - end: ends what was begun, and closes its descriptor.
    /// - Throws: `FileError` with the socket and the reason.
    package static func serve<Server>(
        _ sockets: [ListeningSocket], begin: (Int32) throws -> Server, end: (Server) -> Void
    ) throws(FileError) -> [Server] {
        var servers: [Server] = []
        for (index, socket) in sockets.enumerated() {
            do {
                servers.append(try begin(socket.descriptor))
            } catch {
                for socket in sockets { socket.removeFile() }
                for server in servers { end(server) }
                for socket in sockets[index...].dropFirst() { socket.abandon() }
                throw failure(socket.name, "\(error)")
            }
        }
        return servers
    }

    /// Closes the socket, and removes its file.
    package func abandon() {
        removeFile()
        close(descriptor)
    }

    /// An error about an endpoint.
    static func failure(_ endpoint: String, _ reason: String) -> FileError {
        FileError(operation: "listen", path: endpoint, reason: reason)
    }

    /// An error of the system about an endpoint.
    static func failure(_ endpoint: String, code: Int32, _ remedy: String?) -> FileError {
        guard let remedy else { return FileError(operation: "listen", path: endpoint, code: code) }
        return FileError(operation: "listen", path: endpoint, code: code, remedy: remedy)
    }
}

/// Who may connect to a socket in the file system: whoever may write to it.
package struct SocketPermissions: Sendable, Hashable {
    /// The mode of the file; nil for what the umask leaves.
    package var mode: mode_t?
    /// The group of the file, by name or number; nil for this process's.
    package var group: String?

    /// Permissions as the umask has them, unless said otherwise.
    package init(mode: mode_t? = nil, group: String? = nil) {
        self.mode = mode
        self.group = group
    }

    /// The number of the group; nil where none is named.
    ///
    /// - Throws: `FileError` where there is no such group.
    func groupNumber(for path: String) throws(FileError) -> gid_t? {
        guard let group else { return nil }
        if let number = gid_t(group) { return number }
        var entry = unsafe Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 64 << 10)
        let code = unsafe getgrnam_r(group, &entry, &buffer, buffer.count, &found)
        guard unsafe found != nil else {
            throw ListeningSocket.failure(
                path, code: code == 0 ? EINVAL : code,
                code == 0
                    ? "there is no group '\(group)': make it, or name another"
                    : "the group '\(group)' cannot be looked up: name it by its number")
        }
        return unsafe entry.gr_gid
    }
}
