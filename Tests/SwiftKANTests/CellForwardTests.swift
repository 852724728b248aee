// Narrow layers evaluated cell by cell against the same layers evaluated with all functions (which LayerForwardTests.swift compares with
// the plain network). Builds without AVX-512 have the second way only, and pass for want of a difference.

import Testing
@testable import SwiftKAN

@Suite struct CellForwardTests {
    /// Uneven knots, masks, a base function or none; as `richNetwork`, in either type.
    private func network<T: KANScalar>(_: T.Type, _ sums: [Int], grid: Int, k: Int, base: BaseFunction) throws -> KAN<T> {
        let rich = try richNetwork(
            sums: sums, multiplications: sums.map { _ in 0 }, arities: [], grid: grid, k: k, base: base, symbolic: k == 2)
        var settings = Settings(width: sums, grid: grid, k: k)
        settings.baseFunction = base
        let network = try KAN<T>(settings)
        for (e, number) in rich.numbers.enumerated() { network.state[e] = T(number) }
        network.functions = rich.functions
        return network
    }

    /// Predictions of an evaluator that may use cells, or of one that evaluates single edges.
    private func predictions<T: KANScalar>(_ network: KAN<T>, _ x: [T], all: Bool) throws -> [T] {
        let evaluator = try Evaluator(network, singleEdges: all)
        evaluator.fold(network)
        let n = x.count / network.architecture.inputs
        var y = [T](repeating: .nan, count: n * network.architecture.outputs)
        try evaluator.predict(x, n, evaluation: Evaluation(), into: &y)
        #if SWIFTKAN_AVX512
        #expect(evaluator.folded.allSatisfy { $0.usesCells == (!all && FoldedLayer<T>.mayUseCells($0.shape)) })
        #else
        #expect(evaluator.folded.allSatisfy { !$0.usesCells })
        #endif
        return y
    }

    private func compare<T: KANScalar>(_ network: KAN<T>, n: Int) throws {
        // Some beyond the knots, one at each end of the grid.
        var x = uniform(network.architecture.inputs * n, -1.9, 1.9, seed: 3).map { T($0) }
        (x[0], x[n - 1]) = (-1.25, 1.15)
        let (cells, all) = try (predictions(network, x, all: false), predictions(network, x, all: true))
        let size = all.map { abs(Double($0)) }.max() ?? 1
        #expect(largestDifference(cells.map { Double($0) }, all.map { Double($0) }) < 40 * size * Double(T.ulpOfOne))
    }

    /// Every k, one register of coefficients and two, short tables and long ones; grids beyond those.
    @Test(arguments: [1, 2, 3, 4], [1, 2, 3, 5, 6, 9, 10, 13, 14, 25, 26])
    func everyDegreeAndGrid(k: Int, grid: Int) throws {
        for base in BaseFunction.allCases {
            try compare(try network(Double.self, [3, 7, 2], grid: grid, k: k, base: base), n: 37)
            try compare(try network(Float.self, [3, 7, 2], grid: grid, k: k, base: base), n: 37)
        }
    }

    /// Many outputs of which few have edges: what the wide form is given up for.
    @Test func sparseLayers() throws {
        let network = try network(Double.self, [5, 40, 1], grid: 5, k: 3, base: .silu)
        let mask = network.state + network.layers[0].mask
        for e in 0..<network.layers[0].edges where e % 3 > 0 { mask[e] = 0 }
        try compare(network, n: 100)
    }

    /// A sample's bits are its own, in whatever company; few samples are evaluated one by one.
    @Test func samplesDoNotDependOnTheBatch() throws {
        func check<T: KANScalar>(_: T.Type) throws {
            for (grid, k) in [(5, 3), (9, 3), (3, 2), (4, 1)] {
                let network = try network(T.self, [3, 7, 2], grid: grid, k: k, base: .silu)
                var x = uniform(3 * 150, -1.9, 1.9, seed: 8).map { T($0) }
                x[30] = 1e30
                let all = try network.predictions(x)
                for n in [1, 3, T.lanes / 2, T.lanes, 3 * T.lanes + 1] {
                    for start in stride(from: 0, to: 150 - n, by: 7) {
                        #expect(try network.predictions(Array(x[(3 * start)..<(3 * (start + n))])) == Array(all[(2 * start)..<(2 * (start + n))]))
                    }
                }
            }
        }
        try check(Double.self)
        try check(Float.self)
    }

    /// What no sample should have: weights that are NaN, which samples beyond the knots must not see in one batch and miss in another.
    @Test func weightsThatAreNaN() throws {
        func check<T: KANScalar>(_: T.Type) throws {
            let network = try network(T.self, [2, 5, 2], grid: 5, k: 3, base: .silu)
            let shape = network.layers[0]
            for b in [0, shape.basisCount - 1] { network.state[shape.coef + b] = .nan }
            let x = uniform(2 * 90, -3, 3, seed: 12).map { T($0) }
            let all = try network.predictions(x)
            #expect(all.contains { $0.isNaN })
            #if SWIFTKAN_AVX512
            #expect(all.contains { !$0.isNaN })  // with all functions every sample multiplies every weight
            #endif
            for s in 0..<90 {
                let row = try network.predictions([x[2 * s], x[2 * s + 1]])
                #expect(zip(row, all[(2 * s)..<(2 * s + 2)]).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
            }
        }
        try check(Double.self)
        try check(Float.self)
    }

    @Test func nanStaysInItsRow() throws {
        let network = try network(Double.self, [3, 7, 2], grid: 5, k: 3, base: .zero)
        for n in [2, 20] {
            var x = uniform(3 * n, seed: 9)
            let before = try network.predictions(x)
            x[4] = .nan
            let after = try network.predictions(x)
            #expect(after[2].isNaN && after[3].isNaN)
            #expect(after[..<2] == before[..<2] && after[4...] == before[4...])
        }
    }

    /// Knots so close that their buckets' number has no reciprocal, narrow and wide, and so far apart that their range is none.
    @Test func knotsAtTheEndsOfTheNumbers() throws {
        func check<T: KANScalar>(_: T.Type, _ outputs: Int, _ grid: Int, _ step: T) throws {
            let network = try KAN<T>(Settings(width: [1, outputs], grid: grid))
            let shape = network.layers[0]
            for m in 0..<shape.knotCount { network.state[shape.knots + m] = (T(m) - T(shape.knotCount) / 2) * step }
            let x = (0..<shape.knotCount).map { network.state[shape.knots + $0] } + [-.greatestFiniteMagnitude, .greatestFiniteMagnitude]
            let all = try network.predictions(x)
            for s in x.indices {
                let row = try network.predictions([x[s]])
                let same = zip(row, all[(s * outputs)..<((s + 1) * outputs)]).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
                #expect(same, "\(T.self), \(outputs) outputs, \(grid) cells, \(step), \(x[s])")
            }
        }
        for (outputs, grid) in [(2, 5), (20, 5), (20, 100)] {
            for step in [1e-308, Double.leastNormalMagnitude / 4, 4e-308, 1.6e307] { try check(Double.self, outputs, grid, step) }
            for step in [1e-38, .leastNormalMagnitude / 4, 4e-38, 5.9e37] as [Float] { try check(Float.self, outputs, grid, step) }
        }
    }

    /// Knots that users write between two calls, and such that no grid has.
    @Test func knotsThatChange() throws {
        let network = try network(Double.self, [3, 7, 2], grid: 5, k: 3, base: .silu)
        let shape = network.layers[0]
        let x = uniform(3 * 40, -1.9, 1.9, seed: 10)
        _ = try network.predictions(x)
        for m in 0..<(3 * shape.knotCount) { network.state[shape.knots + m] *= 1.1 }
        #expect(try largestDifference(network.predictions(x), predictions(network, x, all: true)) < 1e-13)
        for m in 4..<shape.knotCount { network.state[shape.knots + m] = network.state[shape.knots + 3] }
        let evaluator = try Evaluator(network, singleEdges: false)
        evaluator.fold(network)
        var y = [Double](repeating: 0, count: 80)
        try evaluator.predict(x, 40, evaluation: Evaluation(), into: &y)
        #expect(!evaluator.folded[0].usesCells)
        #expect(try network.predictions(x) == y)
    }
}
