// What `deliver --route` does before it delivers: the pass of route-queue, by a configuration that may be read anew.

import Files
import Maps
import Spool
import Synchronization

/// Routes submissions by the site as it was last read.
final class DeliverRouting: Sendable {
    private let postOffice: PostOffice
    private let form: LogForm
    private let lookups: LookupCounts?
    private let turn: OutputTurn
    private let routing: Mutex<SpoolRouting>

    init(_ site: Site, _ postOffice: PostOffice, form: LogForm, lookups: LookupCounts?, turn: OutputTurn) {
        self.postOffice = postOffice
        self.form = form
        self.lookups = lookups
        self.turn = turn
        routing = Mutex(SpoolRouting(site, postOffice, counts: lookups))
    }

    /// Goes on by another configuration.
    func use(_ site: Site) {
        let new = SpoolRouting(site, postOffice, counts: lookups)
        routing.withLock { $0 = new }
    }

    /// Routes what waits.
    ///
    /// - Parameter deliver: is given messages as soon as they are in place, open and locked.
    func pass(deliver: @escaping @Sendable ([RoutedMessage]) -> Void) {
        let log = RouteQueueLog(form, turn: turn)
        do throws(FileError) {
            try routing.withLock { $0 }.pass(log, handOver: deliver)
        } catch {
            log.say(error)
        }
        // What could not be routed is said, and stays where it is: the exit status is that of delivery.
        _ = log.finish()
    }
}
