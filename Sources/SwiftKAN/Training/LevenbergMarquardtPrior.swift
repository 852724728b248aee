// SmoothnessPrior: what decides where no sample does.
//
// What it must get right, in this order:
//   1. Coefficients that samples determine do not notice it: its weight is a tiny part of what samples have.
//   2. A spline goes on as smoothly as it came where it has no samples: in the margin of a grid, and in cells that a finer grid has
//      left empty. After a refinement what goes on smoothly is the correction to the coarser spline, whose long cells knew
//      better: the last of 100 cells may hold no sample, or a few in a corner that say next to nothing of a coefficient.
//   3. Value, gradient and matrix are of one function, so that the gain ratio stays what it says.
//
// To the objective is added q(w) = ½ Σ_e s_e Σ_b (Σ_j a_bj w_(b+j))² over edges e with the coefficients w of their splines, s_e =
// strength × the mean of H_jj over the edge's coefficients, frozen for a step; in a continued training w is what has changed since
// its beginning. Rows a are divided differences over the splines' nodes ξ_b = (t_(b+1) + … + t_(b+k))/k (Greville's), their largest
// number made 1: 0 for a straight line on any knots. Among the solutions that fit equally well it takes the one that bends least (Eilers and Marx, Statistical Science 11, 1996).

struct SmoothnessPrior {
    /// The splines of one edge: coefficient b stands in column first + b·step.
    private struct Edge {
        let first, step, rows, firstRow: Int
        let weight: Double
    }
    private var edges: [Edge] = []
    /// Rows of order + 1 numbers.
    private var differences: [Double] = []

    private static var order: Int { 2 }  // `addDifference` has as many nodes and one more
    private var order: Int { Self.order }
    /// As a part of what samples have. The second, for corrections, may be larger: they are small and rough where they matter.
    /// exp(sin πx₁ + x₂²) with [2, 1, 1], 100 cells and 1000 samples, the worst of six seeds on other points: an error of 3e-5 with
    /// 1e-8, 1e-5 with 1e-6, and 3e-2 with 1e-4, which hinders the training itself.
    private static var strengths: (first: Double, continued: Double) { (1e-10, 1e-7) }

    /// Takes over the columns, knots and sizes of `equations`, whose matrix must not have the prior's own part yet.
    mutating func update<T: KANScalar>(_ equations: NormalEquations<T>, continued: Bool) {
        edges.removeAll(keepingCapacity: true)
        differences.removeAll(keepingCapacity: true)
        guard let h = equations.matrix?.base else { return }
        let strength = continued ? Self.strengths.continued : Self.strengths.first
        for unit in equations.units where unit.layer >= 0 {
            let shape = equations.evaluator.folded[unit.layer].shape
            let rows = shape.basisCount - Self.order
            guard rows > 0 else { continue }
            let knots = equations.evaluator.state + shape.knots + unit.input * shape.knotCount
            let firstRow = differences.count
            for b in 0..<rows { addDifference { Self.node(knots, b + $0, shape.k) } }
            for e in 0..<unit.width {
                let first = unit.column + e
                let sum = (0..<shape.basisCount).reduce(0.0) { sum, b in
                    let c = first + b * unit.width
                    return sum + h[c * equations.count + c]
                }
                edges.append(
                    Edge(
                        first: first, step: unit.width, rows: rows, firstRow: firstRow,
                        weight: strength * sum / Double(shape.basisCount)))
            }
        }
    }

    /// q at the coefficients w, in the columns' order.
    func value(_ w: [Double]) -> Double {
        var q = 0.0
        forEachRow { first, step, weight, a in
            var d = 0.0
            for j in 0...order { d += a[j] * w[first + j * step] }
            q += 0.5 * weight * d * d
        }
        return q
    }

    /// Adds the gradient of q at w.
    func addGradient(_ w: [Double], to g: inout [Double]) {
        forEachRow { first, step, weight, a in
            var d = 0.0
            for j in 0...order { d += a[j] * w[first + j * step] }
            for j in 0...order { g[first + j * step] += weight * d * a[j] }
        }
    }

    /// Adds the second derivatives of q to the upper triangle of h (count, count).
    func addMatrix(to h: UnsafeMutablePointer<Double>, count: Int) {
        forEachRow { first, step, weight, a in
            for i in 0...order {
                for j in i...order { h[(first + i * step) * count + first + j * step] += weight * a[i] * a[j] }
            }
        }
    }

    /// Calls `body` for every difference: its first column, the distance to the next ones, its weight and its numbers.
    private func forEachRow(_ body: (_ first: Int, _ step: Int, _ weight: Double, _ a: UnsafePointer<Double>) -> Void) {
        differences.withUnsafeBufferPointer { a in
            guard let a = a.baseAddress else { return }
            for edge in edges where edge.weight > 0 {
                for row in 0..<edge.rows {
                    body(edge.first + row * edge.step, edge.step, edge.weight, a + edge.firstRow + row * (order + 1))
                }
            }
        }
    }

    private static func node<T: KANScalar>(_ knots: UnsafePointer<T>, _ b: Int, _ k: Int) -> Double {
        if k == 0 { return Double(knots[b] + knots[b + 1]) / 2 }
        return (1...k).reduce(0.0) { $0 + Double(knots[b + $1]) } / Double(k)
    }

    /// Adds the row of weights 1/Π(ξ_j - ξ_i) of nodes 0 … order, the largest made 1; all 0 where nodes are equal.
    private mutating func addDifference(_ node: (Int) -> Double) {
        let first = differences.count
        let nodes = SIMD3(node(0), node(1), node(2))
        var largest = 0.0
        for j in 0...order {
            var weight = 1.0
            for i in 0...order where i != j { weight /= nodes[j] - nodes[i] }
            differences.append(weight)
            largest = max(largest, abs(weight))
        }
        let isUsable = largest > 0 && largest.isFinite
        for j in first...(first + order) { differences[j] = isUsable ? differences[j] / largest : 0 }
    }
}
