// Resolves the recipients of the LMTP front that can be resolved without waiting for anything, on the front's own thread: handing
// one to a worker and back costs several times what the lookup does.

import MailSyntax
package import Maps
package import Routing
import Site

/// Answers from what the workers of a site have loaded; used by one thread at a time.
package final class MemoryResolver {
    private var resolver: Resolver
    private var answer = Answer()

    /// Makes one for a site; nil where its maps are not of a kind that is in memory.
    package init?(_ site: ServedSite, texts: TextTableLoader) {
        guard let resolver = site.site.makeMemoryResolver(texts: texts) else { return nil }
        self.resolver = resolver
    }

    /// Resolves an address; nil where a worker has to be asked, because a map or the system is, or because it fails.
    package func resolve(_ address: Span<UInt8>, _ request: Resolver.Request) -> Resolution? {
        if let bare = LocalPart.withoutNeedlessQuotes(address) { return resolve(bare.span, request) }
        resolver.resolve(address, request, into: &answer)
        return answer.failure == nil ? answer.resolution : nil
    }
}
