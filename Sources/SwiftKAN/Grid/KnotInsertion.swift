// KnotInsertion: the coefficients of a spline on a finer grid that contains its own, without any fit.
//
// What it must get right, in this order:
//   1. Inside the grid the function is the same to rounding, whatever the knots outside.
//   2. Only affine combinations of neighbouring coefficients: no system is solved, so nothing can be ill-conditioned.
//
// Method (Ramshaw, "Blossoming: a connect-the-dots approach to splines", 1987): coefficient j of a spline of degree k on
// knots t is its blossom at t_{j+1} … t_{j+k}, taken on any cell of the support. The blossom on the old cell
// [τ_μ, τ_{μ+1}) is de Boor's recursion with one argument a level:
//   d_i^r = (1 - α) d_{i-1}^{r-1} + α d_i^{r-1},  α = (u_r - τ_i) / (τ_{i+k+1-r} - τ_i),  i = μ - k + r … μ.

struct KnotInsertion {
    private let k: Int
    private let old: [Double]
    private let new: [Double]
    private let oldGrid: Int
    private let newGrid: Int

    /// - Parameters: knots with their extensions, G + 1 + 2k numbers each.
    init(from old: [Double], oldGrid: Int, to new: [Double], newGrid: Int, k: Int) {
        (self.old, self.oldGrid, self.new, self.newGrid, self.k) = (old, oldGrid, new, newGrid, k)
    }

    /// (outputs, newGrid + k) from (outputs, oldGrid + k).
    func coefficients(_ coef: [Double], outputs: Int) -> [Double] {
        let (oldCount, newCount) = (oldGrid + k, newGrid + k)
        var result = [Double](repeating: 0, count: outputs * newCount)
        for j in 0..<newCount {
            let mu = oldCell(of: j)
            for o in 0..<outputs {
                var d = (0...k).map { coef[o * oldCount + mu - k + $0] }
                for r in stride(from: 1, through: k, by: 1) {
                    let u = new[j + r]
                    for i in stride(from: k, through: r, by: -1) {
                        let left = old[mu - k + i]
                        let alpha = (u - left) / (old[mu + i + 1 - r] - left)
                        d[i] = (1 - alpha) * d[i - 1] + alpha * d[i]
                    }
                }
                result[o * newCount + j] = d[k]
            }
        }
        return result
    }

    /// The old cell that holds the non-empty new cell of the grid nearest to the middle of the support of function j.
    private func oldCell(of j: Int) -> Int {
        let cells = max(j, k)...min(j + k, k + newGrid - 1)
        let middle = Double(2 * j + k) / 2
        let candidates = cells.filter { new[$0] < new[$0 + 1] }
        let cell = (candidates.isEmpty ? Array(cells) : candidates)
            .min { abs(Double($0) - middle) < abs(Double($1) - middle) } ?? k
        let point = (new[cell] + new[cell + 1]) / 2
        var mu = k
        while mu < k + oldGrid - 1 && !(point < old[mu + 1]) { mu += 1 }
        // An empty old cell has no polynomial of its own; its neighbour's is as good.
        while mu > k && !(old[mu] < old[mu + 1]) { mu -= 1 }
        return mu
    }
}
