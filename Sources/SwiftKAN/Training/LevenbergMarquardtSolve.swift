// DampedSolver: (H + λD) δ = -g for several λ, H symmetric and perhaps singular.
//
// What it must get right, in this order:
//   1. A direction in which the objective goes down, or nil; never a number that is not finite.
//   2. Units of parameters do not matter more than D lets them: the system is scaled to a diagonal of 1 + λ before it is solved.

import CLAPACK

struct DampedSolver {
    private var n = 0
    private var h: AlignedBuffer<Double>?
    private var factor: AlignedBuffer<Double>?
    /// 1/√D and the scaled gradient
    private var scale: [Double] = []
    private var slope: [Double] = []
    private var isFactored = false
    var checkpoint: Checkpoint?

    /// Takes over the upper triangle of H (row by row) and g. False if H is 0 or not finite.
    ///
    /// - Parameter least: what D is at least.
    mutating func load(_ matrix: AlignedBuffer<Double>, _ g: [Double], least: [Double]) throws(KANError) -> Bool {
        n = g.count
        h = matrix
        if factor?.count != n * n { factor = try AlignedBuffer(count: n * n) }
        scale.removeAll(keepingCapacity: true)
        slope.removeAll(keepingCapacity: true)
        for j in 0..<n {
            let d = max(matrix.base[j * n + j], least[j])
            guard d.isFinite, d > 0, g[j].isFinite else { return false }
            scale.append(1 / d.squareRoot())
            slope.append(scale[j] * g[j])
        }
        return true
    }

    /// δ and the decrease of the objective that the model promises; nil if the system cannot be solved with this λ.
    mutating func solve(_ lambda: Double) throws(KANError) -> (delta: [Double], predicted: Double)? {
        guard let h = h?.base, let f = factor?.base else { return nil }
        fill(f, h, lambda)
        var delta = slope.map { -$0 }
        isFactored = try Cholesky.factor(f, n, checkpoint: checkpoint)
        if isFactored {
            Cholesky.solve(f, n, &delta)
        } else {
            fill(f, h, lambda)
            guard let basic = basicSolution(f) else { return nil }
            delta = basic
        }
        var predicted = 0.0
        for j in 0..<n { predicted += 0.5 * delta[j] * (lambda * delta[j] - slope[j]) }
        for j in 0..<n { delta[j] *= scale[j] }
        guard predicted.isFinite, delta.allSatisfy(\.isFinite) else { return nil }
        return (delta, predicted)
    }

    /// (H + λD)⁻¹ r with the λ of the last `solve`; nil where that was singular.
    mutating func solveAgain(_ r: [Double]) -> [Double]? {
        guard isFactored, let f = factor?.base else { return nil }
        var x = (0..<n).map { scale[$0] * r[$0] }
        Cholesky.solve(f, n, &x)
        for j in 0..<n { x[j] *= scale[j] }
        return x.allSatisfy(\.isFinite) ? x : nil
    }

    /// δ·Dδ, the size that the damping sees.
    func size(_ delta: [Double]) -> Double {
        (0..<n).reduce(0) { $0 + (delta[$1] / scale[$1]) * (delta[$1] / scale[$1]) }.squareRoot()
    }

    /// H δ, or that of another matrix
    func product(_ delta: [Double], _ other: AlignedBuffer<Double>? = nil) -> [Double] {
        guard let h = (other ?? h)?.base else { return delta }
        var result = [Double](repeating: 0, count: n)
        delta.withUnsafeBufferPointer { d in
            result.withUnsafeMutableBufferPointer { sums in
                for r in 0..<n {
                    let (row, factor) = (h + r &* n, d[r])
                    sums[r] += Cholesky.dot(row, d, from: r, to: n)
                    for c in (r &+ 1)..<max(n, r &+ 1) { sums[c] += row[c] * factor }
                }
            }
        }
        return result
    }

    private func fill(_ f: UnsafeMutablePointer<Double>, _ h: UnsafePointer<Double>, _ lambda: Double) {
        for r in 0..<n {
            let factor = scale[r]
            for c in r..<n { f[r * n + c] = h[r * n + c] * factor * scale[c] }
            f[r * n + r] += lambda
        }
    }

    /// A singular system: as many unknowns as the rank, the rest 0 (Cholesky with complete pivoting).
    private func basicSolution(_ f: UnsafeMutablePointer<Double>) -> [Double]? {
        var order = Int32(n), rank: Int32 = 0, info: Int32 = 0, tolerance = -1.0
        var pivots = [Int32](repeating: 0, count: n)
        var work = [Double](repeating: 0, count: 2 * n)
        dpstrf_("L", &order, f, &order, &pivots, &rank, &tolerance, &work, &info, 1)
        guard info >= 0, rank > 0 else { return nil }
        let r = Int(rank)
        // L is column by column in f: L_ij at f[j·n + i].
        var x = (0..<r).map { -slope[Int(pivots[$0]) - 1] }
        for j in 0..<r {
            x[j] /= f[j * n + j]
            for i in (j + 1)..<max(r, j + 1) { x[i] -= f[j * n + i] * x[j] }
        }
        for j in (0..<r).reversed() {
            for i in (j + 1)..<max(r, j + 1) { x[j] -= f[j * n + i] * x[i] }
            x[j] /= f[j * n + j]
        }
        var delta = [Double](repeating: 0, count: n)
        for j in 0..<r { delta[Int(pivots[j]) - 1] = x[j] }
        return delta
    }
}
