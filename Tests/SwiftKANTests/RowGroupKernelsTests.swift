// The loops over four edges against those over one, bit by bit, for every number of vectors in a row around the unrolling, and rows likewise.

import Testing
@testable import SwiftKAN

@Suite struct RowGroupKernelsTests {
    private func all<T: KANScalar>(_ rows: Rows<T>, _ count: Int, _ nv: Int) -> [T] {
        (0..<count).flatMap { row in (0..<(nv * T.lanes)).map { rows[row, $0] } }
    }

    private func check<T: KANScalar>(_: T.Type, rows count: Int, nv: Int) throws {
        let outputs = [1, 2, 4, 6]
        var w = uniform(4 * count, seed: 1).map { T($0) }
        let (rows, g) = (try randomRows(T.self, max(count, 1), nv, 2), try randomRows(T.self, 7, nv, 3))
        func edge(_ e: Int, _ rows: Rows<T>) -> UnsafeMutablePointer<T.Vector> { rows.vectors + outputs[e] * nv }

        // Of every pair one by groups, one edge by edge.
        let z = try (0..<2).map { _ in try randomRows(T.self, 7, nv, 4) }
        let dx = try (0..<2).map { _ in try randomRows(T.self, 1, nv, 7) }
        var dw = (0..<2).map { _ in uniform(4 * count, seed: 8).map { T($0) } }

        RowKernels<T>.addCombinations(w, rows.vectors, count, nv, to: RowGroup(z[0].vectors, outputs, nv))
        RowKernels<T>.addProducts(RowGroup(g.vectors, outputs, nv), w, rows.vectors, count, nv, to: dx[0].vectors)
        RowKernels<T>.addDots(RowGroup(g.vectors, outputs, nv), rows.vectors, count, nv, to: &dw[0])
        w.withUnsafeMutableBufferPointer { w in
            dw[1].withUnsafeMutableBufferPointer { dw in
                guard let w = w.baseAddress, let dw = dw.baseAddress else { return }
                for e in 0..<4 {
                    let weights = w + e * count
                    RowKernels<T>.addCombination(weights, rows.vectors, count, nv, to: edge(e, z[1]))
                    RowKernels<T>.addProduct(edge(e, g), weights, rows.vectors, count, nv, to: dx[1].vectors)
                    RowKernels<T>.addDots(edge(e, g), rows.vectors, count, nv, to: dw + e * count)
                }
            }
        }
        for (rows, count) in [(z, 7), (dx, 1)] { #expect(all(rows[0], count, nv) == all(rows[1], count, nv)) }
        #expect(dw[0] == dw[1])
    }

    @Test(arguments: [0, 1, 3, 4, 5, 8, 9], Array(1...9) + [16, 17])
    func bitsOfOneEdge(rows: Int, nv: Int) throws {
        try check(Double.self, rows: rows, nv: nv)
        try check(Float.self, rows: rows, nv: nv)
    }
}
