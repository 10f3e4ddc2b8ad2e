// The maps that show what the chain knows: `route`, `sender`, `domain`, and each relation by its own name.

import Bytes
import LookupProtocols
import Routing

extension LookupEngine {
    /// Answers with the routes of an address, as `route-test --format tsv` writes them.
    ///
    /// A command or a file that the address names itself is shown, as nothing is done with it; a file that it names for its
    /// addresses (`:include:`) is not read to whoever asks.
    mutating func answerRoutes(
        _ key: Span<UInt8>, _ role: Resolver.Request.Role, into reply: inout LookupReply
    ) {
        resolver.resolve(key, Self.requestForDisplay(role), into: &answer)
        if answer.status == .deferred { return setDeferred(&reply) }
        scratch.removeAll()
        answer.appendRoutes(then: 0, to: &scratch)
        reply.begin(.found)
        scratch.withSpan(0..<(scratch.end - 1)) { reply.append($0) }
    }

    static func requestForDisplay(_ role: Resolver.Request.Role) -> Resolver.Request {
        var request = Self.request
        request.role = role
        request.isForDisplay = true
        // For a sender nothing is expanded.
        request.isSubmitted = role == .recipient
        return request
    }

    /// Answers with the routes of an address in a form that the caller writes; those that are not certain now as a failure.
    mutating func answerForm(
        _ key: Span<UInt8>, into reply: inout LookupReply, write: (borrowing Answer) -> [UInt8]
    ) {
        resolver.resolve(key, Self.requestForDisplay(.recipient), into: &answer)
        reply.begin(answer.status == .deferred ? .failed : .found)
        reply.append(write(answer))
    }

    /// Answers whether every relation can be asked; otherwise with those that cannot, and why.
    mutating func answerHealth(into reply: inout LookupReply) {
        var failures: [UInt8] = []
        for position in relations.indices {
            answerRelation(position, Array("zroute.invalid".utf8).span, into: &reply)
            guard reply.status == .failed else { continue }
            failures += reply.text
            failures.append(ASCII.lineFeed)
        }
        guard !failures.isEmpty else { return reply.set(.found, "ok\n") }
        reply.begin(.failed)
        reply.append(failures)
    }

    /// Answers whether a domain is served here.
    mutating func answerDomain(_ key: Span<UInt8>, into reply: inout LookupReply) {
        // RFC 5321 4.5.3.1.2: what is longer is no domain, and no address has it.
        guard !key.isEmpty, key.count <= 255, key.firstIndex(of: UInt8(ascii: "@"), from: 0) == nil else {
            return reply.set(.absent, "no domain")
        }
        if let stores = site.stores, Self.isStoreDomain(key, stores.domain) {
            return reply.set(.absent, "the domain of stores takes no mail from elsewhere")
        }
        do throws(ResolutionFailure) {
            if try resolver.serves(domain: key, others: policies) {
                reply.set(.found, "domain")
            } else {
                reply.set(.absent, "the domain is not served here")
            }
        } catch {
            reply.set(.failed, error.description)
        }
    }

    private static func isStoreDomain(_ domain: Span<UInt8>, _ stores: [UInt8]) -> Bool {
        let start = domain.count - stores.count
        guard start == 0 || (start > 0 && domain[start - 1] == UInt8(ascii: ".")) else { return false }
        for place in stores.indices where ASCII.lowercase(domain[start + place]) != stores[place] { return false }
        return true
    }

    /// Answers with the value of a relation, as its maps have it.
    mutating func answerRelation(_ position: Int, _ key: Span<UInt8>, into reply: inout LookupReply) {
        guard relations.indices.contains(position) else { return reply.set(.refused, "there is no such relation") }
        scratch.removeAll()
        do throws(ResolutionFailure) {
            guard try resolver.find(key, in: relations[position], into: &scratch) else {
                return reply.set(.absent, "the relation does not have the key")
            }
        } catch {
            return reply.set(.failed, error.description)
        }
        guard scratch.end > 0 else {
            return reply.set(
                .failed, "the key is there, with an empty value, which mailers take for an error; give it one")
        }
        let hasEnd = scratch.withSpan(0..<scratch.end) { value in
            value.indices.contains {
                value[$0] == 0 || value[$0] == ASCII.lineFeed || value[$0] == ASCII.carriageReturn
            }
        }
        guard !hasEnd else {
            return reply.set(
                .failed, "the key is there, with a NUL or a line end in its value, which cannot be handed on")
        }
        reply.begin(.found)
        scratch.withSpan(0..<scratch.end) { reply.append($0) }
    }
}
