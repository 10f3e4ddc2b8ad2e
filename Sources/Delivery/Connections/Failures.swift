// Errors of the network and of TLS in words for a person, without the names of Swift types.

import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// An error of a connection in words.
func describe(_ error: any Error) -> String {
    switch error {
    case let error as IOError: systemReason(error.errnoCode)
    case let error as NIOConnectionError:
        error.connectionErrors.first.map { "\($0.target): \(describe($0.error))" }
            ?? "\(error.host): its name cannot be resolved"
    case SocketAddressError.unixDomainSocketPathTooLong:
        "the path is longer than the 107 bytes that a socket's may have"
    case let error as SocketAddressError.UnknownHost: "\(error.host): its name cannot be resolved"
    case ChannelError.connectTimeout(let limit): "no answer within \(limit.nanoseconds / 1_000_000_000) s"
    case NIOSSLError.handshakeFailed(let cause): describeHandshake("\(cause)")
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
        "the server's certificate is for other names than the one by which it was asked; correct the next hop, or let the"
            + " certificate have its name"
    case NIOSSLError.uncleanShutdown, NIOSSLError.shutdownFailed: "the connection was cut off inside TLS"
    case ChannelError.eof, ChannelError.alreadyClosed, ChannelError.ioOnClosedChannel, ChannelError.inputClosed,
        ChannelError.outputClosed:
        "the connection was closed"
    default: "\(error)"
    }
}

/// BoringSSL's reason, which stands in capitals between the names of its function and of its source file.
private func describeHandshake(_ text: String) -> String {
    let words = text.split { $0 == " " || $0 == ":" || $0 == "]" || $0 == ")" }
    let reason = words.first { $0.contains("_") && $0.allSatisfy { $0.isUppercase || $0 == "_" || $0.isNumber } }
    guard let reason else { return text }
    guard reason == "CERTIFICATE_VERIFY_FAILED" else { return String(reason) }
    return "the server's certificate is not accepted (\(reason)): it must be signed by an authority of the -S file"
        + " and be for this host"
}

// The system's words for an error number.

/// The text of an errno.
func systemReason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
