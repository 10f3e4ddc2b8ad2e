// The recipients' addresses in what people have at hand: a list of addresses, a table of routes, control files and submissions
// of a spool, and the logs of zroute, ZMailer and Postfix. The format is recognised; what is none of them is counted and said.

import Bytes
import MailSyntax
package import Routing
import Spool

/// What an address was found in.
package enum AddressFormat: String, CaseIterable, Sendable {
    /// An address a line.
    case list = "addresses"
    /// What `route-test --format tsv` wrote, or a test file.
    case table = "table of routes"
    /// A control file of ZMailer's transport directory.
    case controlFile = "control file"
    /// A message as it is submitted to ZMailer's router.
    case submission = "submitted message"
    /// The log of zroute.
    case zroute = "zroute's log"
    /// The log of ZMailer's router or of its transport agents.
    case zmailer = "ZMailer's log"
    /// Postfix's log.
    case postfix = "Postfix's log"
    /// What an SMTP or LMTP server or client wrote down of its dialogue.
    case dialogue = "SMTP dialogue"
}

/// Addresses one after another, as a batch takes them.
package struct FoundAddresses: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    /// No address yet.
    package init() {}

    /// How many there are.
    package var count: Int { ends.count }

    /// Adds one.
    package mutating func append(_ address: some Sequence<UInt8>) {
        bytes.append(contentsOf: address)
        ends.append(bytes.count)
    }

    /// One of them.
    package subscript(index: Int) -> [UInt8] { Array(bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]) }

    /// All of them, for a worker.
    package var batch: AddressBatch { AddressBatch(bytes: bytes, ends: ends) }

    /// Goes through all of them.
    package func forEach(_ body: (Span<UInt8>) -> Void) {
        var start = 0
        for end in ends {
            body(bytes.span.extracting(start..<end))
            start = end
        }
    }

    /// Takes out all of them.
    package mutating func takeBatch() -> AddressBatch {
        defer {
            bytes.removeAll()
            ends.removeAll()
        }
        return AddressBatch(bytes: bytes, ends: ends)
    }
}

/// Finds addresses in files, some lines at a time.
package struct AddressReader {
    /// A line that is in none of the formats.
    package struct UnknownLine: Sendable, Hashable {
        /// The file, and the line in it, counted from 1.
        package let file: String, line: Int
        /// How the line begins.
        package let beginning: [UInt8]
    }

    /// What the file that is being read is as a whole.
    private enum Whole {
        /// Nothing is known yet.
        case unknown
        /// Each line for itself.
        case lines
        /// A control file so far; it can be read when it is complete.
        case controlFile([UInt8])
        /// The envelope of a submission, and what follows it.
        case envelope, message
    }

    /// How many addresses were found in each format.
    package private(set) var counts: [AddressFormat: Int] = [:]
    /// How many lines are in none of the formats.
    package private(set) var unknownCount = 0
    /// The first of them.
    package private(set) var unknownLines: [UnknownLine] = []
    /// How many recipients of control files have no address: ZMailer's have only the route that it came to.
    package private(set) var recipientsWithoutAddress = 0

    /// The time of the first line of a log that names recipients, as it stands there, and that of the last.
    package private(set) var firstTime: String?, lastTime: String?

    private var whole = Whole.unknown
    private var file = ""
    private var line = 0

    private static let unknownLimit = 5
    private static let beginningLimit = 100
    /// A control file may have so many bytes.
    private static let controlFileLimit = 1 << 28

    /// Nothing is read yet.
    package init() {}

    /// Begins a file.
    package mutating func begin(_ file: String) {
        self.file = file
        line = 0
        whole = .unknown
    }

    /// Takes whole lines of the file, with their ends.
    ///
    /// - Parameter list: gets the addresses in them.
    package mutating func take(_ lines: [UInt8], to list: inout FoundAddresses) {
        if case .unknown = whole { whole = Self.kind(of: lines) }
        if case .controlFile(var known) = whole {
            whole = .unknown
            known += lines
            whole = .controlFile(known)
            if known.count > Self.controlFileLimit {
                noteUnknown(known.prefix(Self.beginningLimit))
                whole = .lines
            }
            return
        }
        var start = 0
        if line == 0, lines.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
        while start < lines.count {
            let newline = lines.span.firstIndex(of: ASCII.lineFeed, from: start)
            var end = newline ?? lines.count
            let next = newline.map { $0 + 1 } ?? lines.count
            if end > start, lines[end - 1] == ASCII.carriageReturn { end -= 1 }
            line += 1
            take(line: lines[start..<end], to: &list)
            start = next
        }
    }

    /// Ends the file.
    ///
    /// - Parameter list: gets the addresses that only the whole file tells.
    package mutating func end(_ list: inout FoundAddresses) {
        if case .controlFile(let bytes) = whole { take(controlFile: bytes, to: &list) }
        whole = .unknown
    }

    private mutating func take(line text: ArraySlice<UInt8>, to list: inout FoundAddresses) {
        switch whole {
        case .message: return
        case .envelope: takeEnvelope(text, to: &list)
        case .unknown, .lines, .controlFile:
            switch LogLine(text) {
            case .addresses(let addresses, let format):
                counts[format, default: 0] += addresses.count
                noteTime(text, format)
                for address in addresses { list.append(address) }
            case .nothing: break
            case .unknown: noteUnknown(text)
            }
        }
    }

    private mutating func noteTime(_ text: ArraySlice<UInt8>, _ format: AddressFormat) {
        guard format != .list, format != .table, let time = LogLine.time(text) else { return }
        if firstTime == nil { firstTime = time }
        lastTime = time
    }

    private mutating func noteUnknown(_ text: some Collection<UInt8>) {
        unknownCount += 1
        guard unknownLines.count < Self.unknownLimit else { return }
        unknownLines.append(
            UnknownLine(file: file, line: max(line, 1), beginning: Array(text.prefix(Self.beginningLimit))))
    }

    // MARK: Files of a spool

    /// The lines that the envelope of a submission can begin with.
    private static let envelopeWords = [
        "external", "rcvdfrom", "bodytype", "with", "from", "to", "todsn", "envid", "notaryret", "channel", "errormsg",
        "via", "identinfo", "env-end", "env-eof", "loginname", "comment", "verbose",
    ]

    private static func kind(of lines: [UInt8]) -> Whole {
        let first = lines.prefix { $0 != ASCII.lineFeed }
        if first.starts(with: "@ 0x".utf8) { return .controlFile([]) }
        let word = first.prefix { !ASCII.isBlank($0) && $0 != ASCII.carriageReturn }
        guard envelopeWords.contains(where: { word.elementsEqual($0.utf8) }) else { return .lines }
        // `with` alone, or an address of that name, is no envelope.
        let needsValue = !["external", "errormsg", "env-end", "env-eof"].contains { word.elementsEqual($0.utf8) }
        return needsValue && first.count <= word.count + 1 ? .lines : .envelope
    }

    private mutating func takeEnvelope(_ text: ArraySlice<UInt8>, to list: inout FoundAddresses) {
        let word = text.prefix { !ASCII.isBlank($0) }
        guard Self.envelopeWords.contains(where: { word.elementsEqual($0.utf8) }), !word.starts(with: "env-e".utf8)
        else {
            whole = .message
            return
        }
        guard word.elementsEqual("to".utf8) else { return }
        let value = Array(text.dropFirst(word.count).drop(while: ASCII.isBlank))
        guard let members = try? AddressList.members(of: value.span) else { return noteUnknown(text) }
        counts[.submission, default: 0] += members.count
        for member in members { list.append(member) }
    }

    private mutating func take(controlFile bytes: [UInt8], to list: inout FoundAddresses) {
        let control: ControlFile
        do throws(ControlFileError) {
            control = try ControlFile(parsing: bytes)
        } catch {
            return noteUnknown("a control file that cannot be read: \(error)".utf8)
        }
        for recipient in control.recipients {
            let address = Self.address(of: recipient)
            // A name that a mailbox has at its store is no address of this site.
            guard address.contains(UInt8(ascii: "@")) || recipient.submittedAddress != nil else {
                recipientsWithoutAddress += 1
                continue
            }
            counts[.controlFile, default: 0] += 1
            list.append(address)
        }
    }

    /// The address that the router was given, as far as the file tells; the sender's own comes after it.
    private static func address(of recipient: ControlRecipient) -> [UInt8] {
        if let submitted = recipient.submittedAddress { return submitted.address }
        let received = recipient.notificationParameter("INRCPT").flatMap { OriginalRecipient($0) }
        return received?.address ?? recipient.addressKnownToSender.address
    }
}
