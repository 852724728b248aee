// Statistics: means and standard deviations of nodes, subnodes and edges over the samples, streamed.
//
// What it must get right, in this order:
//   1. A standard deviation far below the mean keeps its digits: moments are merged about means (Chan, Golub and LeVeque,
//      "Algorithms for computing the sample variance", 1983), never as E[v²] - E[v]².
//   2. A quantity that is the same for all samples has the deviation 0, not that of its rounding: regularisers divide by deviations.
//   3. No array of samples × inputs × outputs: an edge's values live in one row of one block.
//   4. The same bits for any number of threads: shards are merged in order.

/// Mean and sum of squared deviations of many quantities, each over `count` samples.
///
/// Plain memory of its own: arrays would be counted, and asked whether they are shared, for every row of every edge.
final class Moments: @unchecked Sendable {
    let quantities: Int
    /// (quantities) each
    let rows: MomentRows
    var mean: UnsafeMutablePointer<Double> { rows.mean }
    var squares: UnsafeMutablePointer<Double> { rows.squares }
    private var counts: UnsafeMutablePointer<Double> { rows.counts }

    /// Deviations that are smaller than this part of the mean are rounding.
    private let rounding: Double

    /// - Parameter ulp: `ulpOfOne` of the values' type.
    init(_ quantities: Int, ulp: Double = .ulpOfOne) {
        self.quantities = quantities
        rounding = 16 * ulp
        let mean = UnsafeMutablePointer<Double>.allocate(capacity: 3 * quantities)
        mean.initialize(repeating: 0, count: 3 * quantities)
        rows = MomentRows(mean: mean, squares: mean + quantities, counts: mean + 2 * quantities)
    }

    deinit { mean.deallocate() }

    /// Forgets all values and keeps the memory.
    func reset() { mean.update(repeating: 0, count: 3 * quantities) }

    /// Adds a row of values to quantity `q`.
    @inline(never)
    func add<T: KANScalar>(_ row: UnsafePointer<T.Vector>, _ w: Workspace<T>, to q: Int) {
        let (average, squared) = RowMoments<T>(row, w).total(w)
        merge(q, Double(w.samples), average, squared)
    }

    @inline(__always)
    func merge(_ q: Int, _ n: Double, _ otherMean: Double, _ otherSquares: Double) { rows.merge(q, n, otherMean, otherSquares) }

    /// Adds all values of `other`, which may have no quantities at all.
    func merge(_ other: Moments) {
        for q in 0..<other.quantities { merge(q, other.counts[q], other.mean[q], other.squares[q]) }
    }

    func hasValues(_ q: Int) -> Bool { counts[q] > 0 }

    /// The standard deviation with n - 1 in the denominator (torch.std), NaN for a single sample; 0 for a quantity that was
    /// never added, as edges that are switched off are not, or is a constant.
    func deviation(_ q: Int) -> Double {
        guard hasValues(q) else { return 0 }
        let least = rounding * mean[q]
        if counts[q] > 1, squares[q] <= counts[q] * least * least { return 0 }
        return (squares[q] / (counts[q] - 1)).squareRoot()
    }
}

/// The quantities whose moments are wanted.
struct Quantities: OptionSet, Sendable {
    let rawValue: Int
    static let nodes = Quantities(rawValue: 1)
    static let subnodes = Quantities(rawValue: 2)
    static let edges = Quantities(rawValue: 4)
    static let numerical = Quantities(rawValue: 8)
    /// The edges of wide layers one by one, not as `WideMoments` alone.
    static let wideEdges = Quantities(rawValue: 16)
    static let all: Quantities = [.nodes, .subnodes, .edges, .numerical]
}

/// The moments of one layer. Edges are numbered input·outputs + output, as masks are.
final class LayerMoments: Sendable {
    let nodes: Moments
    let subnodes: Moments
    /// numeric plus symbolic part
    let edges: Moments
    /// numeric part
    let numerical: Moments

    init(_ shape: LayerShape, hasEdges: Bool, ulp: Double) {
        nodes = Moments(shape.inputs, ulp: ulp)
        subnodes = Moments(shape.outputs, ulp: ulp)
        edges = Moments(hasEdges ? shape.edges : 0, ulp: ulp)
        numerical = Moments(hasEdges ? shape.edges : 0, ulp: ulp)
    }

    func reset() {
        nodes.reset()
        subnodes.reset()
        edges.reset()
        numerical.reset()
    }

    /// Where a forward sweep adds edges; nil if none are `wanted`.
    func edgeMoments(_ wanted: Quantities) -> EdgeMoments? {
        guard wanted.contains(.numerical) || wanted.contains(.edges) else { return nil }
        return EdgeMoments(
            numerical: wanted.contains(.numerical) ? numerical.rows : nil, edges: wanted.contains(.edges) ? edges.rows : nil)
    }

    func merge(_ other: LayerMoments) {
        nodes.merge(other.nodes)
        subnodes.merge(other.subnodes)
        edges.merge(other.edges)
        numerical.merge(other.numerical)
    }
}

extension Evaluator {
    /// The moments of every layer over n samples of x, those that are `wanted`; they stay until the next call, in the first of
    /// `momentShards` and, for the edges of wide layers, `wideMoments` too.
    ///
    /// - Parameters:
    ///   - derivativesFrom: the first layer whose derivatives a backward sweep over kept blocks will need.
    ///   - keepsForward: will a gradient sweep follow that finds what this one leaves; see `keepsForward(_:gradient:)`.
    @inline(never)
    func moments(
        _ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation, wanted: Quantities,
        derivativesFrom first: Int = Evaluator.noDerivatives, keepsForward: Bool = false
    ) throws(KANError) {
        let shardTotal = shardCount(n, keeping: isWide)
        try makeMoments(shardTotal, wideEdges: wanted.contains(.wideEdges))
        let (keepsRows, size) = (keepsForward && keepsBlocks(n), blockSamples(n))
        let keepsSums = keepsForward && !keepsRows
        if keepsSums { try sumStore.prepare(folded, samples: n, block: size) }
        defer { if keepsSums { for w in workspaces { w.unbind() } } }
        try forEachPortion(n, keeping: isWide, keepsBlocks: keepsRows, sharing: x) { w, shard, start, _ in
            w.keepsBasis = keepsRows
            if keepsSums { sumStore.bind(w, folded, block: start / size) }
            let hasBasis = load(x, start, w)
            forward(
                w, evaluation: evaluation, derivativesFrom: keepsRows ? first : Self.noDerivatives, hasBasis: hasBasis
            ) { momentShards[shard][$0].edgeMoments(wanted) }
            for (l, layer) in folded.enumerated() {
                layer.addMoments(w, w.layers[l], evaluation, wanted, to: momentShards[shard][l])
            }
        } chunk: { w, l, chunk, blocks, _ in
            if let moments = wideMoments[l] { folded[l].addWideMoments(chunk, w, blocks, to: moments) }
        }
        for s in 1..<max(shardTotal, 1) {
            for l in momentShards[0].indices { momentShards[0][l].merge(momentShards[s][l]) }
        }
        for (l, moments) in wideMoments.enumerated() {
            guard let moments else { continue }
            moments.samples = n
            if wanted.contains(.wideEdges) { folded[l].mergeEdges(moments, into: momentShards[0][l]) }
        }
    }

    /// Moments for every shard, without values. Edges of wide layers have room in the first one only, if at all: theirs come from
    /// `wideMoments`.
    private func makeMoments(_ shardTotal: Int, wideEdges: Bool) throws(KANError) {
        if wideEdges != hasWideEdges {
            momentShards.removeAll()
            deviations.removeAll()
            hasWideEdges = wideEdges
        }
        if momentShards.count < shardTotal {
            // Six numbers an edge in every shard, and those that regularisers derive from them.
            var (all, sharded) = (0.0, 0.0)
            for layer in folded {
                let nodes = Double(layer.shape.inputs + layer.shape.outputs)
                all += nodes + Double(layer.shape.edges)
                sharded += nodes + (layer.isWide ? 0 : Double(layer.shape.edges))
            }
            try requireMemory(doubles: all * 26 + sharded * Double(6 * shardTotal))
        }
        while momentShards.count < shardTotal {
            let isFirst = momentShards.isEmpty
            momentShards.append(
                folded.map {
                    LayerMoments($0.shape, hasEdges: isFirst && wideEdges || !$0.isWide, ulp: Double(T.ulpOfOne))
                })
        }
        for s in 0..<shardTotal {
            for l in momentShards[s].indices { momentShards[s][l].reset() }
        }
        if wideMoments.isEmpty { wideMoments = folded.map { _ in nil } }
        for (l, layer) in folded.enumerated() where layer.isWide {
            if let old = wideMoments[l], old.fits(layer) {
                old.reset()
            } else {
                wideMoments[l] = try WideMoments(layer)
            }
        }
    }
}

extension FoldedLayer {
    /// Takes over the moments of a wide layer's edges.
    func mergeEdges(_ wideMoments: WideMoments<T>, into moments: LayerMoments) {
        ThreadPool.run(tasks: wide.inputs.count, threads: edgeThreads) {
            wideMoments.evaluate(self, $0)
        }
        let n = Double(wideMoments.samples)
        forEachWideEdge { edge, number in
            let (mean, squares) = (wideMoments.means.base[number], wideMoments.squares.base[number])
            moments.numerical.merge(edge, n, mean, squares)
            moments.edges.merge(edge, n, mean, squares)
        }
    }

    /// Calls `body` with the number of every edge of a wide layer that is switched on, as masks are numbered and as in `WideMoments`.
    func forEachWideEdge(_ body: (Int, Int) -> Void) {
        for p in wide.inputs.indices {
            for q in wide.outputs.indices {
                let edge = wide.inputs[p] * shape.outputs + wide.outputs[q]
                if weightIsOn(edge) { body(edge, p * wide.vectors * T.lanes + q) }
            }
        }
    }

    /// Adds the block's nodes, subnodes and the edges that no `EdgeMoments` had: those of narrow layers with symbolic edges.
    @inline(never)
    func addMoments(
        _ w: Workspace<T>, _ rows: LayerRows<T>, _ evaluation: Evaluation, _ wanted: Quantities,
        to moments: LayerMoments
    ) {
        let nv = w.nv
        if wanted.contains(.subnodes) {
            for o in 0..<shape.outputs { moments.subnodes.add(rows.z + o * nv, w, to: o) }
        }
        let hasEdges = wanted.contains(.edges)
        for i in 0..<shape.inputs {
            if wanted.contains(.nodes) { moments.nodes.add(rows.x + i * nv, w, to: i) }
            guard hasSymbolicEdges, !isWide, hasEdges || wanted.contains(.numerical) else { continue }
            var number = numericEdges.start(i)
            for o in numericEdges[i] {
                let (edge, values) = (i * shape.outputs + o, numericEdge(i, number: number, rows, w))
                number &+= 1
                if wanted.contains(.numerical) { moments.numerical.add(values, w, to: edge) }
                if hasEdges, !symbolicEdges[i].contains(where: { $0.output == o }) { moments.edges.add(values, w, to: edge) }
            }
            guard hasEdges else { continue }
            for e in symbolicEdges[i] {
                evaluate(e, x: rows.x + i * nv, w, evaluation, slope: false, post: w.symbolicEdge)
                if let number = numericEdges.number(i, e.output) {
                    let edge = numericEdge(i, number: number, rows, w)
                    for v in 0..<nv { w.symbolicEdge[v] += edge[v] }
                }
                moments.edges.add(w.symbolicEdge, w, to: i * shape.outputs + e.output)
            }
        }
    }
}
