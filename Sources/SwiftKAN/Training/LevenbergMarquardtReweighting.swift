// The curvature of a regulariser: absolute values and standard deviations as weighted squares, weighted anew in every step.
//
// What it must get right, in this order:
//   1. What is added to H is positive semidefinite, so that a step still leads down.
//   2. Edges and coefficients that have become 0 stay there without a division by 0.
//
// |v| ≤ v²/(2|v₀|) + |v₀|/2 with equality at v = v₀: iteratively reweighted least squares (Daubechies et al., CPAM 63, 2010, eq.
// 1.7, for ℓ₁). A regulariser R(S) of standard deviations S_e then is, with S_e² = wᵀC_e w and C_e the covariance over the samples
// of edge e's splines and base function, at most a quadratic form in the edge's own coefficients w with the matrix
//   ∂R/∂S_e / S_e · C_e,
// where ∂R/∂S_e is not negative; where it is (entropy rewards an edge for being large) R falls along the tangent, which needs
// no curvature. Gradient and objective stay exact: all this only makes steps as long as they may be.

struct Reweighting {
    /// Sizes below this part of a layer's largest, and coefficients below this part of their edge's mean, count as that large.
    ///
    /// Their weight then is too small for the exact slope beside it, so that steps go past 0 and back: with 1e-3 edges that had become
    /// small did so until the damping held all others back, too, and training stopped half way. Less lets an edge of size 0 grow hardly
    /// at all in a step.
    private static var smallest: Double { 1e-6 }

    /// Adds the curvature of lamb·R to the upper triangle of `h`, where `objective` was what the equations' evaluator evaluated last; they
    /// must have covariances.
    ///
    /// - Parameter n: the number of samples.
    static func add<T: KANScalar>(
        _ objective: Objective, _ equations: NormalEquations<T>, n: Int, to h: UnsafeMutablePointer<Double>
    ) {
        let evaluator = equations.evaluator
        let (r, layers) = (objective.regularization, evaluator.architecture.layers)
        let leasts = evaluator.deviations.map { d in
            let largest = max(d.numerical.max() ?? 0, d.edge.max() ?? 0)  // a metric has one of them
            return smallest * (largest > 0 ? largest : 1)
        }
        for (u, unit) in equations.units.enumerated() where unit.layer >= 0 {
            let (d, shape, least) = (evaluator.deviations[unit.layer], layers[unit.layer], leasts[unit.layer])
            for (e, o) in unit.outputs.enumerated() {
                let edge = o * d.inputs + unit.input
                var weight = 0.0
                for (size, slope) in [(d.numerical[edge], d.dnumerical[edge]), (d.edge[edge], d.dedge[edge])] where slope > 0 {
                    weight += slope / max(size, least)
                }
                weight *= objective.lamb / Double(max(n - 1, 1))
                if weight > 0, weight.isFinite { equations.addCovariance(u, e, weight, to: h) }
                if r.lambCoef > 0 || r.lambCoefdiff > 0 {
                    addCoefficients(
                        objective.lamb * max(0, r.lambCoef) / Double(shape.outputs),
                        objective.lamb * max(0, r.lambCoefdiff) / Double(shape.outputs), equations, unit, e, to: h)
                }
            }
        }
    }

    /// Σ_b size·|coef_b| + roughness·|coef_(b+1) - coef_b| of one edge.
    private static func addCoefficients<T: KANScalar>(
        _ size: Double, _ roughness: Double, _ equations: NormalEquations<T>, _ unit: NormalUnit, _ e: Int,
        to h: UnsafeMutablePointer<Double>
    ) {
        let count = equations.evaluator.folded[unit.layer].shape.basisCount
        let columns = (0..<count).map { unit.column + $0 * unit.width + e }
        let coef = columns.map { Double(equations.evaluator.state[equations.target[$0]]) }
        let least = max(smallest * coef.reduce(0) { $0 + abs($1) } / Double(count), 1e-12)
        for b in 0..<count {
            let c = columns[b]
            let square = equations.factor[c] * equations.factor[c]
            h[c * equations.count + c] += size / max(abs(coef[b]), least) / square
            guard b + 1 < count else { continue }
            let next = columns[b + 1]
            let weight = roughness / max(abs(coef[b + 1] - coef[b]), least) / square
            h[c * equations.count + c] += weight
            h[next * equations.count + next] += weight
            h[c * equations.count + next] -= weight
        }
    }
}

extension NormalEquations {
    /// Adds the products of basis values of the samples at hand to the sums of each unit.
    func addCovariances(_ samples: Int) {
        guard let basis = basis?.base else { return }
        let stride = basisStride
        let sums = covariances
        ThreadPool.run(tasks: sums.count, threads: Threads.count) { u in
            let unit = units[u]
            let size = sums[u].size
            let sum = sums[u].sums.base
            for s in 0..<samples {
                let values = basis + s * stride + unit.basisOffset
                let first = Int(values[0])
                // The base function's value stands behind the splines', the number 1 is the last function.
                func index(_ j: Int) -> Int { j < unit.active ? first + j : size - 2 + (j - unit.active) }
                func value(_ j: Int) -> Double { j <= unit.active ? values[1 + j] : 1 }
                for i in 0..<(unit.active + 2) {
                    for j in 0..<(unit.active + 2) { sum[index(i) * size + index(j)] += value(i) * value(j) }
                }
            }
        }
    }

    /// H += weight · Σ_s (b - mean b)(b - mean b)ᵀ for the columns of edge e of unit u.
    func addCovariance(_ u: Int, _ e: Int, _ weight: Double, to h: UnsafeMutablePointer<Double>) {
        let (unit, size, sum) = (units[u], covariances[u].size, covariances[u].sums.base)
        let n = sum[size * size - 1]
        var columns: [(function: Int, column: Int)] = (0..<(size - 2)).map { ($0, unit.column + $0 * unit.width + e) }
        if let base = baseColumn(unit.layer, unit.input, unit.outputs[e]) { columns.append((size - 2, base)) }
        for (i, p) in columns.enumerated() {
            for q in columns[i...] {
                let mean = sum[p.function * size + size - 1] * sum[q.function * size + size - 1] / n
                h[p.column * count + q.column] += weight * (sum[p.function * size + q.function] - mean)
            }
        }
    }

    private func baseColumn(_ layer: Int, _ input: Int, _ output: Int) -> Int? {
        guard let last = units.last, last.layer < 0 else { return nil }
        for t in tail {
            if case .base(layer, input, output) = t.part { return last.column + t.offset }
        }
        return nil
    }
}
