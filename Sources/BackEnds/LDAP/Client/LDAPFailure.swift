// What the codes of servers and of the library mean to an administrator, and what to do about each.

import Glibc
import Maps
import System

/// A question that was not answered, before it is known which map and key it was about.
struct LDAPFailure: Error {
    /// What is to be done about it by ourselves.
    enum Kind {
        /// The connection is gone; a new one, or another server, may answer.
        case disconnected
        /// No answer in time over a connection on which nothing came at all: the server stands still.
        case stalled
        /// No answer in time, though the server answers others.
        case late
        /// Another server may answer better.
        case unfit
        /// Another server would say the same.
        case final
        /// The server knows no more what has changed since a cookie.
        case refreshRequired
        /// The server has less than a copy has.
        case behind
    }

    /// What is to be done.
    let kind: Kind
    /// The cause and the remedy.
    let text: String

    /// A failure that no code says.
    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    /// A server from which a copy would go back.
    static let behind = LDAPFailure(
        .behind,
        "the server's tree is older than this copy, which does not go back, as what is new would be absent: let the server catch up"
            + " with the others; one that was restored is copied anew once it has a newer change")

    /// A library that cannot be loaded.
    init(_ error: SharedLibraryError) { self.init(.final, error.text) }

    /// Whether there was no answer in time.
    var isLate: Bool { kind == .late || kind == .stalled }

    /// The number of the system that says the same.
    var number: Int32 { isLate ? ETIMEDOUT : kind == .disconnected ? ECONNRESET : 0 }

    /// The same with the server's name before it.
    func naming(_ server: String) -> LDAPFailure { LDAPFailure(kind, "\(server): \(text)") }

    /// What was being done when a code came.
    enum Operation {
        case connecting, startTLS, binding, searching
        /// Copying, and following what changes.
        case following
    }

    /// A failure that a code says.
    ///
    /// - Parameters:
    ///   - words: what the library calls the code.
    ///   - diagnostic: the server's own words; may be empty.
    ///   - time: how long was waited, as messages show it.
    init(code: Int32, words: String, diagnostic: String, during operation: Operation, time: String) {
        let (kind, cause, remedy) = Self.explanation(of: code, during: operation, time: time)
        let says = diagnostic.isEmpty ? "" : "; it says: \(diagnostic)"
        self.init(kind, "\(cause); \(remedy) (\(words), \(code))\(says)")
    }

    private static func explanation(
        of code: Int32, during operation: Operation, time: String
    ) -> (kind: Kind, cause: String, remedy: String) {
        if operation == .startTLS, code != LDAPCode.serverDown, code != LDAPCode.timeOut {
            return (
                .unfit, "the connection cannot be encrypted, and nothing is asked in clear",
                "let the server have TLS, with a certificate for its name by an authority in tls_ca_cert_file"
            )
        }
        if operation == .following, code == LDAPCode.unwillingToPerform {
            return (.behind, behind.text, "it refuses to go on")
        }
        if operation == .searching, code == LDAPCode.unwillingToPerform {
            return (.final, "the server does not search for this user", "name a DN with its password")
        }
        switch code {
        case LDAPCode.unavailableCriticalExtension:
            return (.unfit, "the server is no provider of syncrepl", "let it have the overlay syncprov")
        case LDAPCode.sizeLimitExceeded, LDAPCode.adminLimitExceeded:
            return (
                .final, "the answer was cut at a limit of the server, so part of it is missing",
                "make the filter stricter, the list shorter, or raise the server's limit (limits) for this user"
            )
        case LDAPCode.timeLimitExceeded:
            return (.late, "the server gave the search up", "index the attributes of the filter")
        case LDAPCode.referral:
            return (
                .final, "the search base lies on another server", "name that server, or a base that this one has"
            )
        case LDAPCode.noSuchObject:
            return (
                .unfit,
                "there is no search base: it is misspelt, hidden from this user, or not yet copied",
                "correct the base, let this user read it, or wait until the server's copy is whole"
            )
        case LDAPCode.invalidDNSyntax:
            return (.final, "the search base, or the DN to bind as, is no DN", "correct it")
        case LDAPCode.invalidCredentials:
            return (.final, "the server refuses the DN or its password", "correct them in the description")
        case LDAPCode.unwillingToPerform, LDAPCode.inappropriateAuthentication,
            LDAPCode.authMethodNotSupported:
            return (.final, "the server does not let this user bind so", "correct the DN and its password")
        case LDAPCode.strongerAuthRequired:
            return (
                .final, "the server wants to know the user, or an encrypted connection",
                "name a DN with its password, say start_tls yes, or name an ldaps:// URI"
            )
        case LDAPCode.confidentialityRequired:
            return (.final, "the server wants an encrypted connection", "say start_tls yes, or name an ldaps:// URI")
        case LDAPCode.insufficientAccess:
            return (.final, "this user may not search there", "change the server's access rules")
        case LDAPCode.busy, LDAPCode.unavailable, LDAPCode.other, LDAPCode.operationsError:
            return (.unfit, "the server cannot answer now", "look into the server's log")
        case LDAPCode.serverDown, LDAPCode.connectError:
            return operation == .searching || operation == .following
                ? (.disconnected, "the connection was lost", "see that the server runs")
                : (
                    .disconnected, "cannot connect",
                    "start the server, correct its address, or let its certificate be one for its name by an authority in"
                        + " tls_ca_cert_file"
                )
        case LDAPCode.timeOut:
            return (.stalled, "no answer within \(time)", "restart or repair the server")
        case LDAPCode.syncRefreshRequired:
            return (.refreshRequired, "the server does not know what has changed since", "everything is copied again")
        case LDAPCode.filterError: return (.final, "the filter cannot be sent", "correct the filter")
        case LDAPCode.noMemory: return (.final, "out of memory", "free some")
        default: return (.final, "the server or the library refuses the search", "correct the description")
        }
    }
}
