// The delivery agents of master.cf (master(5)): which program stands behind the name of a transport.

import System

/// What the names of transports stand for.
struct MasterServices: Sendable {
    private var programs: [String: String] = [:]

    /// Reads the master.cf beside a main.cf; where there is none, the names of Postfix's own one count.
    ///
    /// - Throws: where it is there and cannot be read.
    init(beside main: String) throws(ConversionError) {
        let path = "\(directory(of: main))/master.cf"
        for name in ["smtp", "relay", "lmtp", "local", "virtual", "error", "retry", "discard", "proxywrite"] {
            programs[name] = name
        }
        programs["relay"] = "smtp"
        programs["retry"] = "error"
        guard !FileIdentity.isMissing(at: path) else { return }
        do throws(FileError) {
            for line in LogicalLine.lines(of: try readFile(path, limit: 16 << 20).bytes) {
                // name, type, private, unprivileged, chroot, wakeup, processes, command
                let fields = line.text.split(whereSeparator: \.isBlank)
                guard fields.count >= 8, fields[1] == "unix" else { continue }
                programs[String(fields[0])] = String(fields[7])
            }
        } catch {
            throw .file(error)
        }
    }

    /// The program of a transport; nil for a name that there is not.
    func program(_ transport: String) -> String? { programs[transport] }
}
