// A run over a spool that can be killed, or made to fail, at any of its file operations; SpoolTests starts it as a
// process of its own, once with a fault and once without, and looks at what is left.
//
// SpoolFaultRunner POSTOFFICE kill|ERRNO|none NUMBER LEDGER [handed|ACTION]: prints the number of operations it did.
// With `handed`, what is routed is delivered as it is handed over; with an action (`ActionRun.swift`) that is done, and no mail.

import Glibc
import Spool
import System

guard (5...6).contains(CommandLine.arguments.count), let number = Int(CommandLine.arguments[3]) else { exit(64) }
let mode = CommandLine.arguments[2]
let code = Int32(mode)
let operations = FileOperations { _, count in
    guard count == number, mode != "none" else { return .proceed }
    if let code { return .fail(code) }
    kill(getpid(), SIGKILL)
    return .proceed
}

do {
    let postOffice = try PostOffice(path: CommandLine.arguments[1], operations: operations)
    let last = CommandLine.arguments.dropFirst(5).first
    if let action = last.flatMap(ActionRun.Action.init) {
        ActionRun(postOffice: postOffice, action: action).run()
    } else {
        MailRun(
            postOffice: postOffice, ledger: CommandLine.arguments[4], isSecond: mode == "none",
            isHandedOver: last == "handed"
        ).run()
    }
} catch {
    print("error: \(error)")
}
print(operations.count)
