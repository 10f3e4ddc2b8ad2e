// The address that a route stands for when everything is expanded and rewritten: what another mailer, which keeps addresses
// and not routes, is given in the place of the one that was asked for.

extension Answer {
    /// Where the address of a route stands in ``Answer/text``.
    public struct EndPlace: Sendable {
        /// What it is.
        public enum Kind: Sendable {
            /// An address.
            case address
            /// The local part of a user of this host, with its tail.
            case localUser
            /// No address: a command, a file, or what is not valid.
            case noAddress
        }

        /// What it is.
        public let kind: Kind
        /// Whether no map has the route: the address goes to its own domain by SMTP.
        public let isDefault: Bool
        /// The address, or the local part.
        public let address: Range<Int>
        /// `@domain` of a user of this host, as the chain knows that domain; otherwise empty.
        public let domain: Range<Int>

        /// An address, by a route that a map has or by the default.
        @inline(__always)
        static func address(_ address: Range<Int>, isDefault: Bool = false) -> EndPlace {
            EndPlace(kind: .address, isDefault: isDefault, address: address, domain: .empty)
        }

        /// A user of this host.
        static func localUser(_ name: Range<Int>, domain: Range<Int>) -> EndPlace {
            EndPlace(kind: .localUser, isDefault: false, address: name, domain: domain)
        }

        /// What is no address.
        static func noAddress(_ text: Range<Int>) -> EndPlace {
            EndPlace(kind: .noAddress, isDefault: false, address: text, domain: .empty)
        }
    }
}
