// One connection to one server, as libldap has it: opened, encrypted and bound with a limit for each step, then asked.

import CLDAP
import Glibc
import Maps
import System

/// Which servers are asked, and as whom.
struct LDAPAccess: Sendable, Hashable {
    /// How a server's certificate is looked at.
    struct TLS: Sendable, Hashable {
        /// Whether the connection is encrypted after it was opened in clear.
        var isStarted = false
        /// Whether the certificate must be one for the server's name by a known authority.
        var isVerified = true
        /// Files and directories by the option that takes them.
        var files: [Int32: String] = [:]
    }

    /// How the user is made known.
    enum User: Sendable, Hashable {
        case anonymous
        case simple(name: String, password: LDAPPassword)
        /// SASL EXTERNAL: by the socket's peer, or the client's certificate.
        case external(authorization: String)
    }

    /// The servers, by URI, in order.
    var servers: [String]
    var user = User.anonymous
    var tls = TLS()
    /// How aliases are followed (LDAP_OPT_DEREF).
    var dereference: Int32 = 0
}

/// A password: it is in no description.
struct LDAPPassword: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// Its bytes.
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var description: String { "(a password)" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

/// An open connection; closed when the object goes.
///
/// `@unchecked`: libldap 2.5 lets threads search on one handle and wait for results at once, under locks of its own; all that is
/// done to a handle otherwise is done before the initializer returns.
@safe
final class LDAPHandle: @unchecked Sendable {
    let library: LDAPLibrary
    let handle: LDAPLibrary.Handle
    private let time: String

    /// Opens a connection.
    ///
    /// - Parameters:
    ///   - end: when it has to be open.
    ///   - time: how long that is, as messages show it.
    init(
        _ server: String, _ access: LDAPAccess, _ library: LDAPLibrary, until end: UInt64, time: String
    ) throws(LDAPFailure) {
        self.library = library
        self.time = time
        var opened: LDAPLibrary.Handle?
        let code = unsafe library.initialize(&opened, server)
        guard code == LDAPCode.success, let connection = unsafe opened else {
            throw LDAPFailure(.final, "the library does not take the URI; correct it (\(library.words(for: code)))")
        }
        unsafe handle = connection
        // Whatever ldap.conf says: each of these decides what an answer means.
        setNumber(LDAPCode.protocolVersion, 3)
        setNumber(LDAPCode.dereference, access.dereference)
        _ = unsafe library.setOption(handle, LDAPCode.referrals, nil)
        setNumber(
            LDAPCode.requireCertificate, access.tls.isVerified ? LDAPCode.demanded : LDAPCode.neverRequired)
        for (option, file) in access.tls.files {
            guard unsafe library.setOption(handle, option, file) == LDAPCode.success else {
                throw LDAPFailure(.final, "the library cannot use \(file); correct its path")
            }
        }
        if server.hasPrefix("ldaps:") || access.tls.isStarted {
            setNumber(LDAPCode.newContext, 0)
        }
        if access.tls.isStarted {
            try limit(until: end)
            // After a failure the handle would search in clear; it goes with this error.
            try check(withoutPipeSignal { unsafe library.startTLS(handle, nil, nil) }, .startTLS)
        }
        try limit(until: end)
        switch access.user {
        case .anonymous: break
        case .simple(let name, let password): try bind(name, nil, password.bytes, until: end)
        case .external(let authorization): try bind(nil, "EXTERNAL", Array(authorization.utf8), until: end)
        }
    }

    // Asked for by nobody any more: whoever waits for a result holds the object.
    deinit {
        _ = withoutPipeSignal {
            _ = unsafe library.unbind(handle, nil, nil)
            return LDAPCode.serverDown
        }
    }

    /// Sends a search.
    ///
    /// - Parameter end: when its answer has to be there, which the server is told; nil for a search that does not end.
    /// - Returns: the number of its answer.
    func send(_ search: borrowing LDAPSearch, until end: UInt64?) throws(LDAPFailure) -> Int32 {
        var number: Int32 = 0
        var patience =
            try end.map { end throws(LDAPFailure) in try timeLeft(until: end) } ?? timeval(tv_sec: 0, tv_usec: 0)
        let code = withoutPipeSignal {
            unsafe withUnsafeMutablePointer(to: &patience) { patience in
                unsafe library.search(
                    handle, search.base.start, search.scope, search.filter.start, search.attributes.start, 0,
                    search.controls, nil, end == nil ? nil : patience, search.sizeLimit, &number)
            }
        }
        try check(code, .searching)
        return number
    }

    /// Waits for an answer to any search.
    ///
    /// - Parameter isWhole: whether for all of an answer, or for one message of it.
    /// - Returns: nil where none came in time.
    func receive(isWhole: Bool = true, until end: UInt64) throws(LDAPFailure) -> LDAPMessage? {
        let now = monotonicNanoseconds()
        var patience = Self.interval(end > now ? end - now : 0)
        var message: LDAPLibrary.Message?
        let kind = withoutPipeSignal {
            unsafe library.result(
                handle, LDAPCode.anyMessage, isWhole ? LDAPCode.allMessages : LDAPCode.oneMessage, &patience, &message)
        }
        guard kind != 0 else { return nil }
        guard kind > 0, let answer = unsafe message else { throw failure(lastCode(), .searching) }
        return unsafe LDAPMessage(answer, of: self)
    }

    /// Waits no longer for any write or read than it may; for what the library does not bound by itself.
    func limitSocket(_ limit: Duration) {
        var descriptor: Int32 = -1
        guard unsafe library.getOption(handle, LDAPCode.descriptor, &descriptor) == LDAPCode.success, descriptor >= 0
        else { return }
        let (seconds, rest) = limit.components
        var time = timeval(tv_sec: Int(clamping: seconds), tv_usec: Int(rest / 1_000_000_000_000))
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    private func setNumber(_ option: Int32, _ number: Int32) {
        var number = number
        // The library copies it.
        _ = unsafe library.setOption(handle, option, &number)
    }

    /// Bounds the next steps: connecting as well as waiting.
    private func limit(until end: UInt64) throws(LDAPFailure) {
        var time = try timeLeft(until: end)
        _ = unsafe library.setOption(handle, LDAPCode.networkTimeOut, &time)
        _ = unsafe library.setOption(handle, LDAPCode.timeOutOption, &time)
    }

    private func timeLeft(until end: UInt64) throws(LDAPFailure) -> timeval {
        let now = monotonicNanoseconds()
        guard end > now else { throw LDAPFailure(.stalled, "no answer within \(time)") }
        return Self.interval(end - now)
    }

    private static func interval(_ nanoseconds: UInt64) -> timeval {
        timeval(
            tv_sec: Int(clamping: nanoseconds / 1_000_000_000), tv_usec: Int(nanoseconds % 1_000_000_000 / 1000))
    }

    /// Connects, and makes the user known: both together have the time.
    private func bind(
        _ name: String?, _ mechanism: String?, _ password: [UInt8], until end: UInt64
    ) throws(LDAPFailure) {
        var number: Int32 = 0
        let code = unsafe password.withUnsafeBytes { bytes in
            let start = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
            var credentials = unsafe LDAPBytes(count: UInt(bytes.count), start: start)
            // The library reads them before it returns.
            return withoutPipeSignal {
                unsafe library.bind(handle, name, mechanism, &credentials, nil, nil, &number)
            }
        }
        try check(code, .binding)
        guard let answer = try receive(until: end)?.answer(attributes: []) else {
            throw failure(LDAPCode.timeOut, .binding)
        }
        guard answer.code == LDAPCode.success else { throw failure(answer.code, .binding, answer.diagnostic) }
    }

    private func check(_ code: Int32, _ operation: LDAPFailure.Operation) throws(LDAPFailure) {
        guard code == LDAPCode.success else { throw failure(code, operation) }
    }

    private func lastCode() -> Int32 {
        var code: Int32 = LDAPCode.other
        _ = unsafe library.getOption(handle, LDAPCode.resultCode, &code)
        // Without a reason the connection is of no use any more.
        return code == LDAPCode.success ? LDAPCode.serverDown : code
    }

    private func failure(_ code: Int32, _ operation: LDAPFailure.Operation) -> LDAPFailure {
        var text: LDAPLibrary.Text?
        _ = unsafe library.getOption(handle, LDAPCode.diagnosticMessage, &text)
        defer { if let text = unsafe text { unsafe library.freeText(text) } }
        let says = unsafe text.map { unsafe String(cString: $0) } ?? ""
        return failure(code, operation, says)
    }

    /// What a code of this connection means.
    func failure(_ code: Int32, _ operation: LDAPFailure.Operation, _ diagnostic: String) -> LDAPFailure {
        LDAPFailure(
            code: code, words: library.words(for: code), diagnostic: diagnostic, during: operation, time: time)
    }
}

/// Makes a call of the library that may write to a connection which the server has closed: the signal of that would end a program that
/// does not ignore it.
private func withoutPipeSignal(_ body: () -> Int32) -> Int32 {
    var (signals, former) = (sigset_t(), sigset_t())
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, &former)
    let code = body()
    // The kernel sends it to the thread that wrote, where it waits now; failed calls alone have caused it, and that which ends a connection.
    if code < 0, unsafe sigismember(&former, SIGPIPE) == 0 {
        var none = timespec()
        _ = unsafe sigtimedwait(&signals, nil, &none)
    }
    unsafe pthread_sigmask(SIG_SETMASK, &former, nil)
    return code
}
