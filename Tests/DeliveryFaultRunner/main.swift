// A delivering process that kills itself at a given file operation of its spool, for the crash tests.
//
// DeliveryFaultRunner POSTOFFICE SOCKET NUMBER|none [WORKERS]: one worker (or so many) and as many connections; the
// status is 0 where it came to its end.

import Configuration
import Delivery
import Glibc
import Spool

guard (4...5).contains(CommandLine.arguments.count) else {
    print("usage: DeliveryFaultRunner POSTOFFICE SOCKET NUMBER|none [WORKERS]")
    exit(64)
}
let fatal = Int(CommandLine.arguments[3]) ?? .max
let workers = CommandLine.arguments.dropFirst(4).first.flatMap { Int($0) } ?? 1
let operations = FileOperations { _, number in
    if number == fatal { kill(getpid(), SIGKILL) }
    return .proceed
}
do {
    let pool = ConnectionPool()
    var parameters = SchedulerParameters()
    parameters.maximumPerEndpoint = workers
    let plan = DeliveryPlan(
        .single(.unix(path: CommandLine.arguments[2]), options: "", parameters: parameters),
        settings: try Settings.load(standardFiles: [], overrides: [("hostname", "store.example.org")]))
    let postOffice = try PostOffice(path: CommandLine.arguments[1], operations: operations)
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
