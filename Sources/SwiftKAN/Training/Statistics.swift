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
    let mean: UnsafeMutablePointer<Double>
    let squares: UnsafeMutablePointer<Double>
    private let counts: UnsafeMutablePointer<Double>

    /// Deviations that are smaller than this part of the mean are rounding.
    private let rounding: Double

    /// - Parameter ulp: `ulpOfOne` of the values' type.
    init(_ quantities: Int, ulp: Double = .ulpOfOne) {
        self.quantities = quantities
        rounding = 16 * ulp
        mean = .allocate(capacity: 3 * quantities)
        mean.initialize(repeating: 0, count: 3 * quantities)
        squares = mean + quantities
        counts = squares + quantities
    }

    deinit { mean.deallocate() }

    /// Forgets all values and keeps the memory.
    func reset() { mean.update(repeating: 0, count: 3 * quantities) }

    /// Adds a row of values to quantity `q`.
    @inline(never)
    func add<T: KANScalar>(_ row: UnsafePointer<T.Vector>, _ w: Workspace<T>, to q: Int) {
        let (average, squared) = w.moments(row)
        merge(q, Double(w.samples), average, squared)
    }

    @inline(__always)
    func merge(_ q: Int, _ n: Double, _ otherMean: Double, _ otherSquares: Double) {
        guard n > 0 else { return }
        let total = counts[q] + n
        let delta = otherMean - mean[q]
        let share = n / total
        mean[q] += delta * share
        squares[q] += otherSquares + delta * delta * (counts[q] * share)
        counts[q] = total
    }

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

extension Workspace {
    /// Mean, and sum of squared deviations from it, of a row's values.
    @inline(never)
    func moments(_ row: UnsafePointer<T.Vector>) -> (mean: Double, squares: Double) {
        var (sum, other) = (T.Vector.zero, T.Vector.zero)
        var v = 0
        while v + 2 <= nv {
            sum = T.multiplyAdd(row[v], valid[v], sum)
            other = T.multiplyAdd(row[v + 1], valid[v + 1], other)
            v += 2
        }
        if v < nv { sum = T.multiplyAdd(row[v], valid[v], sum) }
        let average = T.total(sum + other) / T(samples)
        (sum, other) = (.zero, .zero)
        v = 0
        while v + 2 <= nv {
            let (d, e) = ((row[v] - average) * valid[v], (row[v + 1] - average) * valid[v + 1])
            sum = T.multiplyAdd(d, d, sum)
            other = T.multiplyAdd(e, e, other)
            v += 2
        }
        if v < nv {
            let d = (row[v] - average) * valid[v]
            sum = T.multiplyAdd(d, d, sum)
        }
        return (Double(average), Double(T.total(sum + other)))
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
    /// - Parameter derivativesFrom: the first layer whose derivatives a backward sweep over kept blocks will need.
    @inline(never)
    func moments(
        _ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation, wanted: Quantities, derivativesFrom first: Int
    ) throws(KANError) {
        let shardTotal = shardCount(n, keeping: isWide)
        try makeMoments(shardTotal, wideEdges: wanted.contains(.wideEdges))
        try forEachPortion(n, keeping: isWide, sharing: x) { w, shard, start, _ in
            let hasBasis = load(x, start, w)
            forward(w, evaluation: evaluation, derivativesFrom: first, hasBasis: hasBasis)
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

    /// Adds the block's nodes, subnodes and, in the narrow form, edges.
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
            guard !isWide, hasEdges || wanted.contains(.numerical) else { continue }
            for o in numericEdges[i] {
                let edge = i * shape.outputs + o
                let (mean, squares) = w.moments(numericEdge(i, o, rows, w))
                if wanted.contains(.numerical) { moments.numerical.merge(edge, Double(w.samples), mean, squares) }
                if hasEdges, !hasSymbolicEdges || !symbolicEdges[i].contains(where: { $0.output == o }) {
                    moments.edges.merge(edge, Double(w.samples), mean, squares)
                }
            }
            guard hasEdges, hasSymbolicEdges else { continue }
            for e in symbolicEdges[i] {
                evaluate(e, x: rows.x + i * nv, w, evaluation, slope: false, post: w.symbolicEdge)
                if numericEdges[i].contains(e.output) {
                    let edge = numericEdge(i, e.output, rows, w)
                    for v in 0..<nv { w.symbolicEdge[v] += edge[v] }
                }
                moments.edges.add(w.symbolicEdge, w, to: i * shape.outputs + e.output)
            }
        }
    }
}
