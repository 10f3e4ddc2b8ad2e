// Reads a file of assertions (`routes.test`), some lines at a time: files of any length are checked in constant memory.

import Bytes
package import Configuration

/// The lines of a test file on their way in.
struct AssertionFile {
    /// What messages call it.
    let name: String
    private var line = 0

    init(name: String) { self.name = name }

    /// Takes whole lines.
    ///
    /// - Returns: the assertions among them, and what is none.
    mutating func take(_ lines: [UInt8]) -> (assertions: [RoutingAssertion], mistakes: [Finding]) {
        var assertions: [RoutingAssertion] = []
        var mistakes: [Finding] = []
        var start = lines.startIndex
        if line == 0, lines.starts(with: [0xEF, 0xBB, 0xBF]) { start += 3 }
        while start < lines.endIndex {
            let newline = lines[start...].firstIndex(of: ASCII.lineFeed)
            var end = newline ?? lines.endIndex
            let next = newline.map { $0 + 1 } ?? lines.endIndex
            if end > start, lines[end - 1] == ASCII.carriageReturn { end -= 1 }
            line += 1
            do throws(RoutingAssertion.Mistake) {
                if let assertion = try RoutingAssertion(lines[start..<end], line: line) { assertions.append(assertion) }
            } catch {
                mistakes.append(finding(error))
            }
            start = next
        }
        return (assertions, mistakes)
    }

    private func finding(_ mistake: RoutingAssertion.Mistake) -> Finding {
        let text =
            switch mistake {
            case .noExpectation: "the line has no route behind the address"
            case .noRoute(let route):
                "'\(String(decoding: route.prefix(200), as: Unicode.UTF8.self))' is no route, which has three fields"
            }
        return Finding(
            .noAssertion, .error, file: name, line: line,
            text: text
                + "; write ADDRESS channel!host!user, with '*' for a field that may be anything and ';' between several"
                + " routes, or ADDRESS deferred; a comment begins with '#'")
    }
}

extension Finding.Name {
    /// A line of a test file that is no assertion.
    package static let noAssertion = Finding.Name("no-assertion")
    /// An address that does not go where a test file expects it.
    package static let failedAssertion = Finding.Name("failed-assertion")
}
