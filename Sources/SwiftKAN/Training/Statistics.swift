// Statistics: means and standard deviations of nodes, subnodes and edges over the samples, streamed.
//
// What it must get right, in this order:
//   1. A standard deviation far below the mean keeps its digits: moments are merged about means (Chan, Golub and LeVeque,
//      "Algorithms for computing the sample variance", 1983), never as E[v²] - E[v]².
//   2. No array of samples × inputs × outputs: an edge's values live in one row of one block.
//   3. The same bits for any number of threads: shards are merged in order.

/// Mean and sum of squared deviations of many quantities, each over `count` samples.
struct Moments {
    private(set) var mean: [Double]
    private(set) var squares: [Double]
    private var counts: [Double]

    init(_ quantities: Int) {
        mean = Array(repeating: 0, count: quantities)
        squares = mean
        counts = mean
    }

    /// Adds a row of `n` values to quantity `q`.
    @inline(__always)
    mutating func add<T: KANScalar>(_ row: UnsafePointer<T.Vector>, _ w: Workspace<T>, to q: Int) {
        let n = Double(w.samples)
        var sum = T.Vector.zero
        for v in 0..<w.nv { sum += row[v] * w.valid[v] }
        let average = sum.sum() / T(w.samples)
        var squared = T.Vector.zero
        for v in 0..<w.nv {
            let d = (row[v] - average) * w.valid[v]
            squared += d * d
        }
        merge(q, n, Double(average), Double(squared.sum()))
    }

    @inline(__always)
    mutating func merge(_ q: Int, _ n: Double, _ otherMean: Double, _ otherSquares: Double) {
        guard n > 0 else { return }
        let total = counts[q] + n
        let delta = otherMean - mean[q]
        mean[q] += delta * (n / total)
        squares[q] += otherSquares + delta * delta * (counts[q] * n / total)
        counts[q] = total
    }

    mutating func merge(_ other: Moments) {
        for q in mean.indices { merge(q, other.counts[q], other.mean[q], other.squares[q]) }
    }

    func hasValues(_ q: Int) -> Bool { counts[q] > 0 }

    /// The standard deviation with n - 1 in the denominator (torch.std), NaN for a single sample; 0 for a quantity that was
    /// never added, as edges that are switched off are not.
    func deviation(_ q: Int) -> Double { hasValues(q) ? (squares[q] / (counts[q] - 1)).squareRoot() : 0 }
}

/// The moments of one layer. Edges are numbered input·outputs + output, as masks are.
struct LayerMoments {
    var nodes: Moments
    var subnodes: Moments
    /// numeric plus symbolic part
    var edges: Moments
    /// numeric part
    var numerical: Moments

    init(_ shape: LayerShape) {
        nodes = Moments(shape.inputs)
        subnodes = Moments(shape.outputs)
        edges = Moments(shape.edges)
        numerical = Moments(shape.edges)
    }

    mutating func merge(_ other: LayerMoments) {
        nodes.merge(other.nodes)
        subnodes.merge(other.subnodes)
        edges.merge(other.edges)
        numerical.merge(other.numerical)
    }
}

extension Evaluator {
    /// The moments of every layer over n samples of x, and what wide layers have instead of edges.
    @inline(__always)
    func moments(
        _ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation
    ) throws(KANError) -> (layers: [LayerMoments], wide: [WideMoments<T>?]) {
        let D = architecture.inputs
        let empty = architecture.layers.map { LayerMoments($0) }
        var wide: [WideMoments<T>?] = []
        for layer in folded { wide.append(layer.isWide ? try WideMoments(layer) : nil) }
        var shards = Array(repeating: empty, count: shardCount(n, keeping: isWide))
        try shards.withUnsafeMutableBufferPointer { (buffer) throws(KANError) in
            nonisolated(unsafe) let shards = buffer
            try forEachPortion(n, keeping: isWide) { w, shard, start, _ in
                w.load(x + start * D, columns: D, into: w.level(0))
                forward(w, evaluation: evaluation, derivativesFrom: Self.noDerivatives)
                for (l, layer) in folded.enumerated() {
                    layer.addMoments(w, w.layers[l], evaluation, to: &shards[shard][l])
                }
            } chunk: { w, l, chunk, blocks in
                if let moments = wide[l] { folded[l].addWideMoments(chunk, w, blocks, to: moments) }
            }
        }
        var total = shards[0]
        for shard in shards.dropFirst() {
            for l in total.indices { total[l].merge(shard[l]) }
        }
        for (l, moments) in wide.enumerated() {
            guard let moments else { continue }
            moments.samples = n
            folded[l].mergeEdges(moments, into: &total[l])
        }
        return (total, wide)
    }
}

extension FoldedLayer {
    /// Takes over the moments of a wide layer's edges.
    func mergeEdges(_ wideMoments: WideMoments<T>, into moments: inout LayerMoments) {
        let n = Double(wideMoments.samples)
        for p in wide.inputs.indices {
            let first = wide.inputs[p] * shape.outputs
            wideMoments.edges(self, p) { q, mean, squares in
                let edge = first + wide.outputs[q]
                guard weightIsOn(edge) else { return }
                moments.numerical.merge(edge, n, mean, squares)
                moments.edges.merge(edge, n, mean, squares)
            }
        }
    }

    /// Adds the block's nodes, subnodes and, in the narrow form, edges.
    @inline(__always)
    func addMoments(_ w: Workspace<T>, _ rows: LayerRows<T>, _ evaluation: Evaluation, to moments: inout LayerMoments) {
        let nv = w.nv
        for o in 0..<shape.outputs { moments.subnodes.add(rows.z + o * nv, w, to: o) }
        for i in 0..<shape.inputs {
            moments.nodes.add(rows.x + i * nv, w, to: i)
            if isWide { continue }
            let basis = rows.basis + i * rowCount * nv
            for o in numericEdges[i] {
                let edge = i * shape.outputs + o
                numericEdge(i, o, basis, w)
                moments.numerical.add(w.edge, w, to: edge)
                if !symbolicEdges[i].contains(where: { $0.output == o }) { moments.edges.add(w.edge, w, to: edge) }
            }
            for e in symbolicEdges[i] {
                evaluate(e, x: rows.x + i * nv, w, evaluation, slope: false, post: w.symbolicEdge)
                if numericEdges[i].contains(e.output) {
                    numericEdge(i, e.output, basis, w)
                    for v in 0..<nv { w.symbolicEdge[v] += w.edge[v] }
                }
                moments.edges.add(w.symbolicEdge, w, to: i * shape.outputs + e.output)
            }
        }
    }
}
