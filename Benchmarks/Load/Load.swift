// How fast does delivery send? Messages from memory through the connections of `Delivery`, as a spool's messages go, but
// without the spool.
//
// lmtp-load SOCKET MESSAGES CONNECTIONS: prints the messages a second.

import Configuration
import Delivery
import Glibc
import LMTP

/// A run of so many messages, a few of them on their way at a time.
@main
struct Load {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let messages = Int(arguments[2]), let connections = Int(arguments[3]),
            messages > 0, connections > 0
        else {
            print("usage: lmtp-load SOCKET MESSAGES CONNECTIONS")
            exit(64)
        }
        var parameters = SchedulerParameters()
        parameters.maximumPerEndpoint = connections
        let plan = DeliveryPlan(
            .single(.unix(path: arguments[1]), options: "", parameters: parameters),
            settings: try Settings.load(standardFiles: [], overrides: [("hostname", "load.example.org")]))
        let decision = plan.decision(channel: Array("smtp-lmtp".utf8), host: Array("-".utf8))
        guard case .deliver(let destination) = decision.disposition else {
            print("nowhere to deliver to: \(decision.disposition)")
            exit(78)
        }
        let sender = Sender(destination, messages: messages)
        let clock = ContinuousClock()
        let began = clock.now
        sender.send()
        let took = began.duration(to: clock.now) / .seconds(1)
        guard sender.delivered == messages else {
            print("only \(sender.delivered) of \(messages) messages were delivered")
            exit(1)
        }
        print(Int(Double(messages) / took))
    }
}
