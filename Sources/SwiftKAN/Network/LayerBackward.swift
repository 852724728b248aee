// The mirror of LayerForward.swift: from dL/d(next x) to dL/dx and the gradients of all the layer's parameters.
//
// What it must get right, in this order:
//   1. Exact derivatives; checked against finite differences for every parameter block.
//   2. Lanes beyond the block's samples contribute nothing: dL/dx is 0 there at the network's output, and pulls are masked.
//   3. Where dL/d(something) is 0, so is what follows from it: a value that nothing uses may be infinite or NaN.
//   4. dL/dx of the network's inputs is computed only if asked for.

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
            let (edges, first) = (numericEdges[i], numericEdges.start(i))
            var e = 0
            while e &+ RowGroup<T>.count <= edges.count {
                let (outputs, number) = (numericEdges.outputs(i) + e, first &+ e)
                var g = RowGroup<T>(w.dz, outputs, nv)
                if let pulls, pullGroup(w, pulls, i, outputs, number, rows, evaluation) { g = RowGroup(w.pull, nv) }
                RowKernels<T>.addDots(g, basis, rowCount, nv, to: gradient.weights + number * rowCount)
                if inputGradient { RowKernels<T>.addProducts(g, weight(number), derivative, rowCount, nv, to: dx) }
                e = e &+ RowGroup<T>.count
            }
            while e < edges.count {
                let (number, o) = (first &+ e, edges[e])
                var g = UnsafePointer(w.dz + o * nv)
                if let pulls, isPulled(pulls, i * shape.outputs + o) {
                    pullEdge(w, pulls, i, o, number, rows, evaluation, into: w.pull)
                    g = UnsafePointer(w.pull)
                }
                RowKernels<T>.addDots(g, basis, rowCount, nv, to: gradient.weights + number * rowCount)
                if inputGradient { RowKernels<T>.addProduct(g, weight(number), derivative, rowCount, nv, to: dx) }
                e = e &+ 1
            }
            if hasSymbolicEdges {
                for e in symbolicEdges[i] { symbolicBackward(e, w, pulls, i, rows, evaluation, inputGradient ? dx : nil, gradient) }
            }
            if inputGradient, let pulls, pulls.nodeSlope[i] != 0 {
                addPull(pulls.nodeSlope[i], pulls.nodeMean[i], x, w, to: dx)
            }
        }
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
                let numeric = numericEdge(i, number: number, rows, w)
                for v in 0..<nv { w.symbolicEdge[v] += numeric[v] }
            }
            addPull(pulls.edgeSlope[edge], pulls.edgeMean[edge], w.symbolicEdge, w, to: w.pull)
        }
        // Where g is 0, an infinite slope (of sqrt at 0, or in a lane beyond the samples) must not make it NaN; nor must x where '0' is.
        var (da, db, dc, dd) = (T.Vector.zero, T.Vector.zero, T.Vector.zero, T.Vector.zero)
        for v in 0..<nv {
            let g = e.mask * w.pull[v]
            let slope = T.zeroWhereZero(w.slope[v], g) * (e.c * g)
            da += slope * T.zeroWhereZero(x[v], slope)
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
            gradient.nodes[nodes + node] += RowKernels<T>.dotWhereNotZero(d, rows.h + node * nv, nv)
            let scale = state[shape.nodeScale + node]
            let u = rows.u + subnode * nv
            for factor in 0..<factors {
                let du = w.dz + (subnode + factor) * nv
                for v in 0..<nv {
                    // The product of the other factors, not h / u: a factor may be 0.
                    var product = scale * d[v]
                    for other in 0..<factors where other != factor { product *= T.zeroWhereZero(u[other * nv + v], product) }
                    du[v] = product
                }
            }
            subnode += factors
        }
        for o in 0..<outputs {
            let du = w.dz + o * nv
            gradient.nodes[2 * nodes + o] += RowKernels<T>.sum(du, nv)
            gradient.nodes[2 * nodes + outputs + o] += RowKernels<T>.dotWhereNotZero(du, rows.z + o * nv, nv)
            let scale = state[shape.subnodeScale + o]
            for v in 0..<nv { du[v] *= scale }
        }
    }
}
