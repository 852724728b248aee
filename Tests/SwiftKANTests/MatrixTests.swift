// Products of dense matrices, against sums written out, for shapes with and without whole vectors of columns.

import Testing
@testable import SwiftKAN

@Suite struct MatrixTests {
    /// A matrix and its memory.
    private final class Store {
        var numbers: [Double]
        let rows, columns: Int

        init(_ rows: Int, _ columns: Int, seed: UInt32) {
            (self.rows, self.columns) = (rows, columns)
            numbers = uniform(rows * columns, seed: seed)
        }

        func entry(_ r: Int, _ c: Int) -> Double { numbers[r * columns + c] }

        func with(_ body: (Matrix) -> Void) {
            numbers.withUnsafeMutableBufferPointer { body(Matrix(rows, columns, $0.baseAddress!)) }
        }

        func isNear(_ expected: (Int, Int) -> Double) -> Bool {
            (0..<rows).allSatisfy { r in (0..<columns).allSatisfy { abs(entry(r, $0) - expected(r, $0)) < 1e-13 } }
        }
    }

    @Test(arguments: [(1, 1, 1), (3, 4, 5), (2, 9, 17), (5, 16, 8), (4, 1, 30)])
    func products(rows: Int, inner: Int, columns: Int) {
        let (a, b) = (Store(rows, inner, seed: 1), Store(inner, columns, seed: 2))
        let (at, bt) = (Store(inner, rows, seed: 3), Store(columns, inner, seed: 4))
        let c = Store(rows, columns, seed: 5)
        var before = c.numbers
        func sum(_ term: (Int) -> Double) -> Double { (0..<inner).reduce(0) { $0 + term($1) } }
        func old(_ r: Int, _ c: Int) -> Double { before[r * columns + c] }
        at.with { at in b.with { b in c.with { $0.addProduct(transposed: at, b) } } }
        #expect(c.isNear { r, c in old(r, c) + sum { at.entry($0, r) * b.entry($0, c) } })
        before = c.numbers
        a.with { a in bt.with { bt in c.with { $0.addProduct(a, transposed: bt) } } }
        #expect(c.isNear { r, c in old(r, c) + sum { a.entry(r, $0) * bt.entry(c, $0) } })
        a.with { a in b.with { b in c.with { $0.fillProduct(a, b) } } }
        #expect(c.isNear { r, c in sum { a.entry(r, $0) * b.entry($0, c) } })
    }

    @Test(arguments: [(1, 1), (3, 4), (2, 19)])
    func rowsAndColumns(rows: Int, columns: Int) {
        let (a, b, sums) = (Store(rows, columns, seed: 6), Store(rows, columns, seed: 7), Store(1, columns, seed: 8))
        let factors: [Double] = uniform(rows, seed: 9)
        sums.with { $0.fillColumnSums(a.numbers, rows: rows) }
        #expect(sums.isNear { _, c in (0..<rows).reduce(0) { $0 + a.entry($1, c) } })
        Matrix.scaleRows(a.numbers, rows, columns, factors, into: &b.numbers)
        #expect(b.isNear { r, c in a.entry(r, c) * factors[r] })
        for r in 0..<rows {
            let dot = Matrix.dot(a.numbers, from: r * columns, b.numbers, at: r * columns, columns)
            #expect(abs(dot - (0..<columns).reduce(0) { $0 + a.entry(r, $1) * b.entry(r, $1) }) < 1e-13)
        }
        let last = (rows - 1) * columns
        let before = b.numbers
        Matrix.add(sums.numbers, times: 3, columns, to: &b.numbers, at: last)
        #expect(b.isNear { r, c in before[r * columns + c] + (r == rows - 1 ? 3 * sums.entry(0, c) : 0) })
        a.with { a in b.with { $0.copy(a) } }
        #expect(b.numbers == a.numbers)
        b.with { $0.fill(2) }
        #expect(b.numbers.allSatisfy { $0 == 2 })
    }
}
