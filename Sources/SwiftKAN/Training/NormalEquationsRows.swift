// The rows of J that normal equations are made of: basis values once a sample, gradients once a sample and seed.
//
// What it must get right, in this order:
//   1. Exact derivatives, also through multiplication nodes, symbolic edges and node scales; the network's own backward sweep
//      passes them from layer to layer.
//   2. The same spline functions as `BSplineTable`: the k + 1 that can be non-zero at a sample, 0 outside the knots.
//   3. Seeds v_m with Σ_m v_m v_mᵀ = ∂²loss/∂output² (or a larger matrix, where that one is not positive).

extension Target {
    /// Backward sweeps a sample needs.
    var seeds: Int { outputs }

    /// Writes seed m of the block's samples, whose predictions are in `output`, into `dx`.
    ///
    ///   mse: √(2w) e_m;  huber: √(w·min(1, δ/|r_m|)) e_m, the parabola that touches the loss at r and lies above it (Huber and
    ///   Ronchetti, Robust Statistics, §7.8);  bce: √(w σ(1 - σ)) e_m;
    ///   cross-entropy: √(w p_m)·(e_m - p), because Σ_m p_m (e_m - p)(e_m - p)ᵀ = diag(p) - p pᵀ for p = softmax(output);
    /// w the sample's share of the mean.
    func seed(_ m: Int, _ w: Workspace<T>, start: Int) {
        let width = w.nv * T.lanes
        let p = UnsafeRawPointer(w.output).assumingMemoryBound(to: T.self)
        let d = UnsafeMutableRawPointer(w.dx).assumingMemoryBound(to: T.self)
        for e in 0..<(outputs * width) { d[e] = 0 }
        for s in 0..<w.samples {
            let share = scale * (weight.map { Double($0[start + s]) } ?? 1)
            let value = Double(p[m * width + s])
            var size = 0.0
            switch loss {
            case .mse: size = (2 * share).squareRoot()
            case .huber:
                let r = abs(value - Double(y?[(start + s) * outputs + m] ?? 0))
                let delta = Double(huberDelta)
                size = (share * (r > delta ? delta / r : 1)).squareRoot()
            case .bce:
                let e = Double.exp(-abs(value))
                size = (share * e).squareRoot() / (1 + e)
            case .crossEntropy:
                var top = -Double.infinity
                for o in 0..<outputs { top = max(top, Double(p[o * width + s])) }
                var sum = 0.0
                for o in 0..<outputs { sum += Double.exp(Double(p[o * width + s]) - top) }
                var mass = 1.0
                if labels == nil, let y {
                    mass = 0
                    for o in 0..<outputs { mass += Double(y[(start + s) * outputs + o]) }
                }
                size = (share * max(mass, 0) * Double.exp(value - top) / sum).squareRoot()
                for o in 0..<outputs { d[o * width + s] = T(-size * Double.exp(Double(p[o * width + s]) - top) / sum) }
            case .mae, .custom: break
            }
            d[m * width + s] += T(size)
        }
    }
}

extension NormalEquations {
    /// Basis values and gradients of `samples` samples, the first of which is number `first` of the data.
    @inline(never)
    func fillRows(
        _ x: UnsafePointer<T>, _ loss: Target<T>, first: Int, samples: Int, evaluation: Evaluation, unused: [AlignedBuffer<T>]
    ) throws(KANError) {
        guard let basis = basis?.base, let gradients = gradients?.base else { throw .internal("no memory for J") }
        let D = evaluator.architecture.inputs
        let depth = evaluator.folded.count
        // Layer by layer: the units of its inputs, and the parts of the tail.
        let layerUnits = (0..<depth).map { l in units.filter { $0.layer == l } }
        let tailOffset = units.last.flatMap { $0.layer < 0 ? $0 : nil }
        let layerTail = (0..<depth).map { l in tail.filter { $0.part.layer == l } }
        try evaluator.forEachBlock(samples) { w, shard, start, _ in
            w.load(x + start * D, columns: D, into: w.level(0))
            evaluator.forward(w, evaluation: evaluation, derivativesFrom: 1)
            let rows = basis + start * basisStride
            for l in 0..<depth {
                for unit in layerUnits[l] {
                    fillBasis(unit, w, rows)
                    if hasCovariances { fillBase(unit, w, rows) }
                }
            }
            if let tailOffset {
                for s in 0..<w.samples {
                    rows[s * basisStride + tailOffset.basisOffset] = 0
                    rows[s * basisStride + tailOffset.basisOffset + 1] = 1
                }
            }
            for m in 0..<loss.seeds {
                let row = gradients + (start * loss.seeds + m) * gradientStride
                let stride = loss.seeds * gradientStride
                loss.seed(m, w, start: first + start)
                for l in (0..<depth).reversed() {
                    let tailRow = row + (tailOffset?.gradientOffset ?? 0)
                    for t in layerTail[l] {
                        if case .nodes = t.part { fillNodes(l, w, tailRow + t.offset, stride) }
                    }
                    backward(w, layer: l, evaluation: evaluation, unused[shard].base)
                    for unit in layerUnits[l] {
                        for (e, o) in unit.outputs.enumerated() {
                            copy(w.dz + o * w.nv, w.samples, to: row + unit.gradientOffset + e, stride)
                        }
                    }
                    for t in layerTail[l] { fillTail(t.part, w, evaluation, tailRow + t.offset, stride) }
                }
            }
        }
    }

    /// One layer of the network's backward sweep: from dL/d(next x) in `dx` to dL/dz in `dz` and dL/dx in `dx`.
    @inline(never)
    private func backward(_ w: Workspace<T>, layer l: Int, evaluation: Evaluation, _ unused: UnsafeMutablePointer<T>) {
        let layout = evaluator.layout
        evaluator.folded[l].backward(
            w, layer: l, state: evaluator.state, evaluation: evaluation, inputGradient: l > 0, pulls: nil,
            gradient: GradientRows(
                weights: unused + layout.weights[l], affine: unused + layout.affine[l], nodes: unused + layout.nodes[l]))
    }

    @inline(__always)
    private func copy(_ row: UnsafePointer<T.Vector>, _ samples: Int, to target: UnsafeMutablePointer<Double>, _ stride: Int) {
        let values = UnsafeRawPointer(row).assumingMemoryBound(to: T.self)
        for s in 0..<samples { target[s * stride] = Double(values[s]) }
    }

    /// The functions of an input that can be non-zero at each sample: de Boor's algorithm for all of them (The NURBS Book, A2.2).
    ///
    /// They are B_{c-k} … B_c in the cell c of x. Of those, functions beyond the ends of the grid are left out by moving the
    /// run inside, with zeros where it has none.
    @inline(never)
    private func fillBasis(_ unit: NormalUnit, _ w: Workspace<T>, _ rows: UnsafeMutablePointer<Double>) {
        let shape = evaluator.folded[unit.layer].shape
        let (k, cellCount, nb) = (shape.k, shape.grid + 2 * shape.k, shape.basisCount)
        let knots = evaluator.state + shape.knots + unit.input * shape.knotCount
        let x = UnsafeRawPointer(w.layers[unit.layer].x + unit.input * w.nv).assumingMemoryBound(to: T.self)
        if let table = evaluator.folded[unit.layer].local?.table(unit.input) {
            for s in 0..<w.samples {
                let (cell, u) = table.locate(x[s])
                let (target, values) = (rows + s * basisStride + unit.basisOffset, table.values(cell, u, k: k))
                target[0] = Double(table.first[cell])
                for j in 0...k { target[1 + j] = Double(values[j]) }
            }
            return
        }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: k + 1) { scratch in
            guard let b = scratch.baseAddress else { return }
            for s in 0..<w.samples {
                let target = rows + s * basisStride + unit.basisOffset
                let value = x[s]
                for j in 0...(k + 1) { target[j] = 0 }
                guard value >= knots[0], k == 0 ? value <= knots[cellCount] : value < knots[cellCount] else { continue }
                // The last knot that is not above x begins its cell.
                var (low, high) = (0, cellCount)
                while high - low > 1 {
                    let middle = (low + high) / 2
                    if value >= knots[middle] { low = middle } else { high = middle }
                }
                fill(b, knots: knots, cell: low, k: k, last: cellCount, Double(value))
                let start = max(0, min(low - k, nb - 1 - k))
                target[0] = Double(start)
                for j in 0...k {
                    let function = low - k + j
                    if function >= 0 && function < nb { target[1 + function - start] = b[j] }
                }
            }
        }
    }

    /// The base function's values, behind those of the splines.
    @inline(never)
    private func fillBase(_ unit: NormalUnit, _ w: Workspace<T>, _ rows: UnsafeMutablePointer<Double>) {
        let x = w.layers[unit.layer].x + unit.input * w.nv
        evaluator.folded[unit.layer].baseFunction.rows(T.self, x: x, nv: w.nv, value: w.edge, derivative: nil)
        copy(w.edge, w.samples, to: rows + unit.basisOffset + 1 + unit.active, basisStride)
    }

    /// b[j] = B_{cell-k+j}(x), j = 0 … k. Knots beyond the ends enter only functions that the grid does not have.
    @inline(__always)
    private func fill(
        _ b: UnsafeMutablePointer<Double>, knots: UnsafePointer<T>, cell: Int, k: Int, last: Int, _ x: Double
    ) {
        func knot(_ m: Int) -> Double { Double(knots[max(0, min(m, last))]) }
        b[0] = 1
        for p in stride(from: 1, through: k, by: 1) {
            var saved = 0.0
            for r in 0..<p {
                let (low, high) = (knot(cell + 1 - p + r), knot(cell + r + 1))
                let part = b[r] / (high - low)
                b[r] = saved + (high - x) * part
                saved = (x - low) * part
            }
            b[p] = saved
        }
    }
}
