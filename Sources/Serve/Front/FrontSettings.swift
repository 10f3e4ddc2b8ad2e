// What the LMTP front is told: its name, how much its clients may do, how long it waits.

package import Delivery
import LMTP

/// The settings of the LMTP front.
package struct FrontSettings: Sendable {
    /// The name in the greeting and in Received fields.
    package var host: String
    /// A message that has passed more hosts than this, by its Received fields, runs in a circle.
    package var mostHops = 50
    /// Octets of a message, announced by SIZE; none of it is held, so the stores' own limits are what counts.
    package var messageSize: UInt64 = 4 << 30
    /// Recipients of a message.
    package var recipients = 10_000
    /// Open connections of clients; one more is told to come later.
    package var connections = 10_000
    /// How long is waited for a client's command, in seconds.
    package var commandSeconds = 300
    /// How long is waited for more of a message, in seconds; and for each MiB of the whole.
    package var messageSeconds = 180
    /// How long is waited for stores.
    package var stores = RelayLimits()

    /// Settings with the defaults named at each.
    package init(host: String) {
        self.host = host
    }

    /// The settings of its sessions.
    var session: ServerOptions {
        var options = ServerOptions(
            dialect: .lmtp, host: host, greeting: "zroute ready",
            extensions: ServerOptions.commonExtensions.union([.deliveryStatusNotifications, .chunking]))
        options.limits.messageSize = messageSize
        options.limits.recipients = recipients
        options.takesNextEnvelope = true
        return options
    }
}
