// The inner loops against plain ones, for every number of vectors in a row around the unrolling by four, and rows likewise.

import Testing
@testable import SwiftKAN

@Suite struct RowKernelsTests {
    private func check<T: KANScalar>(_: T.Type, rows count: Int, nv: Int, tolerance: T) throws {
        let samples = nv * T.lanes
        let w = uniform(count, seed: 1).map { T($0) }
        let rows = try randomRows(T.self, count, nv, 2)
        let (g, h) = (try randomRows(T.self, 1, nv, 3), try randomRows(T.self, 1, nv, 6))
        func close(_ a: T, _ b: T) -> Bool { abs(a - b) <= tolerance * T(max(count, samples)) }

        let (z, p) = (try randomRows(T.self, 1, nv, 4), try randomRows(T.self, 1, nv, 4))
        let alone = try randomRows(T.self, 1, nv, 8)
        RowKernels<T>.setCombination(w, rows.vectors, count, nv, to: alone.vectors)
        let before = (0..<samples).map { z[0, $0] }
        RowKernels<T>.addCombination(w, rows.vectors, count, nv, to: z.vectors)
        RowKernels<T>.addProduct(g.vectors, w, rows.vectors, count, nv, to: p.vectors)
        for s in 0..<samples {
            let sum = (0..<count).reduce(T(0)) { $0 + w[$1] * rows[$1, s] }
            #expect(close(z[0, s], before[s] + sum))
            #expect(close(alone[0, s], sum))
            #expect(close(p[0, s], before[s] + g[0, s] * sum))
        }
        var dots = uniform(count, seed: 5).map { T($0) }
        let start = dots
        RowKernels<T>.addDots(g.vectors, rows.vectors, count, nv, to: &dots)
        for b in 0..<count {
            #expect(close(dots[b], start[b] + (0..<samples).reduce(T(0)) { $0 + g[0, $1] * rows[b, $1] }))
        }
        #expect(close(RowKernels<T>.dot(g.vectors, h.vectors, nv), (0..<samples).reduce(T(0)) { $0 + g[0, $1] * h[0, $1] }))
        #expect(close(RowKernels<T>.sum(g.vectors, nv), (0..<samples).reduce(T(0)) { $0 + g[0, $1] }))
        RowKernels<T>.fill(z.vectors, T.Vector(repeating: 3), nv)
        #expect((0..<samples).allSatisfy { z[0, $0] == 3 })
    }

    @Test(arguments: [0, 1, 3, 4, 5, 9], Array(1...17))
    func againstPlainLoops(rows: Int, nv: Int) throws {
        try check(Double.self, rows: rows, nv: nv, tolerance: 1e-15)
        try check(Float.self, rows: rows, nv: nv, tolerance: 1e-6)
    }

    /// A lane's bits do not depend on how many vectors stand beside it.
    @Test func widthChangesNoBit() throws {
        let w = uniform(9, seed: 1)
        let wide = try randomRows(Double.self, 9, 11, 2)
        let z = try Rows<Double>(1, nv: 11)
        RowKernels<Double>.addCombination(w, wide.vectors, 9, 11, to: z.vectors)
        for v in 0..<11 {
            let narrow = try Rows((0..<9).map { b in (0..<8).map { wide[b, v * 8 + $0] } }, nv: 1)
            let y = try Rows<Double>(1, nv: 1)
            RowKernels<Double>.addCombination(w, narrow.vectors, 9, 1, to: y.vectors)
            for s in 0..<8 { #expect(y[0, s] == z[0, v * 8 + s]) }
        }
    }
}
