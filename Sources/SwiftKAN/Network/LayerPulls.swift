// LayerPulls: the part of a regulariser's gradient that reaches single samples.
//
// A standard deviation S of values v_s with mean m over n samples has dS/dv_s = (v_s - m) / ((n - 1)·S), so
// dR/dv_s = slope·(v_s - m), slope = dR/dS / ((n - 1)·S).
//
// What it must get right, in this order:
//   1. Nothing is pulled in lanes beyond the block's samples.
//   2. An edge has the same bits whichever edges are at hand with it.
//   3. Values of edges are made again where they are pulled, with their input's basis rows in the nearest cache: what all edges have at all
//      samples fits none.

/// Slopes and means of the quantities whose standard deviations a regulariser uses, in one layer.
struct PullRows<T: KANScalar> {
    /// (inputs, outputs): the numeric part of edges, and the whole of them; not in the wide form
    let numericalSlope, numericalMean, edgeSlope, edgeMean: UnsafeMutablePointer<T>
    /// (inputs): the layer's inputs
    let nodeSlope, nodeMean: UnsafeMutablePointer<T>
    /// (outputs): sums over edges
    let subnodeSlope, subnodeMean: UnsafeMutablePointer<T>
}

/// The memory of `PullRows`, which sweeps take out once a layer: an object would be counted at every edge, by all threads at once.
final class Pulls<T: KANScalar>: @unchecked Sendable {
    let rows: PullRows<T>
    /// What the edges of a layer in the wide form have instead of values at samples.
    var moments: WideMoments<T>?
    /// All numbers of `rows`.
    let memory: AlignedBuffer<T>

    init(_ layer: FoldedLayer<T>) throws(KANError) {
        let (shape, edges) = (layer.shape, layer.isWide ? 0 : layer.shape.edges)
        memory = try AlignedBuffer(count: 4 * edges + 2 * (shape.inputs + shape.outputs))
        var next = memory.base
        func take(_ count: Int) -> UnsafeMutablePointer<T> {
            defer { next += count }
            return next
        }
        rows = PullRows(
            numericalSlope: take(edges), numericalMean: take(edges), edgeSlope: take(edges), edgeMean: take(edges),
            nodeSlope: take(shape.inputs), nodeMean: take(shape.inputs), subnodeSlope: take(shape.outputs),
            subnodeMean: take(shape.outputs))
    }
}

extension FoldedLayer {
    /// target += slope·(row - mean) for the block's samples.
    @inline(__always)
    func addPull(
        _ slope: T, _ mean: T, _ row: UnsafePointer<T.Vector>, _ w: Workspace<T>,
        to target: UnsafeMutablePointer<T.Vector>
    ) {
        let valid = w.valid
        for v in 0..<w.nv { target[v] += (slope * valid[v]) * (row[v] - mean) }
    }

    /// w.edge = the numeric part of edge (i, o), the edge number `number`.
    @inline(__always)
    func numericEdge(_ i: Int, number: Int, _ rows: LayerRows<T>, _ w: Workspace<T>) -> UnsafeMutablePointer<T.Vector> {
        RowKernels<T>.setCombination(weight(number), rows.basis + basisPlace(i, w), rowCount, w.nv, to: w.edge)
        return w.edge
    }

    @inline(__always)
    func isPulled(_ pulls: PullRows<T>, _ edge: Int) -> Bool {
        pulls.numericalSlope[edge] != 0 || pulls.edgeSlope[edge] != 0
    }

    /// What pulls on an edge whose numeric part is the whole of it; nil where there are symbolic edges, or both have a slope of their own.
    @inline(__always)
    private func onePull(_ pulls: PullRows<T>, _ edge: Int) -> (slope: T, mean: T)? {
        if hasSymbolicEdges { return nil }
        if pulls.numericalSlope[edge] == 0 { return (pulls.edgeSlope[edge], pulls.edgeMean[edge]) }
        return pulls.edgeSlope[edge] == 0 ? (pulls.numericalSlope[edge], pulls.numericalMean[edge]) : nil
    }

    /// w.pull = dL/dφ of the numeric parts of the edges from i to a group of outputs, the edges from number `number` on, if a regulariser pulls
    /// on any of them; whether it does.
    @inline(never)
    func pullGroup(
        _ w: Workspace<T>, _ pulls: PullRows<T>, _ i: Int, _ outputs: UnsafePointer<Int>, _ number: Int, _ rows: LayerRows<T>,
        _ evaluation: Evaluation
    ) -> Bool {
        let (nv, first, last) = (w.nv, i * shape.outputs, w.nv &- 1)
        guard (0..<RowGroup<T>.count).contains(where: { isPulled(pulls, first + outputs[$0]) }) else { return false }
        if let a = onePull(pulls, first + outputs[0]), let b = onePull(pulls, first + outputs[1]),
            let c = onePull(pulls, first + outputs[2]), let d = onePull(pulls, first + outputs[3])
        {
            let (dz, pull) = (RowGroup<T>(w.dz, outputs, nv), RowGroup<T>(w.pull, nv))
            RowKernels<T>.combineGroup(weight(number), rows.basis + basisPlace(i, w), rowCount, nv) { v, va, vb, vc, vd in
                pull.a[v] = dz.a[v] + a.slope * (va - a.mean)
                pull.b[v] = dz.b[v] + b.slope * (vb - b.mean)
                pull.c[v] = dz.c[v] + c.slope * (vc - c.mean)
                pull.d[v] = dz.d[v] + d.slope * (vd - d.mean)
            }
            // dz is 0 beyond the samples.
            for e in 0..<RowGroup<T>.count { w.pull[e &* nv &+ last] *= w.valid[last] }
            return true
        }
        for e in 0..<RowGroup<T>.count {
            let pull = w.pull + e * nv
            if isPulled(pulls, first + outputs[e]) {
                pullEdge(w, pulls, i, outputs[e], number + e, rows, evaluation, into: pull)
            } else {
                pull.update(from: w.dz + outputs[e] * nv, count: nv)
            }
        }
        return true
    }

    /// pull = dL/dφ of the numeric part of edge (i, o), pulls included.
    @inline(never)
    func pullEdge(
        _ w: Workspace<T>, _ pulls: PullRows<T>, _ i: Int, _ o: Int, _ number: Int, _ rows: LayerRows<T>,
        _ evaluation: Evaluation, into pull: UnsafeMutablePointer<T.Vector>
    ) {
        let (nv, edge, last) = (w.nv, i * shape.outputs + o, w.nv &- 1)
        let dz = w.dz + o * nv
        if let one = onePull(pulls, edge) {
            RowKernels<T>.combine(weight(number), rows.basis + basisPlace(i, w), rowCount, nv) { v, value in
                pull[v] = dz[v] + one.slope * (value - one.mean)
            }
            pull[last] *= w.valid[last]
            return
        }
        let value = numericEdge(i, number: number, rows, w)
        pull.update(from: dz, count: nv)
        addPull(pulls.numericalSlope[edge], pulls.numericalMean[edge], value, w, to: pull)
        guard pulls.edgeSlope[edge] != 0 else { return }
        var whole = UnsafePointer(value)
        if hasSymbolicEdges, let e = symbolicEdges[i].first(where: { $0.output == o }) {
            evaluate(e, x: rows.x + i * nv, w, evaluation, slope: false, post: w.symbolicEdge)
            for v in 0..<nv { w.symbolicEdge[v] += value[v] }
            whole = UnsafePointer(w.symbolicEdge)
        }
        addPull(pulls.edgeSlope[edge], pulls.edgeMean[edge], whole, w, to: pull)
    }
}
