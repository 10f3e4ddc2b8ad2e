// What is odd about the answer for an entry that stands for a list: targets that lead to nobody, ways that lead back, tails that
// get lost. Only what the entry itself names is its fault; what a further list names is that one's.

import Bytes
import Maps
import Routing

/// What is odd about the answer for the key of a list.
struct ListAnswer: Sendable {
    /// Something about one target.
    enum Oddity: Sendable, Hashable {
        /// It leads to nobody, by this route.
        case nobody(target: [UInt8], route: String)
        /// It leads back to the key, over these addresses, the key first.
        case loop([[UInt8]])
        /// It has a tail that none of its routes has.
        case tailLost(target: [UInt8], route: String)
        /// It is a user of this host, by this route.
        case localUser(target: [UInt8], route: String)
    }

    /// A failure that decides for all of it.
    enum Failure: Sendable {
        /// The limits of expansions.
        case limit(String)
        /// An included list that cannot be read: its file, and why.
        case include(file: String, reason: String)
    }

    private(set) var oddities: [Oddity] = []
    private(set) var failure: Failure?
    /// What is wrong with a value on the way that is no list.
    private(set) var notice: String?

    /// Looks at an answer.
    ///
    /// - Parameter servesLocalUsers: whether mail for users of this host is delivered; otherwise they are odd, too.
    /// - Returns: nil where nothing is odd.
    init?(_ answer: borrowing Answer, servesLocalUsers: Bool) {
        switch answer.failure {
        case .expansionLimit, .growthLimit: failure = .limit(answer.failure.map { "\($0)" } ?? "")
        case .map(let error):
            guard error.table.relation == "include" else { return nil }
            failure = .include(file: error.table.file, reason: error.text)
        case .syntax: return nil
        case nil:
            for place in answer.places {
                judge(place, answer)
                if !servesLocalUsers { judgeLocalUser(place, answer) }
            }
            judgeTails(answer)
            notice = answer.notices.first
        }
        if oddities.isEmpty, failure == nil, notice == nil { return nil }
    }

    /// Whether a node is a target of the entry itself, or of a list that it includes.
    private func isOwnTarget(_ node: Int, _ answer: borrowing Answer) -> Bool {
        var next = answer.ancestry[node].parent
        while next > 0, next < answer.ancestry.count,
            answer.text[answer.ancestry[next].address].starts(with: ":include:".utf8)
        {
            next = answer.ancestry[next].parent
        }
        return next == 0
    }

    private mutating func add(_ oddity: Oddity) {
        if !oddities.contains(oddity) { oddities.append(oddity) }
    }

    private mutating func judge(_ place: Answer.RoutePlace, _ answer: borrowing Answer) {
        let node = place.origin
        guard node > 0, node < answer.ancestry.count else { return }
        let address = Self.folded(answer.ancestry[node].address, answer)
        if isOwnTarget(node, answer), answer.text.equals(place.channel, "error") {
            let target = answer.text[answer.ancestry[node].address]
            add(.nobody(target: target, route: Self.route(place, answer)))
        }
        var way: [[UInt8]] = []
        var next = answer.ancestry[node].parent
        while next >= 0, next < answer.ancestry.count, way.count < 1_000 {
            way.insert(Self.folded(answer.ancestry[next].address, answer), at: 0)
            next = answer.ancestry[next].parent
        }
        guard way.first == address else { return }
        // A list may have its own address among others: that is where the copy for its owner goes.
        guard way.count > 1 || answer.ancestry.count == 2 else { return }
        oddities.removeAll {
            if case .nobody(let target, _) = $0 { target.map(ASCII.lowercase) == address } else { false }
        }
        add(.loop(way))
    }

    private mutating func judgeLocalUser(_ place: Answer.RoutePlace, _ answer: borrowing Answer) {
        let node = place.origin
        guard node > 0, node < answer.ancestry.count, answer.ancestry[node].parent == 0,
            answer.text.equals(place.channel, "local"),
            // Commands and files are delivered nowhere, whatever serves local users.
            !"|/\":".utf8.contains(answer.text.first(place.user) ?? 0)
        else { return }
        add(.localUser(target: answer.text[answer.ancestry[node].address], route: Self.route(place, answer)))
    }

    private mutating func judgeTails(_ answer: borrowing Answer) {
        for member in answer.ancestry.indices where answer.ancestry[member].parent == 0 {
            let address = answer.text[answer.ancestry[member].address]
            guard let tail = Self.tail(of: address) else { continue }
            var lost: String?
            for place in answer.places where Self.descends(place.origin, from: member, answer) {
                let channel = place.channel
                let user = answer.text[place.user].map(ASCII.lowercase)
                if tail.marks.contains(where: { Self.contains(user, $0 + tail.text) })
                    || answer.text.equals(channel, "error")
                    || answer.text.equals(channel, "bitbucket")
                    || answer.text.equals(channel, "hold")
                {
                    lost = nil
                    break
                }
                lost = lost ?? Self.route(place, answer)
            }
            if let lost { add(.tailLost(target: address, route: lost)) }
        }
    }

    /// The tail that a target is written with, in lower case, with and without its mark; nil for one without.
    private static func tail(of address: [UInt8]) -> (marks: [[UInt8]], text: [UInt8])? {
        guard let first = address.first, !"|/\":\\@".utf8.contains(first) else { return nil }
        let user = address[..<(address.lastIndex(of: UInt8(ascii: "@")) ?? address.count)]
        if let plus = user.firstIndex(of: UInt8(ascii: "+")) {
            let text = user[(plus + 1)...].map(ASCII.lowercase)
            return plus > 0 && !text.isEmpty ? ([[UInt8(ascii: "+")]], text) : nil
        }
        let dash = UInt8(ascii: "-")
        guard let last = user.indices.dropFirst().dropLast().last(where: { user[$0] == dash && user[$0 + 1] == dash }),
            last + 2 < user.count
        else { return nil }
        // Another host is told the address as it is written.
        return ([[UInt8(ascii: "+")], [dash, dash]], user[(last + 2)...].map(ASCII.lowercase))
    }

    private static func descends(_ node: Int, from member: Int, _ answer: borrowing Answer) -> Bool {
        var next = node
        while next > 0, next < answer.ancestry.count {
            if next == member { return true }
            next = answer.ancestry[next].parent
        }
        return false
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        text.count >= part.count && (0...(text.count - part.count)).contains { text[$0...].starts(with: part) }
    }

    private static func folded(_ range: Range<Int>, _ answer: borrowing Answer) -> [UInt8] {
        answer.text[range].map(ASCII.lowercase)
    }

    private static func route(_ place: Answer.RoutePlace, _ answer: borrowing Answer) -> String {
        string(answer.text[place.channel] + [0x21] + answer.text[place.host] + [0x21] + answer.text[place.user])
    }
}
