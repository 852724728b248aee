// Knot insertion: the same function inside the grid on 2, 3, 5 times as many cells, for any knots and degree.

import Testing
@testable import SwiftKAN

@Suite struct KnotInsertionTests {
    /// Largest error inside the grid after refining by `factor`, relative to the coefficients' size 1.
    private func error(_ old: [Double], grid: Int, k: Int, factor: Int, seed: UInt32) -> Double {
        var new = [Double](repeating: 0, count: grid * factor + 1 + 2 * k)
        let interior = old.withUnsafeBufferPointer { KnotVector.refined($0.baseAddress! + k, grid: grid, to: grid * factor) }
        for (m, t) in interior.enumerated() { new[k + m] = t }
        KnotVector.extend(&new, grid: grid * factor, k: k)
        let coef = uniform(2 * (grid + k), seed: seed)
        let fine = KnotInsertion(from: old, oldGrid: grid, to: new, newGrid: grid * factor, k: k).coefficients(coef, outputs: 2)
        #expect(fine.count == 2 * (grid * factor + k))
        let (low, high) = (old[k], old[k + grid])
        // The very end belongs to the next cell.
        let x = (uniform(40, low, high, seed: seed + 1) + old[k..<(k + grid)] + [high - 1e-9 * (high - low)]).filter { $0 < high }
        var worst = 0.0
        for o in 0..<2 {
            let half = fine.count / 2
            let (a, b) = (Array(coef[(o * (grid + k))..<((o + 1) * (grid + k))]), Array(fine[(o * half)..<((o + 1) * half)]))
            for point in x {
                let difference = naiveSpline(old, k: k, coef: a, point) - naiveSpline(new, k: k, coef: b, point)
                worst = difference.isNaN ? .infinity : max(worst, abs(difference))
            }
        }
        return worst
    }

    @Test(arguments: 0...5, [1, 2, 3, 5])
    func sameFunction(k: Int, factor: Int) {
        for grid in [1, 3, 4] {
            #expect(error(knotVector(grid: grid, k: k, even: true), grid: grid, k: k, factor: factor, seed: 1) < 1e-12)
            #expect(error(knotVector(grid: grid, k: k, seed: 7), grid: grid, k: k, factor: factor, seed: 2) < 1e-12)
        }
    }

    /// Quantile knots of data with ties repeat.
    @Test(arguments: 0...3) func repeatedKnots(k: Int) {
        let grid = 5
        for equal in [[0, 1], [3, 4], [4, 5], [1, 2]] {
            var knots = knotVector(grid: grid, k: k)
            knots[k + equal[1]] = knots[k + equal[0]]
            KnotVector.extend(&knots, grid: grid, k: k)
            #expect(error(knots, grid: grid, k: k, factor: 2, seed: 3) < 1e-12, "knots \(equal) equal, k \(k)")
        }
    }

    /// With k = 1 a coefficient is the value at a knot.
    @Test func hats() {
        let insertion = KnotInsertion(from: [-1, 0, 1, 2, 3], oldGrid: 2, to: [-0.5, 0, 0.5, 1, 1.5, 2, 2.5], newGrid: 4, k: 1)
        #expect(insertion.coefficients([3, 5, -1], outputs: 1) == [3, 4, 5, 2, -1])
    }
}
