// A layer applied to a block of samples: edges, sums, subnodes, products, nodes.
//
// What it must get right: the formula at the head of KAN.swift, in pykan's order of operations (MultKAN.py, forward);
// `layerBackward` in LayerBackward.swift is its mirror and follows the same order from the end.

extension FoldedLayer {
    /// Where the basis rows of input i stand in `LayerRows.basis`, and their derivatives in `derivative`: all inputs' at the same place, where
    /// they are made as they are used. Symbolic edges look at them later.
    @inline(__always)
    func basisPlace(_ i: Int, _ w: Workspace<T>) -> Int { sharesBasis(w) ? 0 : i &* rowCount &* w.nv }

    @inline(__always)
    func sharesBasis(_ w: Workspace<T>) -> Bool { !w.keepsBasis && !hasSymbolicEdges }

    /// Evaluates the basis and base rows of input i, if it has edges; derivatives too if `derivatives`.
    @inline(__always)
    func evaluateBasis(_ i: Int, _ w: Workspace<T>, _ rows: LayerRows<T>, derivatives: Bool) {
        if numericEdges[i].isEmpty { return }
        let (nv, place) = (w.nv, basisPlace(i, w))
        let x = rows.x + i * nv
        let basis = rows.basis + place
        let derivative = derivatives ? rows.derivative + place : nil
        table(i).rows(x: x, nv: nv, basis: basis, derivative: derivative, scratch: w.scratch)
        if baseFunction != .zero {
            let last = shape.basisCount * nv
            baseFunction.rows(T.self, x: x, nv: nv, value: basis + last, derivative: derivative.map { $0 + last })
        }
    }

    /// φ of a symbolic edge at the samples of `x`, into `post`; f and f' stay in the workspace's `value` and `slope`.
    @inline(never)
    func evaluate(
        _ e: SymbolicEdge<T>, x: UnsafePointer<T.Vector>, _ w: Workspace<T>, _ evaluation: Evaluation,
        slope: Bool, post: UnsafeMutablePointer<T.Vector>
    ) {
        let nv = w.nv
        for v in 0..<nv { w.argument[v] = e.a * x[v] + e.b }
        let scalars = { (p: UnsafeMutablePointer<T.Vector>) in
            UnsafeMutableRawPointer(p).assumingMemoryBound(to: T.self)
        }
        e.function.evaluate(
            scalars(w.argument), count: nv * T.lanes, value: scalars(w.value),
            derivative: slope ? scalars(w.slope) : nil, avoidSingularities: evaluation.avoidSingularities,
            yTh: T(evaluation.yTh))
        for v in 0..<nv { post[v] = e.mask * (e.c * w.value[v] + e.d) }
    }

    /// z = the sums of numeric edges.
    ///
    /// - Parameters:
    ///   - hasBasis: are the basis rows those of this block already.
    ///   - edgeMoments: receives the values of edges while they are at hand.
    @inline(__always)
    private func narrowForward(
        _ w: Workspace<T>, _ rows: LayerRows<T>, derivatives: Bool, hasBasis: Bool, edgeMoments: EdgeMoments?
    ) {
        let nv = w.nv
        RowKernels<T>.fill(rows.z, .zero, shape.outputs * nv)
        for i in 0..<shape.inputs {
            if !hasBasis { evaluateBasis(i, w, rows, derivatives: derivatives && !sharesBasis(w)) }
            let basis = rows.basis + basisPlace(i, w)
            let (edges, first) = (numericEdges[i], numericEdges.start(i))
            var e = 0
            while e &+ RowGroup<T>.count <= edges.count {
                let outputs = numericEdges.outputs(i) + e
                let (weights, z) = (weight(first &+ e), RowGroup<T>(rows.z, outputs, nv))
                if let edgeMoments {
                    addGroup(weights, basis, w, to: z, edgeMoments, first: i * shape.outputs, outputs)
                } else {
                    RowKernels<T>.addCombinations(weights, basis, rowCount, nv, to: z)
                }
                e = e &+ RowGroup<T>.count
            }
            while e < edges.count {
                let (weights, o) = (weight(first &+ e), edges[e])
                if let edgeMoments {
                    var values = RowMoments<T>()
                    let (z, last, valid) = (rows.z + o * nv, nv &- 1, w.valid[nv &- 1])
                    RowKernels<T>.combine(weights, basis, rowCount, nv) { v, sum in
                        z[v] += sum
                        values.add(sum, v, last: last, valid)
                    }
                    edgeMoments.add(values, w, to: i * shape.outputs + o)
                } else {
                    RowKernels<T>.addCombination(weights, basis, rowCount, nv, to: rows.z + o * nv)
                }
                e = e &+ 1
            }
        }
    }

    /// z += the values of a group of edges, whose moments go to the edges `first` + `outputs`.
    @inline(__always)
    private func addGroup(
        _ weights: UnsafePointer<T>, _ basis: UnsafePointer<T.Vector>, _ w: Workspace<T>, to z: RowGroup<T>,
        _ edgeMoments: EdgeMoments, first: Int, _ outputs: UnsafePointer<Int>
    ) {
        let (nv, last, valid) = (w.nv, w.nv &- 1, w.valid[w.nv &- 1])
        var (ma, mb, mc, md) = (RowMoments<T>(), RowMoments<T>(), RowMoments<T>(), RowMoments<T>())
        RowKernels<T>.combineGroup(weights, basis, rowCount, nv) { v, a, b, c, d in
            z.a[v] += a
            z.b[v] += b
            z.c[v] += c
            z.d[v] += d
            ma.add(a, v, last: last, valid)
            mb.add(b, v, last: last, valid)
            mc.add(c, v, last: last, valid)
            md.add(d, v, last: last, valid)
        }
        edgeMoments.add(ma, w, to: first &+ outputs[0])
        edgeMoments.add(mb, w, to: first &+ outputs[1])
        edgeMoments.add(mc, w, to: first &+ outputs[2])
        edgeMoments.add(md, w, to: first &+ outputs[3])
    }

    /// From the rows of this layer's inputs to those of the next level.
    ///
    /// - Parameters:
    ///   - hasBasis: are the basis rows of a narrow layer there already.
    ///   - hasSums: is z there already, symbolic edges included.
    ///   - edgeMoments: see `narrowForward`; none where there are symbolic edges.
    ///   - predicts: is nothing wanted but the values of nodes; `takeCells` came before.
    @inline(__always)
    func forward(
        _ w: Workspace<T>, layer l: Int, state: UnsafePointer<T>, evaluation: Evaluation, derivatives: Bool,
        hasBasis: Bool = false, hasSums: Bool = false, edgeMoments: EdgeMoments? = nil, predicts: Bool = false
    ) {
        let nv = w.nv
        let rows = w.layers[l]
        if hasSums {
            if !isWide && !sharesBasis(w) {
                for i in 0..<shape.inputs { evaluateBasis(i, w, rows, derivatives: derivatives) }
            }
            return nodesForward(w, layer: l, state: state)
        }
        if isWide {
            wideForward(w, rows, state: state, sums: l == 0 ? w.sums : nil)
        } else if predicts && usesCells {
            cellForward(w, rows)
        } else {
            narrowForward(w, rows, derivatives: derivatives, hasBasis: hasBasis, edgeMoments: edgeMoments)
        }
        for i in 0..<(hasSymbolicEdges ? shape.inputs : 0) {
            for e in symbolicEdges[i] {
                evaluate(e, x: rows.x + i * nv, w, evaluation, slope: false, post: w.symbolicEdge)
                let z = rows.z + e.output * nv
                for v in 0..<nv { z[v] += w.symbolicEdge[v] }
            }
        }
        nodesForward(w, layer: l, state: state)
    }

    /// u = subnode_scale·z + subnode_bias; h = sums and products of u; next x = node_scale·h + node_bias.
    @inline(__always)
    private func nodesForward(_ w: Workspace<T>, layer l: Int, state: UnsafePointer<T>) {
        let nv = w.nv
        let rows = w.layers[l]
        for o in 0..<shape.outputs {
            let (scale, bias) = (state[shape.subnodeScale + o], state[shape.subnodeBias + o])
            let (z, u) = (rows.z + o * nv, rows.u + o * nv)
            for v in 0..<nv { u[v] = scale * z[v] + bias }
        }
        let next = w.level(l + 1)
        var subnode = 0
        for node in 0..<shape.nodes {
            let factors = node < shape.sums ? 1 : shape.arities[node - shape.sums]
            let (h, u) = (rows.h + node * nv, rows.u + subnode * nv)
            for v in 0..<nv { h[v] = u[v] }
            for factor in 1..<max(factors, 1) {
                for v in 0..<nv { h[v] *= u[factor * nv + v] }
            }
            let (scale, bias) = (state[shape.nodeScale + node], state[shape.nodeBias + node])
            let x = next + node * nv
            for v in 0..<nv { x[v] = scale * h[v] + bias }
            subnode += factors
        }
    }
}
