// Judges the values of fqdnroutes and routesdb: they are read as the chain reads them (`RouteValue`), and what comes of it is
// looked at (SEMANTICS 5).

import Bytes
import Configuration
import Maps

/// What is wrong with one route.
struct RouteJudge {
    let relation: RelationName
    let key: [UInt8]

    /// The faults of a value.
    func faults(_ value: [UInt8], substituting arguments: Placeholders?) -> [EntryFault] {
        let isError = value.starts(with: "ERROR".utf8) && !value.contains(UInt8(ascii: "!"))
        if isError || value.starts(with: "ignore!".utf8) { return [ignored(value)] }
        if arguments != nil, let fault = tailFault(value) { return [fault] }
        for variant in arguments?.variants(of: value) ?? [value] {
            if let fault = fault(variant, of: value) { return [fault] }
        }
        return []
    }

    private func ignored(_ value: [UInt8]) -> EntryFault {
        let text = String(decoding: value, as: UTF8.self)
        let then =
            relation == .fqdnroutes
            ? "the address is looked for as if the line were not there" : "mail goes to the domain by SMTP"
        return EntryFault(
            .ignoredValue, "'\(text)' is no route: \(then); to refuse mail write error!code", severity: .warning)
    }

    /// `%2` twice in the user.
    private func tailFault(_ value: [UInt8]) -> EntryFault? {
        let user = value.split(separator: UInt8(ascii: "!"), maxSplits: 2, omittingEmptySubsequences: false).last ?? []
        let count = zip(user, user.dropFirst()).count { $0 == UInt8(ascii: "%") && $1 == UInt8(ascii: "2") }
        guard count > 1 else { return nil }
        return EntryFault(.tailTwice, "%2 stands in the user twice: a tail would be repeated; write it once")
    }

    private func fault(_ variant: [UInt8], of value: [UInt8]) -> EntryFault? {
        var text = TextArena()
        let range = text.append(variant)
        let address = text.append(sampleAddress)
        let meaning =
            relation == .fqdnroutes
            ? RouteValue(ofFullyQualifiedRoute: range, address: address, in: &text)
            : RouteValue(ofDomainRoute: range, address: address, in: &text, now: { 0 })
        switch meaning {
        case .unusable:
            return EntryFault(.valueIsNoRoute, whyNoRoute(value))
        case .again:
            return EntryFault(
                .routedAnew,
                "'\(string(value))' has no host: the address is routed anew through it, as a UUCP path; write channel!host",
                severity: .warning)
        case .route(let channel, let host, let user):
            let isAddress = user == address
            return fault(
                channel: text[channel], host: text[host], user: isAddress ? nil : text[user], variant: variant,
                of: value)
        }
    }

    private var sampleAddress: [UInt8] {
        if relation == .fqdnroutes { return key.first == UInt8(ascii: "@") ? Array("user".utf8) + key : key }
        let domain = key.first == UInt8(ascii: ".") ? Array("sub.example".utf8) : key
        return Array("user@".utf8) + domain
    }

    // MARK: What is no route

    private func whyNoRoute(_ value: [UInt8]) -> String {
        let text = string(value)
        if DiscardHabit.isOne(value) { return "'\(text)' is no route; to discard mail write bitbucket!-!-" }
        if let item = eximItem(value) {
            return "'\(item)' means nothing here; to refuse an address write error!nosuchuser"
        }
        if value.contains(UInt8(ascii: "!")) {
            return "'\(text)' is no route: its channel or its host is missing; write channel!host or channel!host!user"
        }
        if let colon = value.firstIndex(of: UInt8(ascii: ":")) {
            let channel = string(value[..<colon])
            // A port has no place in a route.
            let parts = value.split(separator: UInt8(ascii: ":")).filter { !$0.allSatisfy(ASCII.isDigit) }
            let route = parts.map { string($0) }.joined(separator: "!")
            return "'\(text)' is no route: a channel ends with '!', not with ':'; "
                + (channel == "error" ? "write error!code" : "write channel!host, as \(route)")
        }
        if value.contains(UInt8(ascii: "@")) {
            return "'\(text)' is an address, and no route; lists of addresses belong in fqdnaliases, a route is "
                + "channel!host!user"
        }
        return "'\(text)' is no route, and would not be used; write channel!host or channel!host!user"
    }

    private func eximItem(_ value: [UInt8]) -> String? {
        guard value.first == UInt8(ascii: ":"), let end = value.dropFirst().firstIndex(of: UInt8(ascii: ":")) else {
            return nil
        }
        return string(Array(value[...end]))
    }

    // MARK: The parts of a route

    private func fault(
        channel: [UInt8], host: [UInt8], user: [UInt8]?, variant: [UInt8], of value: [UInt8]
    ) -> EntryFault? {
        // Read as another route than was written: the value itself is looked at.
        if value.starts(with: "lotusgw!".utf8) || value.starts(with: "bsmtp3".utf8) || value.starts(with: "defrt1".utf8)
        {
            return blankFault(value, of: "the route")
        }
        if value.starts(with: "delay!".utf8) { return delayFault(value) }
        if let fault = channelFault(channel, variant: variant, of: value) { return fault }
        // What follows a code is text for people, and the code alone is a word.
        if channel.elementsEqual("error".utf8) {
            let isCodeAlone = value.count { $0 == UInt8(ascii: "!") } == 1
            return isCodeAlone ? BlankJudge.trailing(value, of: "the code '\(string(host))'") : nil
        }
        if host.contains(where: ASCII.isBlank) { return blankFault(host, of: "the host '\(string(host))'") }
        if let fault = byteFault(host, of: "host") { return fault }
        if channel.starts(with: "smtp".utf8), !DomainJudge.isHost(host) {
            return EntryFault(
                .valueIsNoRoute,
                "'\(string(host))' is no host: a route has one, without port and list; a port is the option -p of the channel's"
                    + " command in scheduler.conf")
        }
        guard let user else { return nil }
        // What other parts of the address come to is theirs to say.
        let isOwn = !zip(value, value.dropFirst()).contains {
            $0 == UInt8(ascii: "%") && ASCII.isDigit($1) && $1 != UInt8(ascii: "2")
        }
        return userFault(user, isOwn: isOwn)
    }

    private func channelFault(_ channel: [UInt8], variant: [UInt8], of value: [UInt8]) -> EntryFault? {
        let name = string(channel)
        if channel.contains(UInt8(ascii: "/")), DiscardHabit.isOne(channel) {
            return EntryFault(
                .valueIsNoRoute, "'\(string(value))' is no route; to discard mail write bitbucket!-!-")
        }
        if let item = eximItem(value) {
            return EntryFault(
                .valueIsNoRoute, "'\(item)' means nothing here; to refuse an address write error!nosuchuser")
        }
        if let bang = channel.firstIndex(of: UInt8(ascii: "!")) {
            let first = string(channel[..<bang])
            let why = variant == value ? "it ends with '!'" : "without a tail it is '\(string(variant))'"
            return EntryFault(
                .valueIsNoRoute,
                "'\(string(value))' is read as the channel '\(name)', since \(why); write \(first)!host!user, with something "
                    + "beside %N in the user, or \(first)!host")
        }
        let bare = channel.filter { !ASCII.isBlank($0) }
        let isName = bare.allSatisfy { Self.isAlphanumeric($0) || "-_.+".utf8.contains($0) }
        guard isName, bare.first.map(Self.isAlphanumeric) ?? false else {
            return EntryFault(
                .valueIsNoRoute,
                "'\(name)' is no name of a channel; write channel!host!user, with a channel of scheduler.conf, or error!code"
            )
        }
        let small = name.lowercased()
        let isKnown = small.utf8.starts(with: "smtp".utf8) || ["local", "error", "hold", "bitbucket"].contains(small)
        if small != name, isKnown {
            return EntryFault(
                .valueIsNoRoute,
                "there is no channel '\(name)': names of channels are told apart by case; write \(small)")
        }
        return blankFault(channel, of: "the channel '\(name)'")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || ASCII.isDigit(byte)
    }

    private func delayFault(_ value: [UInt8]) -> EntryFault? {
        let seconds = string(Array(value.dropFirst("delay!".utf8.count)))
        guard relation == .routesdb, Int64(seconds) == nil else { return nil }
        return EntryFault(.valueIsNoRoute, "'\(seconds)' is no number of seconds; write delay!300")
    }

    private func userFault(_ user: [UInt8], isOwn: Bool) -> EntryFault? {
        // A command has blanks between its words.
        if user.first == UInt8(ascii: "|") || user.starts(with: "\"|".utf8) { return nil }
        let name = string(user)
        var isQuoted = false
        var hasBlank = false
        var special: UInt8?
        var index = 0
        while index < user.count {
            let byte = user[index]
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if !isQuoted, ASCII.isBlank(byte) { hasBlank = true }
            if !isQuoted, special == nil, "<>,;".utf8.contains(byte) { special = byte }
            index += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        if hasBlank { return blankFault(user, of: "the mailbox's name '\(name)'") }
        if isQuoted {
            return EntryFault(.valueIsNoRoute, "a quote in the user '\(name)' is not closed; close it, or remove it")
        }
        if user.first == UInt8(ascii: "@"), !user.contains(UInt8(ascii: ":")) {
            return EntryFault(
                .valueIsNoRoute, "the user comes to '\(name)', with nothing before the @; write %1%3, or name%3")
        }
        if let special {
            return EntryFault(
                .valueIsNoRoute,
                "'\(Character(Unicode.Scalar(special)))' in the user '\(name)': a route leads to one mailbox; write its name "
                    + "alone, or a list of addresses in fqdnaliases")
        }
        if Placeholders.isForeign(in: user) {
            return EntryFault(
                .valueIsNoRoute,
                "'\(name)' would be the mailbox's name as it stands: no pattern of another mailer is replaced; write %1 for the"
                    + " user, %2 for the tail, %3 for '@domain'")
        }
        guard !isOwn || MailboxName.canBe(user) else {
            return EntryFault(.valueIsNoRoute, "'\(name)' is no mailbox: write its name, or name@domain")
        }
        return byteFault(user, of: "user")
    }

    private func blankFault(_ part: [UInt8], of what: String) -> EntryFault? {
        if let fault = BlankJudge.trailing(part, of: what) { return fault }
        guard part.contains(where: ASCII.isBlank) else { return nil }
        return EntryFault(
            .blankInRoute, "a blank is part of \(what); remove it, or put a mailbox's name with blanks in quotes")
    }

    private func byteFault(_ part: [UInt8], of what: String) -> EntryFault? {
        guard part.contains(where: { $0 >= 0x80 }) else { return nil }
        if !WellFormedUTF8.isValid(part.span) {
            return EntryFault(.valueIsNoRoute, "the \(what) is not UTF-8; write the file in UTF-8")
        }
        guard let character = InvisibleCharacter.first(in: part.span) else { return nil }
        return EntryFault(.invisibleCharacter, "\(character) is part of the \(what) '\(string(part))'; remove it")
    }

    private func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    private func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
