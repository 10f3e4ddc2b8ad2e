// Who is to have a message that is routed anew: everybody to whom its addresses lead now, but for those who have their copy.
//
// Recipients that share an address, or to whose mailbox another's address leads now, are decided about together. Of an address
// that leads to several mailboxes some may be served already. They are known by the route that they had, and where a mended map
// gives everybody another host, by the user's name; unless that name is also one of those who wait. The file that they are
// given to remembers who is served, so that all of it can be told once more there.

import MailSyntax
import Spool

/// A recipient of a message that is routed anew.
struct RerouteLine {
    let recipient: ControlRecipient
    /// The addresses that it was submitted with, one at least.
    let addresses: [[UInt8]]
    /// Whether it waits, and is locked by this process; all others are served, have failed, or are being worked on.
    let isWaiting: Bool

    var mailbox: Mailbox { Mailbox(recipient.address) }
}

/// Recipients that are decided about together, of whom one at least waits.
struct RerouteGroup {
    /// What becomes of the recipients that wait.
    enum Decision {
        /// Their addresses lead to them.
        case unchanged
        /// Whether somebody would have a second copy cannot be told, for this address.
        case unclear([UInt8])
        /// They are given over.
        case given([GivenRecipient])
    }

    private let lines: [RerouteLine]
    /// The submitted addresses, each once, in order.
    let addresses: [[UInt8]]
    private var routes: [[UInt8]: [ControlAddress]] = [:]

    /// The recipients that wait; one at least.
    var waiting: [RerouteLine] { lines.filter(\.isWaiting) }

    private init(_ lines: [RerouteLine]) {
        self.lines = lines
        var seen: Set<[UInt8]> = []
        addresses = lines.flatMap(\.addresses).filter { seen.insert($0).inserted }
    }

    /// The groups of lines that share an address.
    static func all(of lines: [RerouteLine]) -> [RerouteGroup] {
        var places: [[UInt8]: Int] = [:]
        return join(lines.map { [$0] }) { index, sets in
            for address in lines[index].addresses {
                sets.unite(index, with: places[address] ?? index)
                places[address] = index
            }
        }
    }

    /// Puts groups together of which the one's addresses lead to a mailbox that waits in the other.
    static func joined(_ groups: [RerouteGroup], by routes: [[UInt8]: [ControlAddress]]) -> [RerouteGroup] {
        var places: [Mailbox: Int] = [:]
        for (index, group) in groups.enumerated() { for line in group.waiting { places[line.mailbox] = index } }
        var joined = join(groups.map(\.lines)) { index, sets in
            for address in groups[index].addresses {
                for route in routes[address] ?? [] { sets.unite(index, with: places[Mailbox(route)] ?? index) }
            }
        }
        for index in joined.indices { joined[index].routes = routes }
        return joined
    }

    private static func join(_ parts: [[RerouteLine]], _ unite: (Int, inout DisjointSets) -> Void) -> [RerouteGroup] {
        var sets = DisjointSets(count: parts.count)
        for index in parts.indices { unite(index, &sets) }
        var order: [Int] = []
        var members: [Int: [RerouteLine]] = [:]
        for (index, part) in parts.enumerated() {
            let set = sets.set(of: index)
            if members[set] == nil { order.append(set) }
            members[set, default: []] += part
        }
        return order.map { RerouteGroup(members[$0] ?? []) }.filter { !$0.waiting.isEmpty }
    }

    /// Decides by the routes that the addresses have now.
    func decision() -> Decision {
        var own: [[UInt8]: [RerouteLine]] = [:]
        for line in lines { for address in line.addresses { own[address, default: []].append(line) } }
        let waiting = waiting
        let waitingMailboxes = Set(waiting.map(\.mailbox))
        var targets: [GivenRecipient.Target] = []
        var new: Set<Mailbox> = []
        for address in addresses {
            let lines = own[address] ?? []
            let notification = Self.notification(of: address, lines.filter(\.isWaiting))
            func add(_ mailbox: ControlAddress, isServed: Bool) {
                targets.append(
                    .init(
                        address: mailbox, original: OriginalRecipient(address: address), notification: notification,
                        isServed: isServed))
            }
            let served = lines.filter { !$0.isWaiting }
            for line in served { add(line.recipient.address, isServed: true) }
            let servedMailboxes = Set(served.map(\.mailbox))
            let servedUsers = Set(servedMailboxes.map(\.user))
            let waitingUsers = Set(lines.lazy.filter(\.isWaiting).map(\.mailbox.user))
            for route in routes[address] ?? [] {
                let mailbox = Mailbox(route)
                if servedMailboxes.contains(mailbox) { continue }
                let isKnown = !waitingMailboxes.contains(mailbox) && servedUsers.contains(mailbox.user)
                if isKnown, waitingUsers.contains(mailbox.user) { return .unclear(address) }
                add(route, isServed: isKnown)
                if !isKnown { new.insert(mailbox) }
            }
        }
        guard new != waitingMailboxes else { return .unchanged }
        // The first brings all of them, and the others go with it.
        return .given(
            waiting.enumerated().map { index, line in
                GivenRecipient(recipient: line.recipient, targets: index == 0 ? targets : [])
            })
    }

    /// What the sender wants to be told of an address.
    private static func notification(of address: [UInt8], _ lines: [RerouteLine]) -> [UInt8]? {
        if let line = lines.first(where: { $0.addresses.first == address }) { return line.recipient.notification }
        // What the sender calls the recipient is the first address's alone.
        return lines.first?.recipient.notification.flatMap { NotificationParameters.removing("ORCPT", from: $0) }
    }
}

/// Numbers in sets that are united one by one.
private struct DisjointSets {
    private var parents: [Int]

    init(count: Int) {
        parents = Array(0..<count)
    }

    /// The number that stands for the set of a number.
    mutating func set(of number: Int) -> Int {
        var number = number
        while parents[number] != number {
            parents[number] = parents[parents[number]]
            number = parents[number]
        }
        return number
    }

    mutating func unite(_ one: Int, with other: Int) {
        let (one, other) = (set(of: one), set(of: other))
        parents[max(one, other)] = min(one, other)
    }
}
