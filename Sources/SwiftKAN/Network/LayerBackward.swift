// The mirror of LayerForward.swift: from dL/d(next x) to dL/dx and the gradients of all the layer's parameters.
//
// What it must get right, in this order:
//   1. Exact derivatives; checked against finite differences for every parameter block.
//   2. Lanes beyond the block's samples contribute nothing: dL/dx is 0 there at the network's output, and pulls are masked.
//   3. dL/dx of the network's inputs is computed only if asked for.
//
// `Pulls` carries the part of a regulariser's gradient that reaches single samples. A standard deviation S of values v_s
// with mean m over n samples has dS/dv_s = (v_s - m) / ((n - 1)·S), so dR/dv_s = slope·(v_s - m), slope = dR/dS / ((n - 1)·S).

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

/// Where a layer's gradients are gathered: dL/dw as `FoldedLayer.weights` (not in the wide form, which only leaves dL/dz in
/// `Workspace.adjoints`), the rest as in the state. `affine` is written where there are symbolic edges only.
struct GradientRows<T: KANScalar> {
    let weights: UnsafeMutablePointer<T>
    /// (outputs, inputs, 4)
    let affine: UnsafeMutablePointer<T>
    /// node bias (nodes), node scale (nodes), subnode bias (outputs), subnode scale (outputs)
    let nodes: UnsafeMutablePointer<T>
}

extension FoldedLayer {
    /// Reads dL/d(next x) in the workspace's `dx` and leaves dL/dx of this layer's inputs there, if `inputGradient`.
    @inline(__always)
    func backward(
        _ w: Workspace<T>, layer l: Int, state: UnsafePointer<T>, evaluation: Evaluation, inputGradient: Bool,
        pulls: PullRows<T>?, moments: WideMoments<T>? = nil, gradient: GradientRows<T>
    ) {
        let nv = w.nv
        let rows = w.layers[l]
        nodesBackward(w, rows, state, gradient)
        if let pulls {
            for o in 0..<shape.outputs where pulls.subnodeSlope[o] != 0 {
                addPull(pulls.subnodeSlope[o], pulls.subnodeMean[o], rows.z + o * nv, w, to: w.dz + o * nv)
            }
        }
        if isWide {
            wideBackward(
                w, rows, state: state, adjoint: w.adjoints[l], inputGradient: inputGradient, moments: moments)
        }
        for i in 0..<shape.inputs {
            if isWide {
                if hasSymbolicEdges {
                    for e in symbolicEdges[i] {
                        symbolicBackward(e, w, nil, i, rows, evaluation, inputGradient ? w.dx + i * nv : nil, gradient)
                    }
                }
                if inputGradient, let pulls, pulls.nodeSlope[i] != 0 {
                    addPull(pulls.nodeSlope[i], pulls.nodeMean[i], rows.x + i * nv, w, to: w.dx + i * nv)
                }
                continue
            }
            if sharesBasis(w) { evaluateBasis(i, w, rows, derivatives: inputGradient) }
            let basis = rows.basis + basisPlace(i, w)
            let derivative = rows.derivative + basisPlace(i, w)
            let x = rows.x + i * nv
            let dx = w.dx + i * nv
            if inputGradient { RowKernels<T>.fill(dx, .zero, nv) }
            var number = numericEdges.start(i)
            for o in numericEdges[i] {
                let edge = i * shape.outputs + o
                var g = UnsafePointer(w.dz + o * nv)
                if let pulls, pulls.numericalSlope[edge] != 0 || pulls.edgeSlope[edge] != 0 {
                    pullNumeric(w, pulls, i, o, number, rows, evaluation)
                    g = UnsafePointer(w.pull)
                }
                RowKernels<T>.addDots(g, basis, rowCount, nv, to: gradient.weights + number * rowCount)
                if inputGradient { RowKernels<T>.addProduct(g, weight(number), derivative, rowCount, nv, to: dx) }
                number &+= 1
            }
            if hasSymbolicEdges {
                for e in symbolicEdges[i] { symbolicBackward(e, w, pulls, i, rows, evaluation, inputGradient ? dx : nil, gradient) }
            }
            if inputGradient, let pulls, pulls.nodeSlope[i] != 0 {
                addPull(pulls.nodeSlope[i], pulls.nodeMean[i], x, w, to: dx)
            }
        }
    }

    /// target += slope·(row - mean) for the block's samples.
    @inline(__always)
    private func addPull(
        _ slope: T, _ mean: T, _ row: UnsafePointer<T.Vector>, _ w: Workspace<T>,
        to target: UnsafeMutablePointer<T.Vector>
    ) {
        let valid = w.valid
        for v in 0..<w.nv { target[v] += (slope * valid[v]) * (row[v] - mean) }
    }

    /// Are the numeric parts of single edges kept from the forward sweep.
    @inline(__always)
    func hasEdgeRows(_ w: Workspace<T>) -> Bool { keepsEdges && w.keepsEdges }

    /// The numeric part of edge (i, o), the edge number `number`: kept from the forward sweep, or made anew in w.edge.
    @inline(__always)
    func numericEdge(
        _ i: Int, _ o: Int, number: Int, _ rows: LayerRows<T>, _ w: Workspace<T>
    ) -> UnsafeMutablePointer<T.Vector> {
        if hasEdgeRows(w) { return rows.edges + (i * shape.outputs + o) * w.nv }
        RowKernels<T>.setCombination(weight(number), rows.basis + basisPlace(i, w), rowCount, w.nv, to: w.edge)
        return w.edge
    }

    /// w.pull = dL/dφ of the numeric part of edge (i, o), pulls included.
    @inline(never)
    private func pullNumeric(
        _ w: Workspace<T>, _ pulls: PullRows<T>, _ i: Int, _ o: Int, _ number: Int, _ rows: LayerRows<T>,
        _ evaluation: Evaluation
    ) {
        let edge = i * shape.outputs + o
        let nv = w.nv
        var (slope, mean) = (pulls.numericalSlope[edge], pulls.numericalMean[edge])
        var rest = pulls.edgeSlope[edge]
        if slope == 0 && !hasSymbolicEdges {
            // The numeric part is the whole edge.
            (slope, mean, rest) = (rest, pulls.edgeMean[edge], 0)
        }
        let (dz, valid, pull) = (w.dz + o * nv, w.valid, w.pull)
        if rest == 0 && !hasEdgeRows(w) {
            let basis = rows.basis + basisPlace(i, w)
            RowKernels<T>.combine(weight(number), basis, rowCount, nv) { v, value in
                pull[v] = dz[v] + (slope * valid[v]) * (value - mean)
            }
            return
        }
        let value = numericEdge(i, o, number: number, rows, w)
        for v in 0..<nv { pull[v] = dz[v] + (slope * valid[v]) * (value[v] - mean) }
        guard rest != 0 else { return }
        var whole = UnsafePointer(value)
        if hasSymbolicEdges, let e = symbolicEdges[i].first(where: { $0.output == o }) {
            evaluate(e, x: rows.x + i * nv, w, evaluation, slope: false, post: w.symbolicEdge)
            for v in 0..<nv { w.symbolicEdge[v] += value[v] }
            whole = UnsafePointer(w.symbolicEdge)
        }
        addPull(rest, pulls.edgeMean[edge], whole, w, to: w.pull)
    }

    @inline(never)
    private func symbolicBackward(
        _ e: SymbolicEdge<T>, _ w: Workspace<T>, _ pulls: PullRows<T>?, _ i: Int, _ rows: LayerRows<T>,
        _ evaluation: Evaluation, _ dx: UnsafeMutablePointer<T.Vector>?, _ gradient: GradientRows<T>
    ) {
        let nv = w.nv
        let x = rows.x + i * nv
        evaluate(e, x: x, w, evaluation, slope: true, post: w.symbolicEdge)
        for v in 0..<nv { w.pull[v] = w.dz[e.output * nv + v] }
        let edge = i * shape.outputs + e.output
        if let pulls, pulls.edgeSlope[edge] != 0 {
            if let number = numericEdges.number(i, e.output) {
                let numeric = numericEdge(i, e.output, number: number, rows, w)
                for v in 0..<nv { w.symbolicEdge[v] += numeric[v] }
            }
            addPull(pulls.edgeSlope[edge], pulls.edgeMean[edge], w.symbolicEdge, w, to: w.pull)
        }
        // Where g is 0, an infinite slope (of sqrt at 0, or in a lane beyond the samples) must not make it NaN.
        var (da, db, dc, dd) = (T.Vector.zero, T.Vector.zero, T.Vector.zero, T.Vector.zero)
        for v in 0..<nv {
            let g = e.mask * w.pull[v]
            let slope = T.zeroWhereZero(w.slope[v], g) * (e.c * g)
            da += slope * x[v]
            db += slope
            dc += g * T.zeroWhereZero(w.value[v], g)
            dd += g
            if let dx { dx[v] += e.a * slope }
        }
        let target = gradient.affine + 4 * (e.output * shape.inputs + i)
        target[0] += T.total(da)
        target[1] += T.total(db)
        target[2] += T.total(dc)
        target[3] += T.total(dd)
    }

    /// From dL/d(next x) in `dx` to dL/dz in `dz`.
    @inline(__always)
    private func nodesBackward(
        _ w: Workspace<T>, _ rows: LayerRows<T>, _ state: UnsafePointer<T>, _ gradient: GradientRows<T>
    ) {
        let nv = w.nv
        let (nodes, outputs) = (shape.nodes, shape.outputs)
        var subnode = 0
        for node in 0..<nodes {
            let factors = node < shape.sums ? 1 : shape.arities[node - shape.sums]
            let d = w.dx + node * nv
            gradient.nodes[node] += RowKernels<T>.sum(d, nv)
            gradient.nodes[nodes + node] += RowKernels<T>.dot(d, rows.h + node * nv, nv)
            let scale = state[shape.nodeScale + node]
            let u = rows.u + subnode * nv
            for factor in 0..<factors {
                let du = w.dz + (subnode + factor) * nv
                for v in 0..<nv {
                    // The product of the other factors, not h / u: a factor may be 0.
                    var product = scale * d[v]
                    for other in 0..<factors where other != factor { product *= u[other * nv + v] }
                    du[v] = product
                }
            }
            subnode += factors
        }
        for o in 0..<outputs {
            let du = w.dz + o * nv
            gradient.nodes[2 * nodes + o] += RowKernels<T>.sum(du, nv)
            gradient.nodes[2 * nodes + outputs + o] += RowKernels<T>.dot(du, rows.z + o * nv, nv)
            let scale = state[shape.subnodeScale + o]
            for v in 0..<nv { du[v] *= scale }
        }
    }
}
