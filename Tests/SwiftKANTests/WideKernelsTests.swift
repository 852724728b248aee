// The parts of the wide form: cells found in vectors, transposed blocks, the two kernels of z and of the weights' gradient, weights folded late.

import Testing
@testable import SwiftKAN

@Suite struct WideKernelsTests {
    private func table<T: KANScalar>(_: T.Type, grid: Int, k: Int) throws -> LocalBSplineMemory<T, SIMD8<T>> {
        let memory = try LocalBSplineMemory<T, SIMD8<T>>(inputs: 1, grid: grid, k: k)
        let steps = uniform(grid + 2 * k + 1, 0.05, 1, seed: 8)
        var knot = -3.0
        let knots = steps.map { step in
            knot += 6 * step / Double(grid + 2 * k + 1)
            return T(knot)
        }
        memory.update(0, knots: knots)
        return memory
    }

    /// Numbers in every cell, on knots, outside them, and those that are no numbers.
    private func places<T: KANScalar>(_ table: LocalBSpline<T, SIMD8<T>>) -> [T] {
        let knots = (0...table.cells).map { table.knots[$0] }
        let odd: [T] = [.nan, .infinity, -.infinity, 1e30, table.low.nextDown, table.high.nextDown, table.high, 0]
        return knots + odd + uniform(40, -4, 2, seed: 9).map { T($0) }
    }

    private func compareCells<T: KANScalar>(_: T.Type, grid: Int, k: Int) throws {
        let memory = try table(T.self, grid: grid, k: k)
        defer { withExtendedLifetime(memory) {} }
        let table = memory.table(0)
        let (first, cell) = (try AlignedBuffer<Float>(count: 16), try AlignedBuffer<Float>(count: 16))
        let firsts = UnsafeMutableRawPointer(first.base).assumingMemoryBound(to: Int32.self)
        defer { withExtendedLifetime((first, cell)) {} }
        let cells = UnsafeMutableRawPointer(cell.base).assumingMemoryBound(to: Int32.self)
        for x in places(table) {
            T.findCells(T.Vector(repeating: x), table.knots, cells: table.cells, k: k, first: firsts, cell: cells)
            let expected = table.locate(x).cell
            #expect((0..<T.lanes).allSatisfy { Int(cells[$0]) == expected }, "\(x)")
            // Outside the knots any function will do, since all are 0 there.
            let exact = expected < table.cells ? table.first[expected] : firsts[0]
            #expect((0..<T.lanes).allSatisfy { firsts[$0] == exact && exact >= 0 && exact < grid }, "\(x)")
        }
    }

    @Test(arguments: 1...5) func cells(k: Int) throws {
        for grid in [1, 2, 5, 50] {
            try compareCells(Double.self, grid: grid, k: k)
            try compareCells(Float.self, grid: grid, k: k)
        }
    }

    private func transpose<T: KANScalar>(_: T.Type, stride: Int) throws {
        let numbers = uniform(T.lanes * stride + 8, seed: 3).map { T($0) }
        let columns = try AlignedBuffer<T>(count: 8 * T.lanes)
        T.columns(of: numbers, stride: stride, into: columns.vectors)
        for c in 0..<8 { for r in 0..<T.lanes { #expect(columns.base[c * T.lanes + r] == numbers[r * stride + c]) } }
        var back = [T](repeating: 0, count: numbers.count)
        T.rows(of: columns.vectors, into: &back, stride: stride)
        for r in 0..<T.lanes { for c in 0..<8 { #expect(back[r * stride + c] == numbers[r * stride + c]) } }
    }

    @Test(arguments: [8, 11]) func transposition(stride: Int) throws {
        try transpose(Double.self, stride: stride)
        try transpose(Float.self, stride: stride)
    }

    private func compareKernels<T: KANScalar, N: Constant, K: Constant>(_: T.Type, _: N.Type, _: K.Type, grid: Int) throws {
        let (k, inputs, samples) = (K.value, 3, WideBasis<T>.capacity - 1)
        let rows = grid + k + 1
        let table = try table(T.self, grid: grid, k: k)
        let memory = try AlignedBuffer<T>(count: WideBasis<T>.vectorCount * T.lanes)
        defer { withExtendedLifetime((memory, table)) {} }
        var basis = WideBasis<T>(memory: memory.vectors)
        (basis.samples, basis.inputs) = (samples, inputs)
        for i in 0..<inputs {
            let x = try AlignedBuffer<T>(count: WideBasis<T>.capacity)
            for (s, v) in uniform(samples, -3.5, 1, seed: UInt32(i + 1)).enumerated() { x.base[s] = T(v) }
            basis.fill(K.self, i, table.table(0), entries: 0, x.vectors, slopes: false)
            for s in 0..<samples { basis.base[i * WideBasis<T>.capacity + s] = x.base[s] }
        }
        basis.listRuns(grid)
        let dz = try AlignedBuffer<T>(count: samples * N.value * T.lanes)
        for (e, v) in uniform(dz.count, seed: 4).enumerated() { dz.base[e] = T(v) }
        let (a, b) = (
            try AlignedBuffer<T>(count: inputs * rows * N.value * T.lanes), try AlignedBuffer<T>(count: inputs * rows * N.value * T.lanes)
        )
        WideKernels<T, N, K>.weightGradient(basis, dz.vectors, rowCount: rows, into: a.vectors)
        WideKernels<T, N, K>.runGradient(basis, dz.vectors, rowCount: rows, into: b.vectors)
        let (plain, runs) = ((0..<a.count).map { Double(a.base[$0]) }, (0..<b.count).map { Double(b.base[$0]) })
        #expect(largestDifference(plain, runs) < 100 * Double(T.ulpOfOne) && plain.contains { abs($0) > 0.1 })
        // Forward every sample takes the same steps, so no bit is another.
        let (y, z) = (try AlignedBuffer<T>(count: dz.count), try AlignedBuffer<T>(count: dz.count))
        (y.base[5], z.base[5]) = (3, 3)
        WideKernels<T, N, K>.forward(basis, a.vectors, rowCount: rows, into: y.vectors)
        WideKernels<T, N, K>.runForward(basis, a.vectors, rowCount: rows, into: z.vectors)
        #expect((0..<y.count).allSatisfy { y.base[$0] == z.base[$0] } && (0..<y.count).contains { abs(y.base[$0]) > 0.1 })
    }

    @Test func cellByCell() throws {
        try compareKernels(Double.self, Four.self, Three.self, grid: 5)
        try compareKernels(Float.self, Four.self, Three.self, grid: 16)
        try compareKernels(Double.self, One.self, Two.self, grid: 1)
        try compareKernels(Double.self, Two.self, Three.self, grid: 7)
        try compareKernels(Float.self, Three.self, One.self, grid: 4)
    }

    /// Large weights that few samples need are folded chunk by chunk; no bit is another for that.
    @Test func foldingLateChangesNoBit() throws {
        let network = try KAN<Double>(Settings(width: [90, 200, 40, 2], grid: 4))
        for o in [0, 3, 180] { network.state[network.layers[0].mask + 200 + o] = 0 }
        let n = 70
        let x = uniform(90 * n, -1.2, 1.2, seed: 2), y = uniform(2 * n, seed: 3)
        var results: [[Double]] = []
        for samples in [n, .max] {
            let evaluator = try Evaluator(network, singleEdges: false)
            evaluator.fold(network, samples: samples)
            #expect(evaluator.folded[0].foldsLazily == (samples == n) && !evaluator.folded[2].foldsLazily)
            let target = Target(ownedSamples(n, x: x, y: y), Objective(), outputs: 2)
            var g = [Double](repeating: .nan, count: network.architecture.parameterCount)
            var dx = [Double](repeating: .nan, count: x.count), z = [Double](repeating: .nan, count: 2 * n)
            let value = try evaluator.objective(
                Objective(), x: kept(x), target: target, evaluation: Evaluation(), gradient: &g, inputGradient: &dx)
            try evaluator.predict(kept(x), n, evaluation: Evaluation(), into: &z)
            results.append(g + dx + z + [value.loss])
        }
        #expect(results[0] == results[1] && results[0].allSatisfy { $0.isFinite })
    }
}
