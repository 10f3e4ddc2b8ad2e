// The seam between a spool's run and the engine: whole lists of addresses at a time, so that the engine may be one in
// the same thread or a pool of supervised ones that hand their results back in order.

public import Routing

/// Addresses that are resolved under one request: the recipients of one message, or its sender.
public struct AddressQuestion: Sendable {
    /// The addresses, as bytes.
    public let addresses: [[UInt8]]
    /// How they are to be resolved.
    public let request: Resolver.Request

    /// Asks for addresses.
    public init(_ addresses: [[UInt8]], _ request: Resolver.Request) {
        self.addresses = addresses
        self.request = request
    }
}

/// What resolves addresses, for one worker at a time.
public protocol AddressRouter: AnyObject {
    /// Resolves addresses.
    ///
    /// - Returns: for each question, in order, a resolution for each of its addresses, in order.
    func resolve(_ questions: [AddressQuestion]) -> [[Resolution]]
}

/// An engine in the worker's own thread.
public final class ResolverRouter: AddressRouter {
    private var resolver: Resolver

    /// Takes an engine over.
    public init(_ resolver: consuming Resolver) {
        self.resolver = resolver
    }

    /// Resolves addresses one after another.
    public func resolve(_ questions: [AddressQuestion]) -> [[Resolution]] {
        questions.map { question in
            question.addresses.map { resolver.resolve($0.span, question.request) }
        }
    }
}
