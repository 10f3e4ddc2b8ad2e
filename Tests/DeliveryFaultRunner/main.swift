// A delivering process that kills itself at a given file operation of its spool, for the crash tests.
//
// DeliveryFaultRunner POSTOFFICE SOCKET NUMBER|none: one worker, one connection; the status is 0 where it came to its end.

import Configuration
import Delivery
import Glibc
import Spool

guard CommandLine.arguments.count == 4 else {
    print("usage: DeliveryFaultRunner POSTOFFICE SOCKET NUMBER|none")
    exit(64)
}
let fatal = Int(CommandLine.arguments[3]) ?? .max
let operations = FileOperations { _, number in
    if number == fatal { kill(getpid(), SIGKILL) }
    return .proceed
}
do {
    let pool = ConnectionPool()
    var parameters = SchedulerParameters()
    parameters.maximumPerEndpoint = 1
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
    for name in try postOffice.messages().names { _ = worker.process(name) }
    pool.shutDown()
} catch {
    print("error: \(error)")
    exit(1)
}
