// The life of a process as a service: signals, its manager, its end.

import Glibc
import Testing
import ZRouteTestKit

@Suite struct LifeTests {
    /// What the manager hears of a whole life, in order.
    @Test func theManagerHearsOfAll() throws {
        let runner = try RunnerPlace(files: ["drained"])
        #expect(try runner.listener.next() == "READY=1\nSTATUS=serving nothing")
        runner.program.send(SIGHUP)
        let reloading = try #require(try runner.listener.next())
        #expect(reloading.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(try runner.listener.next() == "READY=1")
        runner.program.send(SIGTERM)
        #expect(try runner.listener.next() == "STOPPING=1\nSTATUS=finishing what is under way")
        #expect(runner.program.wait() == 0)
        #expect(runner.lines == ["reload", "drain", "drained"])
        #expect(try runner.listener.rest().isEmpty)
    }

    /// The manager takes a time before its signal for an answer to an earlier one.
    @Test func theTimeOfReloadingIsAfterTheSignal() throws {
        let runner = try RunnerPlace(files: ["drained"])
        _ = try runner.listener.next()
        for _ in 0..<50 {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            runner.program.send(SIGHUP)
            let microseconds = try runner.listener.next()?.split(separator: "=").last.flatMap { Int($0) }
            #expect(try #require(microseconds) >= time.tv_sec * 1_000_000 + time.tv_nsec / 1000)
            #expect(try runner.listener.next() == "READY=1")
        }
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGQUIT, SIGXCPU])
    func eachSignalThatEndsDrains(signal: Int32) throws {
        let runner = try RunnerPlace()
        _ = try runner.listener.next()
        runner.program.send(signal)
        #expect(try holds { runner.lines == ["drain"] })
        #expect(runner.program.isRunning)
        try runner.place.write("", to: "drained")
        #expect(runner.program.wait() == 0)
        #expect(runner.lines == ["drain", "drained"])
    }

    /// A second wish to end is obeyed at once, and the process ends by that signal; a wish to read the configuration is not.
    @Test(arguments: [(SIGTERM, SIGTERM), (SIGTERM, SIGINT), (SIGINT, SIGINT), (SIGINT, SIGTERM), (SIGTERM, SIGQUIT)])
    func aSecondSignalEndsAtOnce(first: Int32, second: Int32) throws {
        let runner = try RunnerPlace()
        _ = try runner.listener.next()
        runner.program.send(first)
        #expect(try holds { runner.lines == ["drain"] })
        runner.program.send(SIGHUP)
        #expect(runner.program.isRunning)
        runner.program.send(second)
        #expect(runner.program.wait() == -second)
        #expect(runner.lines == ["drain"])
        #expect(runner.program.errors.contains("asked to end a second time"), "\(runner.program.errors)")
    }

    @Test func drainingHasALimit() throws {
        let runner = try RunnerPlace(drainLimit: 200)
        _ = try runner.listener.next()
        runner.program.send(SIGTERM)
        #expect(runner.program.wait() == -SIGTERM)
        #expect(runner.lines == ["drain"])
        #expect(runner.program.errors.contains("the end took longer than 0.2 seconds"), "\(runner.program.errors)")
    }

    @Test func inputBringsARound() throws {
        let runner = try RunnerPlace(files: ["drained"])
        _ = try runner.listener.next()
        for number in 1...3 {
            try appendToPipe(runner.place.file("input"))
            #expect(try holds { runner.lines.count == number })
        }
        runner.program.send(SIGTERM)
        #expect(runner.program.wait() == 0)
        #expect(runner.lines == ["input", "input", "input", "drain", "drained"])
    }

    private func appendToPipe(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, write(descriptor, "x", 1) == 1 else { throw CommandFailure("\(path): \(errno)") }
    }

    /// The watchdog is fed by work that gets on, and by nothing else.
    @Test func theWatchdogHearsOfProgressAlone() throws {
        let runner = try RunnerPlace(environment: ["WATCHDOG_USEC": "100000"], files: ["drained"])
        func hears(_ state: String) throws -> Bool {
            while let next = try runner.listener.next() { if next.hasPrefix(state) { return true } }
            return false
        }
        for _ in 0..<3 { #expect(try hears("WATCHDOG=1")) }
        // From here on its rounds get nowhere: those that come say nothing, whatever wakes it.
        try runner.place.write("", to: "stuck")
        runner.program.send(SIGHUP)
        #expect(try hears("RELOADING=1") && (try hears("READY=1")))
        for _ in 0..<3 {
            try appendToPipe(runner.place.file("input"))
            runner.program.send(SIGHUP)
            #expect(try runner.listener.next()?.hasPrefix("RELOADING=1") == true)
            #expect(try runner.listener.next() == "READY=1")
        }
        runner.program.send(SIGTERM)
        #expect(try runner.listener.next()?.hasPrefix("STOPPING=1") == true)
        #expect(runner.program.wait() == 0)
    }

    /// Another process is meant, or nothing that could be.
    @Test(arguments: [
        ["WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "-5"],
        ["WATCHDOG_USEC": "x"], ["WATCHDOG_USEC": "99999999999999999999"], [:],
    ])
    func aWatchdogThatIsNotOursIsNotFed(environment: [String: String]) throws {
        let runner = try RunnerPlace(environment: environment, files: ["drained"])
        #expect(try runner.listener.next()?.hasPrefix("READY=1") == true)
        try appendToPipe(runner.place.file("input"))
        #expect(try holds { runner.lines == ["input"] })
        runner.program.send(SIGTERM)
        #expect(try runner.listener.next()?.hasPrefix("STOPPING=1") == true)
        #expect(runner.program.wait() == 0)
    }

    @Test func aManagerThatIsGoneHarmsNothing() throws {
        let runner = try RunnerPlace(environment: ["NOTIFY_SOCKET": "/nowhere/at/all"], files: ["drained"])
        try appendToPipe(runner.place.file("input"))
        #expect(try holds { runner.lines == ["input"] })
        runner.program.send(SIGTERM)
        #expect(runner.program.wait() == 0)
    }
}
