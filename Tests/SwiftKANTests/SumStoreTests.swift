// What a sweep for statistics leaves for the gradient changes no bit, whatever it leaves: rows, sums, or sums of some layers.

import Testing
@testable import SwiftKAN

@Suite struct SumStoreTests {
    private enum Left { case rows, sums, sumsOfWideAndNarrow, nothing }

    /// The objective, whose second sweep uses what the first left, against the two sweeps each for itself.
    private func check(
        _ network: KAN<Double>, n: Int, singleEdges: Bool, _ left: Left, inputGradient: Bool = false,
        metrics: [RegMetric] = [.edgeForwardSplineN, .edgeForwardSum, .nodeBackward], calls: Int = 2
    ) throws {
        let evaluator = try Evaluator(network, singleEdges: singleEdges, use: .regularizers)
        evaluator.fold(network)
        let (D, O, P) = (network.architecture.inputs, network.architecture.outputs, network.architecture.parameterCount)
        let x = uniform(n * D, -1.3, 1.3, seed: 11)
        let data = ownedSamples(n, x: x, y: uniform(n * O, seed: 12))
        #expect(evaluator.isWide == (left == .sumsOfWideAndNarrow))
        #expect(evaluator.keepsBlocks(n) == (left == .rows))
        #expect(evaluator.keepsForward(n, gradient: true) == (left != .nothing))

        for metric in metrics {
            var o = Objective()
            o.lamb = 0.3
            o.regularization.metric = metric
            let target = Target(data, o, outputs: O)
            var (g, h) = ([Double](repeating: .nan, count: P), [Double](repeating: .nan, count: P))
            var (dx, dz) = ([Double](repeating: 0, count: n * D), [Double](repeating: 0, count: n * D))
            for _ in 0..<calls {  // the second call finds what the first left behind
                let value = try dx.withUnsafeMutableBufferPointer { dx in
                    try evaluator.objective(
                        o, x: data.x, target: target, evaluation: Evaluation(), gradient: &g,
                        inputGradient: inputGradient ? dx.baseAddress : nil)
                }
                let reg = try evaluator.regularization(o.regularization, lamb: o.lamb, data.x, n, evaluation: Evaluation())
                let loss = try dz.withUnsafeMutableBufferPointer { dz in
                    try evaluator.gradientSweep(
                        data.x, n, evaluation: Evaluation(), pulls: evaluator.pulls, gradient: &h,
                        inputGradient: inputGradient ? dz.baseAddress : nil
                    ) { w, start, count in target.evaluate(w, start: start, count: count) }
                }
                #expect(value.loss == loss && value.reg == reg)
                #expect(g == h && dx == dz, "\(metric)")
                #expect(g.allSatisfy { $0.isFinite } && g.contains { $0 != 0 })
            }
        }
    }

    @Test func rows() throws {
        try check(try richNetwork(), n: 300, singleEdges: true, .rows, inputGradient: true)
    }

    /// With symbolic edges, whose layers keep their basis rows, and products.
    @Test func sumsBesideSymbolicEdges() throws {
        try check(try richNetwork(), n: 40_000, singleEdges: true, .sums, inputGradient: true, metrics: [.edgeBackward], calls: 1)
    }

    @Test(arguments: [false, true]) func sumsOfManyInputs(inputGradient: Bool) throws {
        let network = try richNetwork(sums: [60, 10, 1], multiplications: [0, 1, 0], arities: [2], symbolic: false)
        try check(network, n: 3000, singleEdges: true, .sums, inputGradient: inputGradient, metrics: [.edgeForwardSum], calls: 1)
    }

    @Test func sumsOfANarrowLayerBehindAWideOne() throws {
        let network = try richNetwork(
            sums: [3, 20, 2], multiplications: [0, 0, 0], arities: [], symbolic: false)
        for e in 0..<network.layers[0].edges { network.state[network.layers[0].mask + e] = 1 }
        try check(network, n: 250, singleEdges: false, .sumsOfWideAndNarrow)
    }

    /// Memory has a bound.
    @Test func tooManySamplesLeaveNothing() throws {
        let evaluator = try Evaluator(try KAN<Double>(Settings(width: [2, 5, 1])), singleEdges: true)
        let most = (16 << 20) / (6 * 8)
        #expect(evaluator.keepsForward(most, gradient: true) && !evaluator.keepsForward(most + 1, gradient: true))
        #expect(evaluator.keepsForward(most, gradient: false))
    }
}
