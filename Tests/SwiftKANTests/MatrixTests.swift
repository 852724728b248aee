// Products of dense matrices, against sums written out, for shapes with and without whole vectors of columns.

import Testing
@testable import SwiftKAN

@Suite struct MatrixTests {
    private func matrix(_ rows: Int, _ columns: Int, seed: UInt32) -> Matrix {
        Matrix(rows, columns, uniform(rows * columns, seed: seed))
    }

    private func entry(_ m: Matrix, _ r: Int, _ c: Int) -> Double { m.values[r * m.columns + c] }

    private func isNear(_ m: Matrix, _ rows: Int, _ columns: Int, _ expected: (Int, Int) -> Double) -> Bool {
        guard m.rows == rows, m.columns == columns, m.values.count == rows * columns else { return false }
        return (0..<rows).allSatisfy { r in (0..<columns).allSatisfy { abs(entry(m, r, $0) - expected(r, $0)) < 1e-13 } }
    }

    @Test(arguments: [(1, 1, 1), (3, 4, 5), (2, 9, 17), (5, 16, 8), (4, 1, 30)])
    func products(rows: Int, inner: Int, columns: Int) {
        let (a, b) = (matrix(rows, inner, seed: 1), matrix(inner, columns, seed: 2))
        let (at, bt) = (matrix(inner, rows, seed: 3), matrix(columns, inner, seed: 4))
        func sum(_ term: (Int) -> Double) -> Double { (0..<inner).reduce(0) { $0 + term($1) } }
        #expect(isNear(a * b, rows, columns) { r, c in sum { entry(a, r, $0) * entry(b, $0, c) } })
        #expect(isNear(at.transposedTimes(b), rows, columns) { r, c in sum { entry(at, $0, r) * entry(b, $0, c) } })
        #expect(isNear(a.timesTransposed(bt), rows, columns) { r, c in sum { entry(a, r, $0) * entry(bt, c, $0) } })
    }

    @Test(arguments: [(1, 1), (3, 4), (2, 19)])
    func rowsAndColumns(rows: Int, columns: Int) {
        let (a, b) = (matrix(rows, columns, seed: 5), matrix(rows, columns, seed: 6))
        let (factors, row): ([Double], [Double]) = (uniform(rows, seed: 7), uniform(columns, seed: 8))
        #expect(isNear(a.scalingRows(factors), rows, columns) { r, c in entry(a, r, c) * factors[r] })
        #expect(isNear(Matrix(1, columns, a.columnSums), 1, columns) { _, c in (0..<rows).reduce(0) { $0 + entry(a, $1, c) } })
        #expect(isNear(Matrix(1, rows, a.rowDots(b)), 1, rows) { _, r in (0..<columns).reduce(0) { $0 + entry(a, r, $1) * entry(b, r, $1) } })
        var sum = a
        sum += b
        #expect(isNear(sum, rows, columns) { r, c in entry(a, r, c) + entry(b, r, c) })
        sum.addToRows(row)
        #expect(isNear(sum, rows, columns) { r, c in entry(a, r, c) + entry(b, r, c) + row[c] })
    }
}
