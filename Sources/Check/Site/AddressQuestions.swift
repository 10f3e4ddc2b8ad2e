// Asking the engine itself what becomes of many addresses, in all processors, with the deadline that lookups have.

import Configuration
import Glibc
import Maps
import Routing
import Site

/// Asks addresses of a site.
struct AddressQuestions {
    private let asked: Site
    /// Read once for all questions; what is wrong with them is said by whoever judges their entries.
    private let texts = TextTableLoader(allowing: .all)
    /// How many addresses are handed to a worker at once.
    private static let batchSize = 2_000

    /// What a batch comes to: what was made of some of its addresses, by their positions in the batch.
    private struct Product<Verdict: Sendable>: Sendable {
        var position = 0
        var verdicts: [(position: Int, verdict: Verdict)] = []
    }

    /// Gets ready to ask a site.
    init(site: CheckedSite) { self.init(site.asked) }

    /// Gets ready to ask a site that nobody checks.
    init(_ site: Site) { asked = site }

    /// Asks addresses.
    ///
    /// - Parameters:
    ///   - count: how many there are.
    ///   - address: gives each by its number; nil for one that is not to be asked.
    ///   - judge: what is made of an answer, in some thread; nil for nothing.
    /// - Returns: what was made, by the numbers of the addresses, in their order.
    func ask<Verdict: Sendable>(
        _ count: Int, address: (Int) -> [UInt8]?, judge: @escaping @Sendable (borrowing Answer) -> Verdict?
    ) -> [(number: Int, verdict: Verdict)] {
        guard count > 0 else { return [] }
        let (asked, texts) = (asked, texts)
        let health = asked.makeHealth()
        var pool = ResolverPool<Product<Verdict>>(
            workers: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))), health: health,
            work: .init(
                makeResolver: { asked.makeResolver(texts: texts, watch: $0) },
                emptyProduct: { _ in Product() },
                report: { _, answer, _, product in
                    if let verdict = judge(answer) { product.verdicts.append((product.position, verdict)) }
                    product.position += 1
                }))
        var found: [(number: Int, verdict: Verdict)] = []
        var waiting: [[Int]] = []
        func take(_ product: Product<Verdict>) {
            let numbers = waiting.removeFirst()
            for (position, verdict) in product.verdicts where position < numbers.count {
                found.append((numbers[position], verdict))
            }
        }
        var next = 0
        while next < count {
            var (numbers, batch) = ([Int](), [[UInt8]]())
            while next < count, batch.count < Self.batchSize {
                if let bytes = address(next) {
                    numbers.append(next)
                    batch.append(bytes)
                }
                next += 1
            }
            waiting.append(numbers)
            pool.submit(AddressBatch(batch))
            if pool.inFlight >= pool.capacity, let product = pool.next() { take(product) }
        }
        while let product = pool.next() { take(product) }
        pool.close()
        return found
    }
}
