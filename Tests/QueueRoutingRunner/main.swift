// One run of route-queue's work over a spool that can be killed, or made to fail, at any of its file operations;
// BatchTests starts it as a process of its own and looks at what is left.
//
// QueueRoutingRunner DIRECTORY kill|ERRNO|none NUMBER [FAILING-KEY]: routes DIRECTORY/postoffice by DIRECTORY/zmailer.conf, with
// fqdnroutes failing for the key, and prints the number of file operations it did. With `reroute` in place of the key it routes
// anew what was routed, and with `open` it does no more than open it.

import Configuration
import Glibc
import Maps
import QueueRouting
import Site
import Spool
import System

guard CommandLine.arguments.count >= 4, let number = Int(CommandLine.arguments[3]) else { exit(64) }
let directory = CommandLine.arguments[1]
let mode = CommandLine.arguments[2]
let word = CommandLine.arguments.dropFirst(4).first
let isAction = word == "reroute" || word == "open"
let failures = CommandLine.arguments.dropFirst(4).prefix(isAction ? 0 : 1).map {
    MapFailure(relation: "fqdnroutes", key: Array($0.utf8))
}
let code = Int32(mode)
let operations = FileOperations { _, count in
    guard count == number, mode != "none" else { return .proceed }
    if let code { return .fail(code) }
    kill(getpid(), SIGKILL)
    return .proceed
}

do {
    let site = try Site(settings: Settings.load(file: "\(directory)/zmailer.conf"), failures: failures)
    let postOffice = try PostOffice(path: "\(directory)/postoffice", operations: operations)
    var options = SpoolRunOptions()
    // The operations come in one order only where one worker does them.
    options.jobs = 1
    options.retry = RetryRule(interval: 0)
    let run = SpoolRun(postOffice, site: BatchSite(site.settings), options: options) {
        ResolverRouter(site.makeResolver(texts: TextTableLoader(), watch: nil))
    }
    let hooks = SpoolRun.Hooks(
        report: { reports in
            for report in reports {
                if case .postponed(let reason) = report.outcome { print("postponed: \(reason)") }
            }
        }, shouldStop: { false })
    _ = try postOffice.recover(unfinishedFor: 0)
    guard !isAction else {
        for name in try postOffice.messages().names {
            do {
                guard case .opened(let message) = try postOffice.open(name) else { continue }
                guard word == "reroute" else { continue }
                if let failure = run.reroute(message).failure { print("error: \(failure)") }
            } catch {
                print("error: \(error)")
            }
        }
        print(operations.count)
        exit(0)
    }
    try run.retryHeld(hooks: hooks)
    run.route(try postOffice.submissions().names, hooks: hooks)
} catch {
    print("error: \(error)")
}
print(operations.count)
