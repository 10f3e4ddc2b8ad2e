// The picture of a served site: drawn by a thread of its own when somebody asks for it, since reading every map takes longer
// than an answer may, and kept for a while.

import Check
import Delivery
import Glibc
import LookupProtocols
import Site
import System

/// The page that shows a served site.
final class ServedGraph: Sendable {
    private struct State {
        var page: [UInt8]?
        var drawn: MonotonicTime?
        var isDrawing = false
    }

    private let site: Site
    private let plan: DeliveryPlan?
    private let files: SiteFiles
    private let state = Monitor(State())

    /// Whoever asks often has the maps read no more often than this, in nanoseconds.
    private static let age: UInt64 = 60_000_000_000
    /// A small site is drawn while its first reader waits.
    private static let patience = Duration.milliseconds(300)

    /// A picture that nobody has asked for yet.
    init(_ site: Site, plan: DeliveryPlan?, files: SiteFiles) {
        (self.site, self.plan, self.files) = (site, plan, files)
    }

    /// Answers with the page; while it is drawn for the first time, with one that asks again.
    func show(_ reply: inout LookupReply) {
        let isNeeded = state.change { state in
            let isOld = state.drawn.map { MonotonicTime.coarse() >= $0.advanced(by: Self.age) } ?? true
            guard isOld, !state.isDrawing else { return false }
            state.isDrawing = true
            return true
        }
        if isNeeded, !start() {
            state.change { $0.isDrawing = false }
            return reply.set(.failed, "no thread can be made to draw the picture; try again\n")
        }
        // One reader alone waits: the others of a large site would hold up all workers.
        if let page = state.wait(atMost: isNeeded ? Self.patience : .zero, { $0.page }) {
            reply.begin(.found)
            reply.append(page)
            reply.policy = GraphPage.policy
        } else {
            reply.set(.found, Self.waitingPage)
            reply.policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        }
    }

    private func start() -> Bool {
        var thread = pthread_t()
        let code = startThread(&thread) {
            let graph = SiteGraph(self.site, plan: self.plan, report: SiteCheck(self.files).run())
            var time = LogTime()
            let page = GraphPage(graph, answers: [], drawn: String(decoding: time.now(), as: UTF8.self)).html
            self.state.change { state in
                state.page = page
                state.drawn = MonotonicTime.coarse()
                state.isDrawing = false
            }
        }
        if code == 0 { pthread_detach(thread) }
        return code == 0
    }

    private static let waitingPage = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>Where mail goes</title></head>
        <body><p>All maps are being read to draw the picture. This page asks for it again by itself.</p></body></html>

        """
}
