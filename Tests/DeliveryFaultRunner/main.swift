// A delivering process that kills itself at a given file operation of its spool, for the crash tests.
//
// DeliveryFaultRunner POSTOFFICE SOCKET NUMBER|none [WORKERS]: one worker (or so many) and as many connections; the
// status is 0 where it came to its end.
//
// DeliveryFaultRunner POSTOFFICE bounce NUMBER|none [kill|ERRNO]: returns every message, those on hold too.

import Configuration
import Delivery
import Glibc
import Spool

guard (4...5).contains(CommandLine.arguments.count) else {
    print("usage: DeliveryFaultRunner POSTOFFICE SOCKET NUMBER|none [WORKERS]")
    exit(64)
}
let fatal = Int(CommandLine.arguments[3]) ?? .max
let isReturning = CommandLine.arguments[2] == "bounce"
let code = isReturning ? CommandLine.arguments.dropFirst(4).first.flatMap { Int32($0) } : nil
let workers = isReturning ? 1 : CommandLine.arguments.dropFirst(4).first.flatMap { Int($0) } ?? 1
let operations = FileOperations { _, number in
    guard number == fatal else { return .proceed }
    if let code { return .fail(code) }
    kill(getpid(), SIGKILL)
    return .proceed
}

/// Returns every message.
func returnAll(_ postOffice: PostOffice) {
    let returning = MessageReturn(postOffice, hostname: Array("store.example.org".utf8))
    do {
        try postOffice.completeRemovals()
        let listing = try postOffice.messages()
        for (name, isOnHold) in listing.names.map({ ($0, false) }) + listing.onHold.map({ ($0, true) }) {
            do {
                guard case .opened(let message) = try postOffice.open(name, onHold: isOnHold) else { continue }
                if let failure = try returning.run(message, because: "returned").failure { print("error: \(failure)") }
            } catch {
                print("error: \(error)")
            }
        }
    } catch {
        print("error: \(error)")
    }
    print(operations.count)
}

do {
    let pool = ConnectionPool()
    var parameters = SchedulerParameters()
    parameters.maximumPerEndpoint = workers
    let plan = DeliveryPlan(
        .single(.unix(path: CommandLine.arguments[2]), options: "", parameters: parameters),
        settings: try Settings.load(standardFiles: [], overrides: [("hostname", "store.example.org")]))
    let postOffice = try PostOffice(path: CommandLine.arguments[1], operations: operations)
    if isReturning {
        returnAll(postOffice)
        exit(0)
    }
    _ = try postOffice.recover(unfinishedFor: 0)
    let environment = DeliveryEnvironment(
        postOffice: postOffice, plan: plan, pool: pool, hostname: Array("store.example.org".utf8)
    ) { event in
        if case .trouble(_, let text) = event { print("trouble: \(text)") }
    }
    let worker = MessageWorker(environment, ignoresSchedule: true)
    let run = DeliveryRun(workers: workers)
    run.add(try postOffice.messages().names, worker)
    run.wait()
    run.drain()
    pool.shutDown()
} catch {
    print("error: \(error)")
    exit(1)
}
