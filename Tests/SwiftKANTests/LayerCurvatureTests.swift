// The stiffness of layers: JᵀJ's diagonal by its definition, scale by scale, and the metric that L-BFGS makes of it.

import Testing
@testable import SwiftKAN

@Suite struct LayerCurvatureTests {
    private func curvature(
        _ network: KAN<Double>, _ x: [Double], weight: [Double]? = nil
    ) throws -> [Double] {
        var scratch = [Double](repeating: .nan, count: network.architecture.parameterCount)
        let trained = network.trainableRanges
        return try network.withEvaluator(singleEdges: false) { (evaluator) throws(KANError) in
            try evaluator.layerCurvature(
                kept(x), x.count / network.architecture.inputs, weight: weight.map { kept($0) }, evaluation: Evaluation(),
                trained: trained, gradient: &scratch)
        }
    }

    /// Σ over samples and outputs of the squared derivatives, each by a sweep of its own, averaged over the parameters that act.
    private func byDefinition(_ network: KAN<Double>, _ x: [Double], weight: [Double]? = nil) throws -> [Double] {
        let shape = network.architecture
        let n = x.count / shape.inputs
        var squares = [Double](repeating: 0, count: shape.parameterCount)
        for e in 0..<(n * shape.outputs) {
            var v = [Double](repeating: 0, count: n * shape.outputs), g = [Double](repeating: 0, count: shape.parameterCount)
            v[e] = 1
            try network.vectorJacobianProduct(
                x: x, n: n, evaluation: Evaluation(), outputGradient: v, gradient: &g, inputGradient: nil)
            for p in squares.indices { squares[p] += g[p] * g[p] * (weight?[e / shape.outputs] ?? 1) }
        }
        return (0..<shape.depth).map { l in
            var (sum, count) = (0.0, 0.0)
            for block in shape.blocks where network.isTrainable(block) {
                // "node_bias_0", "act_fun.0.coef", …
                guard block.name.hasSuffix("_\(l)") || block.name.contains(".\(l).") else { continue }
                for p in block.offset..<(block.offset + block.count) where squares[p] != 0 { (sum, count) = (sum + squares[p], count + 1) }
            }
            return sum / count
        }
    }

    /// An estimate from a few probes: within a factor of 3 where layers differ by more than that.
    @Test(arguments: [[2, 3, 1], [2, 4, 3, 2]]) func estimatesTheDiagonal(sums: [Int]) throws {
        let network = try richNetwork(
            sums: sums, multiplications: Array(repeating: 0, count: sums.count), arities: [], symbolic: true)
        let x = uniform(2 * 40, seed: 2)
        let weight = uniform(40, 0, 2, seed: 3)
        for w in [nil, weight] {
            let (found, exact) = (try curvature(network, x, weight: w), try byDefinition(network, x, weight: w))
            for (a, b) in zip(found, exact) { #expect(a > b / 3 && a < 3 * b, "\(found) \(exact)") }
        }
    }

    /// Parameters that are not trained do not count.
    @Test func frozenParametersDoNotCount() throws {
        let network = try richNetwork()
        let x = uniform(60, seed: 4)
        network.scaleBaseTrainable = false
        network.scaleSpTrainable = false
        network.affineTrainable = false
        let (found, exact) = (try curvature(network, x), try byDefinition(network, x))
        for (a, b) in zip(found, exact) { #expect(a > b / 3 && a < 3 * b, "\(found) \(exact)") }
    }

    /// Whoever multiplies the last layer by 100 makes the layers before it 10⁴ times as stiff, and leaves the last as it is.
    @Test func followsTheSlopesBehind() throws {
        let network = try KAN<Double>(Settings(width: [2, 3, 1]))
        network.scaleSpTrainable = false
        let x = uniform(100, seed: 5)
        let before = try curvature(network, x)
        let last = network.layers[1]
        for e in 0..<(last.edges * last.basisCount) { network.state[last.coef + e] *= 100 }
        for e in 0..<last.edges { network.state[last.scaleBase + e] *= 100 }
        let after = try curvature(network, x)
        #expect(abs(after[0] / before[0] / 1e4 - 1) < 1e-9 && abs(after[1] / before[1] - 1) < 1e-9)
    }

    @Test func theMetricIsPositiveOrNone() throws {
        let network = try KAN<Double>(Settings(width: [2, 3, 1]))
        var metric = [Double](repeating: .nan, count: network.architecture.parameterCount)
        try network.withEvaluator(singleEdges: false) { evaluator in
            for useless in [[0, 0], [Double.nan, 1], [.infinity, 1]] {
                #expect(!evaluator.layerMetric(useless, into: &metric) && metric.allSatisfy { $0.isNaN })
            }
            #expect(evaluator.layerMetric([0, 4], into: &metric))
        }
        #expect(metric.allSatisfy { $0 > 0 && $0.isFinite })
        let coef = network.layers.map { metric[$0.coef] }
        #expect(abs(coef[0] - 1 / LayerCurvature.floor) < 1e-9 && abs(coef[1] - 1 / (2 + LayerCurvature.floor)) < 1e-12)
    }
}
