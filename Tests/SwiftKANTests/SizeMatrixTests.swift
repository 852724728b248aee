// R(v) of a matrix of sizes against its formula, entry by entry, and dR/dv against differences, for columns around whole vectors.

import Testing
@testable import SwiftKAN

@Suite struct SizeMatrixTests {
    /// The formula at the head of Regularization.swift.
    private func naive(_ v: [Double], _ rows: Int, _ columns: Int, _ lambL1: Double, _ lambEntropy: Double) -> Double {
        func entropy(_ numbers: [Double]) -> Double {
            let total = numbers.reduce(1, +)
            return numbers.reduce(0) { $0 - $1 / total * Double.log($1 / total + 1e-4) / Double.log(2.0) }
        }
        let byRow = (0..<rows).map { r in entropy((0..<columns).map { v[r * columns + $0] }) }
        let byColumn = (0..<columns).map { c in entropy((0..<rows).map { v[$0 * columns + c] }) }
        return lambL1 * v.reduce(0, +)
            + lambEntropy * (byRow.reduce(0, +) / Double(rows) + byColumn.reduce(0, +) / Double(columns))
    }

    @Test(arguments: [1, 2, 5], [1, 3, 7, 8, 9, 16, 21]) func formulaAndGradient(rows: Int, columns: Int) {
        var v = uniform(rows * columns, 0, 2, seed: UInt32(rows + 10 * columns))
        if v.count > 2 { v[1] = 0 }
        var matrix = SizeMatrix(rows: rows, columns: columns, v: v)
        let expected = naive(v, rows, columns, 0.7, 1.3)
        for _ in 0..<2 {  // the second call finds the memory of the first
            #expect(abs(matrix.penalty(lambL1: 0.7, lambEntropy: 1.3) - expected) <= 1e-13 * expected)
        }
        #expect(matrix.slope.count == v.count)
        for e in v.indices {
            let step = 3e-8  // at v = 0 slopes change within 1e-4
            func moved(_ by: Double) -> Double {
                var copy = v
                copy[e] += by
                return naive(copy, rows, columns, 0.7, 1.3)
            }
            #expect(abs(matrix.slope[e] - (moved(step) - moved(-step)) / (2 * step)) < 1e-6, "entry \(e)")
        }
    }

    /// p = q = 1/2: H_r = H_c = -½·log2(½ + 1e-4).
    @Test func aKnownMatrix() {
        var matrix = SizeMatrix(rows: 1, columns: 1, v: [1])
        let entropy = -0.5 * Double.log(0.5001) / Double.log(2.0)
        #expect(abs(matrix.penalty(lambL1: 2, lambEntropy: 3) - (2 + 3 * 2 * entropy)) < 1e-15)
    }

    @Test func emptyMatricesAddNothing() {
        var matrix = SizeMatrix(rows: 3, columns: 4, v: [])
        #expect(matrix.penalty(lambL1: 1, lambEntropy: 1) == 0 && matrix.slope.isEmpty)
    }
}
