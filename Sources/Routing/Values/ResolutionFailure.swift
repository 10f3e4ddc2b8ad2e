// Why an address comes to one route on channel `error` or `hold`, whatever its maps say.

public import MailAddress
public import Maps

/// Why an address as a whole has no routes of its own.
public enum ResolutionFailure: Error, Sendable, CustomStringConvertible {
    /// The address is not valid; nil where it is valid but may not be used so.
    case syntax(AddressError?)
    /// A map could not be asked: deferred.
    case map(MapError)
    /// The expansion went too deep or to too many recipients (settings expansiondepth, expansionsize).
    case expansionLimit(depth: Int, size: Int)
    /// Values of maps made the address longer by more than this many bytes.
    case growthLimit(bytes: Int)

    /// The form of messages: what happened, and what to do.
    public var description: String {
        switch self {
        case .syntax(let error?): "invalid address: \(error)"
        case .syntax(nil): "address form not allowed here (a channel literal, a command, a file or an include)"
        case .map(let error): "\(error): deferred"
        case .expansionLimit(let depth, let size):
            "expansion deeper than \(depth) or to more than \(size) recipients: "
                + "split the list or take a loop out of it, or raise expansiondepth or expansionsize"
        case .growthLimit(let bytes):
            "an address lengthened by more than \(bytes) bytes on its way: "
                + "write %0 or another part of the address once in the value that repeats it; route-test --trace shows which"
        }
    }

    /// The part of the reason that is the same for all addresses which meet it.
    public var cause: String {
        switch self {
        case .map(let error): "\(error.table): \(error.text)"
        case .syntax, .expansionLimit, .growthLimit: description
        }
    }
}
