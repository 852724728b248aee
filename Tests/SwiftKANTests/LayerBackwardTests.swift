// The backward pass: every parameter block and the input against central differences, relative error at most 1e-7.

import Testing
@testable import SwiftKAN

@Suite struct LayerBackwardTests {
    private func check(_ network: KAN<Double>, n: Int = 5, seed: UInt32 = 1, _ name: String = "") throws {
        let (D, O) = (network.architecture.inputs, network.architecture.outputs)
        var x = uniform(n * D, -1.3, 1.3, seed: seed)
        let v = uniform(n * O, seed: seed + 1)
        func value() throws -> Double { zip(v, try network.predictions(x)).reduce(0) { $0 + $1.0 * $1.1 } }
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        var input = [Double](repeating: .nan, count: n * D)
        try network.vectorJacobianProduct(
            x: x, n: n, evaluation: Evaluation(), outputGradient: v, gradient: &gradient, inputGradient: &input)
        for (block, error) in try gradientErrors(network, gradient: gradient, value: value) {
            #expect(error <= 1e-7, "\(name) \(block): \(error)")
        }
        let size = input.map { abs($0) }.max() ?? 0
        for e in x.indices {
            let original = x[e], h = 2e-4
            let around = try [-2.0, -1, 1, 2].map { step in
                x[e] = original + step * h
                return try value()
            }
            x[e] = original
            let difference = (8 * (around[2] - around[1]) - (around[3] - around[0])) / (12 * h)
            #expect(abs(input[e] - difference) <= 1e-7 * size, "\(name) input \(e)")
        }
        // The parameters' gradient alone is the same, without the first layer's derivatives.
        var alone = [Double](repeating: .nan, count: gradient.count)
        try network.vectorJacobianProduct(
            x: x, n: n, evaluation: Evaluation(), outputGradient: v, gradient: &alone, inputGradient: nil)
        #expect(alone == gradient)
    }

    @Test(arguments: 1...5) func everyDegree(k: Int) throws {
        try check(try richNetwork(k: k), "k \(k)")
    }

    /// Degree 0 is a step function: where it is differentiable its slope is 0.
    @Test func degreeZero() throws {
        try check(try richNetwork(k: 0), "k 0")
    }

    @Test(arguments: [BaseFunction.identity, .zero]) func otherBaseFunctions(base: BaseFunction) throws {
        try check(try richNetwork(sums: [2, 1, 1], grid: 2, k: 3, base: base), "\(base)")
    }

    /// `richNetwork` has nodes of arity 2, 3 and 1; here are one alone, and products at the output.
    @Test(arguments: [[2], [4]]) func arities(_ arities: [Int]) throws {
        try check(
            try richNetwork(sums: [2, 0, 1], multiplications: [0, 1, 1], arities: arities + [3], grid: 2, k: 2),
            "arities \(arities) and 3 at the output")
    }

    @Test func deepAndWide() throws {
        try check(try richNetwork(sums: [3, 2, 2, 2], multiplications: [0, 0, 0, 0], arities: [], grid: 3, k: 2), n: 3)
    }

    @Test(arguments: [1, 3, 5]) func wideLayers(k: Int) throws {
        let network = try richNetwork(sums: [1, 17], multiplications: [0, 0], arities: [], grid: 2, k: k)
        #expect(FoldedLayer<Double>.wideUses(network.layers[0], mask: network.state + network.layers[0].mask) == .all)
        try check(network, n: 3, "wide, k \(k)")
    }

    /// A factor of 0 in a product: the others' derivatives are not h/u.
    @Test func aFactorOfZero() throws {
        let network = try richNetwork(sums: [2, 0, 1], multiplications: [0, 1, 0], arities: [3])
        let shape = network.layers[0]
        network.state[shape.subnodeScale + 1] = 0
        network.state[shape.subnodeBias + 1] = 0
        try check(network)
    }

    /// Masked edges: their parameters have gradient 0 exactly, also with numbers that are not finite behind the mask.
    @Test func maskedEdgesHaveNoGradient() throws {
        let network = try richNetwork()
        let shape = network.layers[0]
        let hidden = try #require((0..<shape.edges).first { network.state[shape.mask + $0] == 0 })
        network.state[shape.coef + hidden * shape.basisCount] = .infinity
        let off = try #require((0..<shape.edges).first { network.state[shape.symbolicMask + $0] == 0 })
        network.functions[0][off] = .library(.log)
        let x = uniform(16, seed: 3)
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        try network.vectorJacobianProduct(
            x: x, n: 8, evaluation: Evaluation(), outputGradient: uniform(8, seed: 4), gradient: &gradient, inputGradient: nil)
        #expect(gradient.allSatisfy { $0.isFinite })
        for b in 0..<shape.basisCount { #expect(gradient[shape.coef + hidden * shape.basisCount + b] == 0) }
        #expect(gradient[shape.scaleSp + hidden] == 0 && gradient[shape.scaleBase + hidden] == 0)
        for e in 0..<4 { #expect(gradient[shape.affine + 4 * off + e] == 0) }
    }

    /// √x at 0 has an infinite slope: where the loss does not depend on it the gradient stays finite.
    @Test func infiniteSlopesMeetZeros() throws {
        let network = try KAN<Double>(Settings(width: [1, 1]))
        let shape = network.layers[0]
        network.state[shape.symbolicMask] = 1
        network.functions[0][0] = .library(.sqrt)
        for (e, value) in [1.0, 0, 1, 0].enumerated() { network.state[shape.affine + e] = value }
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        var input = [Double](repeating: .nan, count: 3)
        try network.vectorJacobianProduct(
            x: [0.0, 0.25, 0.49], n: 3, evaluation: Evaluation(), outputGradient: [0, 1, 1], gradient: &gradient,
            inputGradient: &input)
        #expect(gradient.allSatisfy { $0.isFinite } && input.allSatisfy { $0.isFinite } && input[0] == 0)
        // d/da Σ √(a·x) = Σ x/(2√x)
        #expect(abs(gradient[shape.affine] - (0.5 + 0.7) / 2) < 1e-15)
    }

    @Test func noSamplesGiveZero() throws {
        let network = try richNetwork()
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        try network.vectorJacobianProduct(
            x: [0], n: 0, evaluation: Evaluation(), outputGradient: [0], gradient: &gradient, inputGradient: nil)
        #expect(gradient.allSatisfy { $0 == 0 })
    }
}
