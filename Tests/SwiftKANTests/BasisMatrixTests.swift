// The basis matrix for fits: the recursion's numbers at any count of points, from knots of either type.

import Testing
@testable import SwiftKAN

@Suite struct BasisMatrixTests {
    @Test(arguments: [0, 1, 3, 5], [1, 7, 8, 128, 129, 300])
    func againstTheRecursion(k: Int, count: Int) throws {
        let grid = 4
        let knots = knotVector(grid: grid, k: k)
        var matrix = try BasisMatrix(knots: knots, grid: grid, k: k)
        #expect(matrix.columns == grid + k)
        let points = uniform(count - 1, knots[0] - 0.2, knots[grid + 2 * k] + 0.2, seed: 2) + [knots[k + grid]]
        let rows = matrix.rows(at: points)
        for (r, x) in points.enumerated() {
            for b in 0..<(grid + k) {
                #expect(abs(rows[r * (grid + k) + b] - coxDeBoor(knots, b, k, x, closed: k == 0)) < 1e-14)
            }
        }
        #expect(matrix.rows(at: []).isEmpty)
    }

    /// A float network's knots are taken as they are, and all arithmetic is in double precision.
    @Test func floatKnots() throws {
        let single = knotVector(grid: 3, k: 3).map { Float($0) }
        var fromFloat = try BasisMatrix(knots: single, grid: 3, k: 3)
        var fromDouble = try BasisMatrix(knots: single.map { Double($0) }, grid: 3, k: 3)
        let points = uniform(20, -1, 1, seed: 3)
        #expect(fromFloat.rows(at: points) == fromDouble.rows(at: points))
    }
}
