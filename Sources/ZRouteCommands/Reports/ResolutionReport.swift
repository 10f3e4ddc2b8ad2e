// How results of route-test are shown: one protocol, one file for each form.

import MailAddress
import Routing

/// A form of output for resolutions.
protocol ResolutionReport: Sendable {
    /// Appends the report of one address.
    func append(address: Span<UInt8>, answer: borrowing Answer, trace: Trace?, to output: inout ByteBlock)
}
