// Which recipients share a header: in ZMailer those for which the router rewrites it by the same function. Nothing is
// rewritten here, but the grouping is kept, as its programs and people know it.

import Routing

/// How ZMailer writes the header for a channel.
enum HeaderClass {
    /// As for the Internet: `smtp*`, `bitbucket`, channels it does not know, and `local` from a local sender.
    case internet
    /// Not at all: `error`, and `local` from a remote sender.
    case unchanged

    init(_ route: Route, senderIsLocal: Bool) {
        self = route.isChannel("error") || (route.isChannel("local") && !senderIsLocal) ? .unchanged : .internet
    }
}
