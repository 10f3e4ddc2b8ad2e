// A service that serves nothing, for tests of its life: what it does it writes to standard output, and how it ends it is told by
// files.
//
//     ServiceRunner DIRECTORY DRAIN-LIMIT-MILLISECONDS [ENDPOINT ...]
//
// A file `input` in the directory, a named pipe, gives it work; `stuck` lets its rounds note no progress; `drained` ends the
// draining.

import Glibc
import Service

struct Work: ServiceWork {
    let directory: String
    let life: ServiceLife
    let input: Int32?
    let status = "serving nothing"

    func say(_ text: String) {
        let line = Array("\(text)\n".utf8)
        _ = unsafe write(STDOUT_FILENO, line, line.count)
    }

    private func exists(_ name: String) -> Bool { unsafe access("\(directory)/\(name)", F_OK) == 0 }

    mutating func round() -> Duration {
        var bytes = [UInt8](repeating: 0, count: 64)
        if let input, unsafe read(input, &bytes, bytes.count) > 0 { say("input") }
        if !exists("stuck") { life.progress.note() }
        return .seconds(3600)
    }

    mutating func reload() { say("reload") }

    mutating func drain() {
        say("drain")
        while !exists("drained") { usleep(1000) }
        say("drained")
    }
}

let arguments = CommandLine.arguments
guard arguments.count >= 3, let limit = Int(arguments[2]) else { exit(64) }
let life = ServiceLife(takesReload: true, drainLimit: .milliseconds(limit)) { text in
    let line = Array("\(text)\n".utf8)
    _ = unsafe write(STDERR_FILENO, line, line.count)
}
let input = unsafe open("\(arguments[1])/input", O_RDWR | O_NONBLOCK | O_CLOEXEC)
var work = Work(directory: arguments[1], life: life, input: input >= 0 ? input : nil)
do {
    let endpoints = arguments.dropFirst(3).compactMap { ListeningEndpoint($0) }
    let sockets = try ListeningSocket.listen(at: endpoints, permissions: SocketPermissions(mode: 0o600))
    for socket in sockets { work.say("listens \(socket.descriptor) \(socket.name)") }
    life.run(&work)
    for socket in sockets { socket.abandon() }
} catch {
    let line = Array("\(error)\n".utf8)
    _ = unsafe write(STDERR_FILENO, line, line.count)
    exit(75)
}
