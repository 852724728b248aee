// Initialisation: pykan's network for a seed, number for number.
//
// What it must get right, in this order:
//   1. The order of random draws: per layer first the spline noise (G + 1, inputs, outputs), then scale_base
//      (inputs, outputs), from torch's generator (KANLayer.py, __init__).
//   2. torch's arithmetic: linspace from both ends, grids extended by repeated addition, in the network's own type.
//   3. Little memory beside the network's: splines are fitted a bundle of edges at a time.

extension KAN {
    /// Fills the state; the network must be all zeros.
    ///
    /// - Throws: `KANError.invalid` if the settings ask for numbers that `T` cannot hold; `KANError.noMemory`.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    func initialize(_ settings: Settings) throws(KANError) {
        var random = MersenneTwister(seed: settings.seed)
        for shape in layers {
            for node in 0..<shape.nodes { state[shape.nodeScale + node] = 1 }
            for o in 0..<shape.outputs { state[shape.subnodeScale + o] = 1 }
            initializeKnots(shape, T(settings.gridRange.0), T(settings.gridRange.1))
            try initializeSplines(shape, noise: T(settings.noiseScale), &random)
            let root = T(shape.inputs).squareRoot()
            let (mu, sigma) = (T(settings.scaleBaseMu), T(settings.scaleBaseSigma))
            for e in 0..<shape.edges {
                let u = random.uniform(T.self)
                state[shape.scaleBase + e] = mu * (1 / root) + sigma * (u * 2 - 1) * (1 / root)
                state[shape.mask + e] = 1
            }
            if settings.sparseInit { sparsify(shape) }
            for e in 0..<shape.edges { state[shape.scaleSp + e] = (1 / root) * state[shape.mask + e] }
        }
        for e in 0..<architecture.stateCount where !state[e].isFinite {
            throw .invalid(
                "grid_range, noise_scale, scale_base_mu or scale_base_sigma is too large: knots, coefficients or scales "
                    + "exceed \(T.greatestFiniteMagnitude), the largest number of the dtype")
        }
    }

    /// The same uniform, extended grid for every input.
    private func initializeKnots(_ shape: LayerShape, _ low: T, _ high: T) {
        let knots = state + shape.knots
        let G = shape.grid
        let step = (high - low) / T(G)
        for m in 0...G {
            knots[shape.k + m] = m < (G + 1) / 2 ? low + step * T(m) : high - step * T(G - m)
        }
        KnotVector.extend(knots, grid: G, k: shape.k)
        for i in 1..<max(shape.inputs, 1) {
            (knots + i * shape.knotCount).update(from: knots, count: shape.knotCount)
        }
    }

    /// Coefficients of minimum norm whose splines take random values at the knots of the grid.
    private func initializeSplines(_ shape: LayerShape, noise: T, _ random: inout MersenneTwister) throws(KANError) {
        let (rows, nb, edges) = (shape.grid + 1, shape.basisCount, shape.edges)
        // Every bundle factorises the matrix anew, so bundles are larger than it is.
        let bundle = max(1024, 4 * nb)
        try requireMemory(doubles: Double(nb) * Double(rows + min(bundle, edges)))
        let values = try AlignedBuffer<T>(count: rows * edges)  // (rows, edges), as they are drawn
        for m in 0..<(rows * edges) { values.base[m] = (random.uniform(T.self) - 1 / 2) * noise / T(shape.grid) }
        var basis = try BasisMatrix(knots: state + shape.knots, grid: shape.grid, k: shape.k)
        var points = (0..<rows).map { Double(state[shape.knots + shape.k + $0]) }
        if shape.k == 0 { points[rows - 1] = Double(state[shape.knots + rows - 2]) }
        let matrix = basis.rows(at: points)
        for first in stride(from: 0, to: edges, by: bundle) {
            let count = min(bundle, edges - first)
            var fit = try StreamingLeastSquares(columns: nb, rightHandSides: count, blockRows: rows)
            let sides = try AlignedBuffer<Double>(count: rows * count)
            for m in 0..<rows {
                for e in 0..<count { sides.base[m * count + e] = Double(values.base[m * edges + first + e]) }
            }
            try fit.add(rows: rows, matrix: matrix, rightHandSides: sides.base)
            let solution = try fit.solve(rcond: Double.ulpOfOne * Double(max(rows, nb))).solution
            for e in 0..<count {
                for b in 0..<nb { state[shape.coef + (first + e) * nb + b] = T(solution[b * count + e]) }
            }
        }
    }

    /// Joins every input to its nearest output and every output to its nearest input (pykan's utils.py, sparse_mask).
    private func sparsify(_ shape: LayerShape) {
        let mask = state + shape.mask
        for e in 0..<shape.edges { mask[e] = 0 }
        // In the network's own arithmetic, as torch: rounding decides between two neighbours at the same distance.
        func position(_ index: Int, _ count: Int) -> T { T(index) / T(count) + T(1 / Double(2 * count)) }
        func nearest(_ p: T, among count: Int) -> Int {
            (0..<count).min { abs(position($0, count) - p) < abs(position($1, count) - p) } ?? 0
        }
        for i in 0..<shape.inputs { mask[i * shape.outputs + nearest(position(i, shape.inputs), among: shape.outputs)] = 1 }
        for o in 0..<shape.outputs { mask[nearest(position(o, shape.outputs), among: shape.inputs) * shape.outputs + o] = 1 }
    }
}
