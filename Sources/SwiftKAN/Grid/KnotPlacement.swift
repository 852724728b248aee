// KnotPlacement: where a moved grid has its knots: how far beyond the samples, and whether more of them where splines bend.
//
// What it must get right, in this order:
//   1. The default is pykan's: knots at quantiles of the samples, ending at the outermost of them.
//   2. With curvature every cell still has samples enough to determine its splines.
//
// A spline of degree k with cells of width h misses a function by about h^(k+1)·f^(k+1), so that a cell with c of n samples has the
// part e = √(c/n)·h^(k+1)·|f^(k+1)| of the root mean square error. That is least for G cells where all parts are equal (de Boor, A
// Practical Guide to Splines, chapter XII; his Newnot is the case of the largest error), which a cell reaches at once if it gets
// knots in proportion to e^(1/(k + 3/2)). f^(k+1) is estimated as he does, from the steps of the k-th derivative that the spline has
// at its knots. At a step or kink of f the estimate falls slowly from cell to cell; the exponent is made 1.5 times as large, and knots
// gather there within a few moves. The edges that share a grid count together. As a grid has other tasks than the
// estimate knows of, half of the knots stay quantiles.

/// Where the knots of a moved grid are.
public struct KnotPlacement: Sendable {
    /// How far grids reach beyond the outermost samples at either end, as a part of the samples' range, 0 … 1.
    public var margin: Double
    /// Half of the knots where splines bend, instead of all at quantiles of the samples.
    public var curvature: Bool

    public init(margin: Double = 0, curvature: Bool = false) {
        (self.margin, self.curvature) = (margin, curvature)
    }

    func checked() throws(KANError) {
        guard margin >= 0, margin <= 1 else { throw .invalid("grid_margin is \(margin); it must be from 0 to 1") }
    }
}

extension KAN {
    /// Samples that a cell has at least, as far as weights can see to it.
    private static var samplesACell: Double { 2 }

    /// See above; from 2 on smooth functions would have no resting place.
    private static var relaxation: Double { 1.5 }

    /// Weights of sorted samples of input i of layer l, whose quantiles are knots by curvature.
    func curvatureWeights(_ sorted: [T], layer l: Int, input i: Int) -> [Double] {
        let shape = layers[l]
        let (G, k, n) = (shape.grid, shape.k, sorted.count)
        let knots = (0..<shape.knotCount).map { Double(state[shape.knots + i * shape.knotCount + $0]) }
        // The k-th derivative in each cell of the grid, edge by edge, and its steps.
        var bend = [Double](repeating: 0, count: G)
        for o in 0..<shape.outputs {
            let edge = i * shape.outputs + o
            let scale = Double(state[shape.mask + edge]) * Double(state[shape.scaleSp + edge])
            let slope = highestDerivative((0..<shape.basisCount).map { Double(state[shape.coef + edge * shape.basisCount + $0]) }, knots, k)
            for cell in 0..<G {
                var steepest = 0.0
                for other in [cell - 1, cell + 1] where other >= 0 && other < G {
                    let distance = abs(knots[k + other] + knots[k + other + 1] - knots[k + cell] - knots[k + cell + 1]) / 2
                    if distance > 0 { steepest = max(steepest, abs(slope[other] - slope[cell]) / distance) }
                }
                bend[cell] += scale * scale * steepest * steepest
            }
        }
        // What knots each cell of the old grid is due, spread over its samples.
        var due = [Double](repeating: 0, count: G)
        var cellOf = [Int](repeating: 0, count: n)
        var counts = [Double](repeating: 0, count: G)
        var cell = 0
        for s in 0..<n {
            while cell < G - 1, Double(sorted[s]) >= knots[k + cell + 1] { cell += 1 }
            cellOf[s] = cell
            counts[cell] += 1
        }
        let power = Self.relaxation / (Double(k) + 1.5)
        for c in 0..<G where counts[c] > 0 && bend[c] > 0 {
            let width = max(knots[k + c + 1] - knots[k + c], 0)
            let error = 0.5 * Double.log(counts[c] / Double(n) * bend[c]) + Double(k + 1) * Double.log(max(width, 1e-300))
            due[c] = error.isFinite ? Double.exp(power * error) : 0
        }
        let total = due.reduce(0, +)
        guard total > 0, total.isFinite else { return [Double](repeating: 1, count: n) }
        let most = Double(n) / (Double(G) * Self.samplesACell)
        return cellOf.map { min(0.5 + 0.5 * Double(n) * due[$0] / (total * counts[$0]), max(most, 1)) }
    }

    /// The k-th derivative of a spline, constant in each cell of the grid (The NURBS Book, eq. 3.7).
    private func highestDerivative(_ coef: [Double], _ knots: [Double], _ k: Int) -> [Double] {
        var values = coef
        for order in stride(from: 1, through: k, by: 1) {
            let degree = k - order + 1
            // values[b] is the coefficient of the spline of degree `degree` that begins at knot b + order - 1.
            values = (1..<max(values.count, 1)).map { b in
                let width = knots[b + order - 1 + degree] - knots[b + order - 1]
                return width > 0 ? Double(degree) * (values[b] - values[b - 1]) / width : 0
            }
        }
        return values
    }
}
