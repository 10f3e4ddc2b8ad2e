// Where boxes and lines of the picture stand: columns from left to right, in each the order with few crossings, and heights
// that keep lines straight (the method of Sugiyama, with exact placing by isotonic regression).

/// A picture laid out, in units of a pixel.
struct GraphLayout {
    /// The place of a box.
    struct Box {
        var x = 0.0, y = 0.0, width = 0.0, height = 0.0
        var middle: Double { y + height / 2 }
    }

    /// A line: it begins at the first point and goes through the others, with level tangents.
    struct Line {
        var points: [(x: Double, y: Double)] = []
    }

    /// The boxes, as the graph has its nodes.
    private(set) var boxes: [Box]
    /// The lines, as the graph has its edges; those to a next step have no points.
    private(set) var lines: [Line]
    /// The columns that have boxes.
    private(set) var columns: [(column: SiteGraph.Column, x: Double, width: Double)] = []
    private(set) var width = 0.0, height = 0.0

    static let lineHeight = 14.0, titleHeight = 17.0, padding = 7.0
    private static let gapOfColumns = 62.0, gapOfBoxes = 10.0, margin = 12.0, head = 34.0
    private static let portDistance = 11.0
    /// The width of a character of a title, which is set in a fixed pitch, and of other text.
    static let titleCharacter = 7.3, characterWidth = 5.9

    /// What stands in a column: a box, or the place where a line passes.
    private struct Item {
        let column: Int
        let node: Int?
        var box = Box()
        var before: [Int] = [], after: [Int] = []
    }

    private var items: [Item]
    private var order: [[Int]]

    init(_ graph: SiteGraph) {
        boxes = graph.nodes.map { _ in Box() }
        lines = graph.edges.map { _ in Line() }
        items = graph.nodes.indices.map { Item(column: graph.nodes[$0].column.rawValue, node: $0) }
        var coming = graph.nodes.map { _ in 0 }
        for edge in graph.edges { coming[edge.to] += edge.count }
        order = SiteGraph.Column.allCases.map { column in
            let members = graph.nodes.indices.filter { graph.nodes[$0].column == column }
            // Hosts of one channel: the largest first.
            guard column == .hosts else { return members }
            return members.sorted { coming[$0] == coming[$1] ? $0 < $1 : coming[$0] > coming[$1] }
        }
        var chains: [[Int]] = []
        for edge in graph.edges { chains.append(edge.isNextStep ? [] : chain(edge)) }
        size(graph)
        arrange()
        place()
        for (index, item) in items.enumerated() {
            if let node = item.node { boxes[node] = items[index].box }
        }
        drawLines(chains)
        finish()
    }

    /// The items that a line passes, with new ones for the columns in between.
    private mutating func chain(_ edge: SiteGraph.Edge) -> [Int] {
        var chain = [edge.from]
        let (first, last) = (items[edge.from].column, items[edge.to].column)
        for column in (first + 1)..<max(last, first + 1) {
            order[column].append(items.count)
            chain.append(items.count)
            items.append(Item(column: column, node: nil, box: Box(height: 8)))
        }
        chain.append(edge.to)
        for (from, to) in zip(chain, chain.dropFirst()) {
            items[from].after.append(to)
            items[to].before.append(from)
        }
        return chain
    }

    private mutating func size(_ graph: SiteGraph) {
        for index in graph.nodes.indices {
            let node = graph.nodes[index]
            let badge = node.errors + node.warnings > 0 ? 40.0 : 0
            let longest = node.lines.map { Double($0.unicodeScalars.count) * Self.characterWidth }.max() ?? 0
            let title = Double(node.title.unicodeScalars.count) * Self.titleCharacter + badge
            items[index].box.width = max(title, longest) + 2 * Self.padding + 8
            let text = Self.titleHeight + Double(node.lines.count) * Self.lineHeight + 2 * Self.padding - 2
            let ports = Double(max(items[index].before.count, items[index].after.count)) * Self.portDistance + 6
            items[index].box.height = max(text, ports)
        }
        var x = Self.margin
        for column in SiteGraph.Column.allCases {
            let members = order[column.rawValue]
            guard members.contains(where: { items[$0].node != nil }) else { continue }
            let heading = Double(column.heading.utf8.count) * 7
            let width = max(members.map { items[$0].box.width }.max() ?? 0, heading)
            for member in members {
                items[member].box.x = x
                items[member].box.width = width
            }
            columns.append((column, x, width))
            x += width + Self.gapOfColumns
        }
        width = x - Self.gapOfColumns + Self.margin
    }

    // MARK: Order

    /// The steps stand in the order of the chain; what is right of them, so that few lines cross.
    private mutating func arrange() {
        let first = SiteGraph.Column.maps.rawValue
        for round in 0..<5 {
            let isForward = round.isMultiple(of: 2)
            let columns = isForward ? Array(first..<order.count) : Array((first..<(order.count - 1)).reversed())
            for column in columns {
                var ranks: [Int: Double] = [:]
                for side in [column - 1, column + 1] where order.indices.contains(side) {
                    for (rank, item) in order[side].enumerated() { ranks[item] = Double(rank) }
                }
                let keyed = order[column].enumerated().map { place, item in
                    let others = isForward ? items[item].before : items[item].after
                    let known = others.compactMap { ranks[$0] }
                    let mean = known.isEmpty ? Double(place) : known.reduce(0, +) / Double(known.count)
                    return (mean, place, item)
                }
                order[column] = keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
            }
        }
    }

    // MARK: Heights

    private mutating func place() {
        for column in order.indices { stack(column) { _ in nil } }
        for round in 0..<8 {
            let columns = round.isMultiple(of: 2) ? Array(order.indices) : Array(order.indices.reversed())
            for column in columns {
                let items = self.items
                stack(column) { item in
                    let others = items[item].before + items[item].after
                    guard !others.isEmpty else { return nil }
                    return others.reduce(0) { $0 + items[$1].box.middle } / Double(others.count)
                }
            }
        }
        let top = items.map(\.box.y).min() ?? 0
        for index in items.indices { items[index].box.y += Self.margin + Self.head - top }
    }

    /// Places the items of a column as near as can be to where they are wanted, in their order and apart from each other.
    private mutating func stack(_ column: Int, _ wanted: (Int) -> Double?) {
        var offset = 0.0
        var offsets: [Double] = []
        /// Runs of items that touch, with the mean of what they want; who wants nothing goes with the one before.
        var runs: [(sum: Double, weight: Double, count: Int)] = []
        for item in order[column] {
            offsets.append(offset)
            let height = items[item].box.height
            let top = wanted(item).map { $0 - height / 2 }
            if top == nil, !runs.isEmpty {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(((top ?? items[item].box.y) - offset, 1, 1))
            }
            while runs.count > 1, let last = runs.last,
                runs[runs.count - 2].sum / runs[runs.count - 2].weight > last.sum / last.weight
            {
                runs.removeLast()
                runs[runs.count - 1].sum += last.sum
                runs[runs.count - 1].weight += last.weight
                runs[runs.count - 1].count += last.count
            }
            offset += height + Self.gapOfBoxes + (column == SiteGraph.Column.steps.rawValue ? 12 : 0)
        }
        var next = 0
        for run in runs {
            for _ in 0..<run.count {
                items[order[column][next]].box.y = run.sum / run.weight + offsets[next]
                next += 1
            }
        }
    }

    // MARK: Lines

    private mutating func drawLines(_ chains: [[Int]]) {
        var leaving: [Int: [(other: Int, line: Int, part: Int)]] = [:]
        var coming: [Int: [(other: Int, line: Int, part: Int)]] = [:]
        for (line, chain) in chains.enumerated() {
            for (part, (from, to)) in zip(chain, chain.dropFirst()).enumerated() {
                leaving[from, default: []].append((to, line, part))
                coming[to, default: []].append((from, line, part))
            }
        }
        /// The height of each end of each part of a line.
        var ends: [[(from: Double, to: Double)]] = chains.map { chain in
            [(from: Double, to: Double)](repeating: (0, 0), count: max(chain.count - 1, 0))
        }
        func port(_ item: Item, _ place: Int, of count: Int) -> Double {
            let distance = count > 1 ? min(Self.portDistance + 3, (item.box.height - 12) / Double(count - 1)) : 0
            return item.box.middle + (Double(place) - Double(count - 1) / 2) * distance
        }
        for (index, item) in items.enumerated() {
            let out = (leaving[index] ?? []).sorted { items[$0.other].box.middle < items[$1.other].box.middle }
            for (place, part) in out.enumerated() { ends[part.line][part.part].from = port(item, place, of: out.count) }
            let into = (coming[index] ?? []).sorted { items[$0.other].box.middle < items[$1.other].box.middle }
            for (place, part) in into.enumerated() { ends[part.line][part.part].to = port(item, place, of: into.count) }
        }
        for (line, chain) in chains.enumerated() {
            for (part, (from, to)) in zip(chain, chain.dropFirst()).enumerated() {
                let left = items[from].box
                lines[line].points.append((left.x + left.width, ends[line][part].from))
                lines[line].points.append((items[to].box.x, ends[line][part].to))
            }
        }
    }

    private mutating func finish() {
        height = (items.map { $0.box.y + $0.box.height }.max() ?? 0) + Self.margin
    }
}
