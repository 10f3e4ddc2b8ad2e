// What is sent to a server and what comes back, in the memory that libldap wants it in and gives it in.

import CLDAP
import Glibc

/// A text that ends with a NUL, in memory that stays where it is.
@safe
struct LDAPText: ~Copyable {
    fileprivate(set) var start: UnsafeMutablePointer<CChar>
    private var capacity: Int

    /// Copies bytes, which have no NUL.
    init(_ bytes: some Collection<UInt8>) {
        capacity = bytes.count + 1
        unsafe start = .allocate(capacity: capacity)
        set(bytes)
    }

    // Its own.
    deinit { unsafe start.deallocate() }

    /// Takes other bytes.
    mutating func set(_ bytes: some Collection<UInt8>) {
        if bytes.count >= capacity {
            unsafe start.deallocate()
            capacity = bytes.count * 2 + 1
            unsafe start = .allocate(capacity: capacity)
        }
        var index = 0
        // There is room for all of them and the NUL.
        for byte in bytes {
            unsafe start[index] = CChar(bitPattern: byte)
            index += 1
        }
        unsafe start[index] = 0
    }
}

/// Texts in an array that ends with none, as the library takes the names of attributes.
@safe
struct LDAPTexts: ~Copyable {
    let start: LDAPLibrary.Texts
    private let count: Int

    init(_ texts: [String]) {
        count = texts.count
        unsafe start = .allocate(capacity: count + 1)
        for (index, text) in texts.enumerated() { unsafe start[index] = strdup(text) }
        unsafe start[count] = nil
    }

    // Its own.
    deinit {
        for index in 0..<count { unsafe free(start[index]) }
        unsafe start.deallocate()
    }
}

/// A search.
@safe
struct LDAPSearch: ~Copyable {
    static let entryAlone: Int32 = 0, oneLevel: Int32 = 1, wholeTree: Int32 = 2

    let base: LDAPText
    let scope: Int32
    var filter: LDAPText
    let attributes: LDAPTexts
    /// The most entries that are wanted; 0 for as many as the server gives.
    let sizeLimit: Int32
    /// What is asked beside it; whoever sets it keeps it until the search was sent.
    var controls: LDAPLibrary.Controls?

    init(base: String, scope: Int32, filter: [UInt8], attributes: [String], sizeLimit: Int32) {
        self.base = LDAPText(base.utf8)
        self.scope = scope
        self.filter = LDAPText(filter)
        self.attributes = LDAPTexts(attributes)
        self.sizeLimit = sizeLimit
        unsafe controls = nil
    }
}

/// A message of a server, or all of an answer; freed when the object goes.
@safe
struct LDAPMessage: ~Copyable {
    private let message: LDAPLibrary.Message
    private let handle: LDAPHandle

    init(_ message: LDAPLibrary.Message, of handle: LDAPHandle) {
        unsafe self.message = message
        self.handle = handle
    }

    // The library gave it away.
    deinit { _ = unsafe handle.library.freeMessage(message) }

    /// The number of the search that it answers.
    var number: Int32 { unsafe handle.library.messageNumber(message) }

    /// What it is: an entry, a reference, a result.
    var kind: Int32 { unsafe handle.library.messageType(message) }

    /// The values of an attribute, where it is an entry.
    func values(of attribute: String) -> [[UInt8]] { unsafe handle.values(of: attribute, in: message) }

    /// The value of a control of an entry; nil where it has none of this name.
    func control(_ name: String) -> [UInt8]? { unsafe handle.control(name, of: message) }

    /// What a message between others says: its name and its value.
    var information: (name: String, value: [UInt8])? { unsafe handle.information(in: message) }

    /// Reads a whole answer.
    func answer(attributes: [String]) -> LDAPAnswer { unsafe handle.answer(in: message, attributes) }
}

/// The whole answer to a search.
struct LDAPAnswer: Sendable {
    /// Of each entry the values of the attributes that were asked for, those of the first attribute first.
    var entries: [[[UInt8]]] = []
    /// How many parts of the tree are said to lie elsewhere.
    var references = 0
    /// How it ended; one that has no end is no success.
    var code: Int32 = LDAPCode.other
    /// The server's own words about it.
    var diagnostic = ""
}

extension LDAPHandle {
    /// Reads a chain of messages.
    fileprivate func answer(in chain: LDAPLibrary.Message, _ attributes: [String]) -> LDAPAnswer {
        var answer = LDAPAnswer()
        var next = unsafe library.firstMessage(handle, chain)
        while let message = unsafe next {
            switch unsafe library.messageType(message) {
            case LDAPCode.entry:
                answer.entries.append(attributes.flatMap { unsafe values(of: $0, in: message) })
            case LDAPCode.reference: answer.references += 1
            case LDAPCode.searchResult, LDAPCode.bindResult: unsafe readResult(message, &answer)
            default: break
            }
            unsafe next = library.nextMessage(handle, message)
        }
        return answer
    }

    /// The values of an attribute of an entry.
    func values(of attribute: String, in entry: LDAPLibrary.Message) -> [[UInt8]] {
        guard let values = unsafe library.values(handle, entry, attribute) else { return [] }
        defer { unsafe library.freeValues(values) }
        var copies: [[UInt8]] = []
        // The array ends with none.
        var index = 0
        while let value = unsafe values[index] {
            unsafe copies.append(value.pointee.copy)
            index += 1
        }
        return copies
    }

    /// The value of a control of an entry.
    fileprivate func control(_ name: String, of entry: LDAPLibrary.Message) -> [UInt8]? {
        var controls: LDAPLibrary.Controls?
        guard unsafe library.entryControls(handle, entry, &controls) == LDAPCode.success, let list = unsafe controls
        else { return nil }
        defer { unsafe library.freeControls(list) }
        // The array ends with none.
        var index = 0
        while let control = unsafe list[index] {
            if let own = unsafe control.pointee.name, unsafe strcmp(own, name) == 0 {
                return unsafe control.pointee.value.copy
            }
            index += 1
        }
        return nil
    }

    /// What a message between others says.
    fileprivate func information(in message: LDAPLibrary.Message) -> (name: String, value: [UInt8])? {
        var name: LDAPLibrary.Text?
        var value: UnsafeMutablePointer<LDAPBytes>?
        let code = unsafe library.parseIntermediate(handle, message, &name, &value, nil, 0)
        defer {
            if let name = unsafe name { unsafe library.freeText(name) }
            if let value = unsafe value { unsafe library.freeBytes(value) }
        }
        guard code == LDAPCode.success, let text = unsafe name else { return nil }
        return unsafe (String(cString: text), value?.pointee.copy ?? [])
    }

    private func readResult(_ message: LDAPLibrary.Message, _ answer: inout LDAPAnswer) {
        var code: Int32 = LDAPCode.other
        var text: LDAPLibrary.Text?
        let parsing = unsafe library.parseResult(handle, message, &code, nil, &text, nil, nil, 0)
        defer { if let text = unsafe text { unsafe library.freeText(text) } }
        answer.code = parsing == LDAPCode.success ? code : parsing
        answer.diagnostic = unsafe text.map { unsafe String(cString: $0) } ?? ""
    }
}
