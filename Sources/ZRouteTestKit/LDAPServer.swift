// A directory server of OpenLDAP, unprivileged, in a directory of its own: filled, started, stopped in the middle of everything, killed
// and started again.

import Foundation
import Glibc

/// A slapd with one tree, `dc=example,dc=org`.
package final class LDAPServer: @unchecked Sendable {
    // Whoever starts and kills it does so from one thread at a time.

    /// How a server is set up.
    package struct Setup: Sendable {
        /// Lines of slapd.conf before the database, such as schemas.
        package var global = ""
        /// Lines of the database: indices, rules of access, syncrepl.
        package var database = ""
        /// Whether it has a contextCSN, and others can copy from it.
        package var isProvider = true
        /// How many deletions a provider remembers for those who follow it.
        package var sessionLog = 10_000
        /// Further lines of the overlay that makes it a provider.
        package var providing = ""
        /// Whether it is reached by TCP, too; with TLS where certificates are named.
        package var port: UInt16?
        /// The port of ldaps.
        package var securePort: UInt16?
        /// The host that it runs on, where it is reached by TCP; nil for this machine's own network.
        package var host: NetworkHost?
        /// Its number among servers that copy from one another.
        package var number = 1

        /// A provider on a socket.
        package init() {}
    }

    /// The end of all its names.
    package static let suffix = "dc=example,dc=org"
    /// The user who may do everything, with the password `secret`.
    package static let administrator = "cn=admin,dc=example,dc=org"

    /// Where its files are.
    package let place: TemporaryDirectory
    /// How it is set up; in effect from the next start on.
    package var setup: Setup
    private var program: RunningProgram?

    /// Where all of them are unpacked.
    private static let root =
        String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()) + "/.build/servers"

    /// Fills a server and starts it.
    ///
    /// - Parameters:
    ///   - entries: in LDIF; the suffix is there already.
    ///   - isFilled: whether it has the suffix at all.
    ///   - isWhole: whether it says so (contextCSN), which a copy that was interrupted does not.
    package init(
        _ setup: Setup = Setup(), entries: String = "", isFilled: Bool = true, isWhole: Bool = true
    ) throws {
        place = try TemporaryDirectory(isInMemory: true)
        self.setup = setup
        try place.makeDirectory("data")
        guard FileManager.default.isExecutableFile(atPath: Self.program("sbin/slapd")) else {
            throw CommandFailure("\(Self.program("sbin/slapd")) is not there: run make test, which unpacks it")
        }
        if isFilled { try fill(entries, isWhole: isWhole && setup.isProvider) }
        try start()
    }

    deinit { kill() }

    /// The URI of its socket.
    package var uri: String { "ldapi://" + socket.replacingOccurrences(of: "/", with: "%2F") }

    private var socket: String { place.file("s") }

    private static func program(_ name: String) -> String { "\(root)/usr/\(name)" }

    /// Where its libraries are.
    private static var libraries: String {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/usr/lib")) ?? []
        return folders.filter { $0.hasSuffix("-linux-gnu") }.map { "\(root)/usr/lib/\($0)" }.joined(separator: ":")
    }

    /// Writes slapd.conf.
    private func configure() throws {
        let schemas = ["core", "cosine", "inetorgperson", "misc"].map {
            "include \(Self.root)/etc/ldap/schema/\($0).schema"
        }
        try place.write(
            """
            \(schemas.joined(separator: "\n"))
            modulepath \(Self.root)/usr/lib/ldap
            moduleload back_mdb
            moduleload syncprov
            pidfile \(place.file("pid"))
            argsfile \(place.file("args"))
            serverID \(setup.number)
            \(setup.global)
            database mdb
            suffix \(Self.suffix)
            rootdn \(Self.administrator)
            rootpw secret
            directory \(place.file("data"))
            maxsize 4294967296
            dbnosync
            index objectClass,entryCSN,entryUUID eq
            index mail eq
            \(setup.database)
            \(setup.isProvider ? "overlay syncprov\n" + (setup.sessionLog > 0 ? "syncprov-sessionlog \(setup.sessionLog)" : "") : "")
            \(setup.isProvider ? setup.providing : "")

            """, to: "slapd.conf")
    }

    /// Adds entries to a server that does not run.
    package func fill(_ entries: String, isWhole: Bool = true) throws {
        try configure()
        let first = "dn: \(Self.suffix)\nobjectClass: organization\nobjectClass: dcObject\ndc: example\no: example\n\n"
        let isEmpty = try place.names("data").isEmpty
        try place.write((isEmpty ? first : "") + entries, to: "entries.ldif")
        try run(
            Self.program("sbin/slapadd"),
            ["-q"] + (isWhole ? ["-w"] : []) + ["-f", place.file("slapd.conf"), "-l", place.file("entries.ldif")])
    }

    /// Starts it and waits until it takes connections.
    package func start() throws {
        try configure()
        try? FileManager.default.removeItem(atPath: socket)
        var urls = [uri]
        if let port = setup.port { urls.append("ldap://127.0.0.1:\(port)") }
        if let port = setup.securePort { urls.append("ldaps://127.0.0.1:\(port)") }
        if let host = setup.host { urls.append("ldap://\(host.address)") }
        let arguments = ["-d", "0", "-f", place.file("slapd.conf"), "-h", urls.joined(separator: " ")]
        let environment = ["LD_LIBRARY_PATH": Self.libraries]
        let program =
            try setup.host?.start(Self.program("sbin/slapd"), arguments, environment: environment)
            ?? RunningProgram(Self.program("sbin/slapd"), arguments, environment: environment)
        self.program = program
        guard try holds({ (try? LocalStream(path: socket)) != nil || !program.isRunning }), program.isRunning else {
            throw CommandFailure("slapd does not start: \(program.errors)")
        }
    }

    /// Starts it, ended as it is, with other entries than it had; the suffix is there already.
    package func refill(_ entries: String) throws {
        try FileManager.default.removeItem(atPath: place.file("data"))
        try place.makeDirectory("data")
        try fill(entries)
        try start()
    }

    /// A copy of all it has, to be restored later; it is ended in order for that, and started again.
    package func makeBackup() throws -> TemporaryDirectory {
        stop()
        let backup = try TemporaryDirectory(isInMemory: true)
        try copy(place.file("data"), to: backup.file("data"))
        try start()
        return backup
    }

    /// Starts it, ended as it is, with what it had at the time of a backup.
    package func restore(_ backup: TemporaryDirectory) throws {
        try FileManager.default.removeItem(atPath: place.file("data"))
        try copy(backup.file("data"), to: place.file("data"))
        try start()
    }

    private func copy(_ data: String, to copy: String) throws {
        // Its files are as large as they may become, and nearly all of that is holes.
        try runCommandSuccessfully("/bin/cp", ["-r", "--sparse=always", data, copy])
    }

    /// Ends it without a word, as a power failure would; waits until it is gone.
    package func kill() {
        guard let program else { return }
        program.send(SIGKILL)
        wait(program)
        self.program = nil
    }

    /// Ends it in order.
    package func stop() {
        guard let program else { return }
        program.send(SIGTERM)
        wait(program)
        self.program = nil
    }

    /// Stops it in the middle of whatever it does: it accepts connections and answers nothing.
    package func freeze() { program?.send(SIGSTOP) }

    /// Lets it go on.
    package func thaw() { program?.send(SIGCONT) }

    private func wait(_ program: RunningProgram) {
        // Asked of the system: Foundation may miss the end of a process on a busy machine, and wait for ever.
        var end = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(program.identifier), &end, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    }

    /// Changes entries.
    ///
    /// - Parameter changes: in LDIF; entries without `changetype` are added.
    package func change(_ changes: String) throws {
        // Several tests may do so at once.
        let file = try TemporaryDirectory()
        try file.write(changes, to: "changes.ldif")
        try run(
            Self.program("bin/ldapmodify"),
            ["-a", "-x", "-H", uri, "-D", Self.administrator, "-w", "secret", "-f", file.file("changes.ldif")])
    }

    /// What the library's own program finds.
    package func search(_ arguments: [String]) throws -> String {
        try run(
            Self.program("bin/ldapsearch"),
            ["-x", "-LLL", "-H", uri, "-D", Self.administrator, "-w", "secret"] + arguments)
    }

    @discardableResult
    private func run(_ program: String, _ arguments: [String]) throws -> String {
        let output = try runCommandSuccessfully(
            "/usr/bin/env", ["LD_LIBRARY_PATH=\(Self.libraries)", program] + arguments)
        return String(decoding: output, as: UTF8.self)
    }

    /// The line of a server that copies everything from another one.
    package static func following(_ uri: String) -> String {
        """
        syncrepl rid=001 provider=\(uri) type=refreshAndPersist retry="1 +" searchbase="\(suffix)" bindmethod=simple
          binddn="\(administrator)" credentials=secret
        """
    }

    /// A port of the loopback address that nobody listens at now.
    package static func freePort() throws -> UInt16 {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            // The pointer is to a whole address of the family, of the length given.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        guard code else { throw CommandFailure("no port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// People with an address each, in LDIF: `mail` and, where it is named, `mailLocalAddress`.
    ///
    /// - Parameter first: the number of the first; the next ones are counted on.
    package static func people(_ people: [(mail: String, routes: [String])], from first: Int = 0) -> String {
        people.enumerated().map { offset, person in
            let index = first + offset
            let routes = person.routes.map { "mailLocalAddress: \($0)\n" }.joined()
            return """
                dn: uid=p\(index),\(suffix)
                objectClass: inetOrgPerson
                objectClass: inetLocalMailRecipient
                uid: p\(index)
                cn: p\(index)
                sn: p\(index)
                mail: \(person.mail)
                \(routes)

                """
        }.joined()
    }
}
