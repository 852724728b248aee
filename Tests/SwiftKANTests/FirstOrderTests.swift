// Adam, AdamW and SGD: two steps of each against torch.optim's arithmetic done by hand.

import Testing
@testable import SwiftKAN

@Suite struct FirstOrderTests {
    private func run(_ change: (inout FitOptions) -> Void, steps: [(gradient: [Double], lr: Double)]) throws -> [Double] {
        var options = FitOptions()
        change(&options)
        let optimizer = try FirstOrder<Double>(count: 3, options: options)
        var x = [1.0, -2, 0.5]
        // The last number is not trained.
        for (gradient, lr) in steps { optimizer.step(&x, gradient, ranges: [0..<2], lr: lr) }
        #expect(x[2] == 0.5)
        return Array(x[..<2])
    }

    /// The first step of Adam is lr·sign(g) but for ε: 1 - 0.1·(0.5/(0.5 + 1e-8)).
    @Test func adam() throws {
        let first = try run({ $0.optimizer = .adam }, steps: [([0.5, -4, 9], 0.1)])
        #expect(largestDifference(first, [1 - 0.1 * 0.5 / (0.5 + 1e-8), -2 + 0.1 * 4 / (4 + 1e-8)]) < 1e-15)
        // Second step, g = 1: m = 0.9·0.05 + 0.1 = 0.145, m̂ = m/0.19; v = 0.999·0.00025 + 0.001 = 0.00124975, v̂ = v/0.001999.
        let second = try run({ $0.optimizer = .adam }, steps: [([0.5, -4, 9], 0.1), ([1, 0, 9], 0.1)])
        let step = 0.1 * (0.145 / 0.19) / ((0.00124975 / 0.001999).squareRoot() + 1e-8)
        #expect(abs(second[0] - (first[0] - step)) < 1e-14)
    }

    /// Adam's decay is part of the gradient, AdamW's is not.
    @Test func weightDecay() throws {
        let coupled = try run(
            { o in (o.optimizer, o.weightDecay) = (.adam, 0.3) }, steps: [([0.5, -4, 9], 0.1)])
        let gradients = [0.5 + 0.3 * 1, -4 + 0.3 * -2]
        #expect(
            largestDifference(
                coupled, [1 - 0.1 * gradients[0] / (gradients[0] + 1e-8), -2 - 0.1 * gradients[1] / (-gradients[1] + 1e-8)]) < 1e-15)
        let decoupled = try run(
            { o in (o.optimizer, o.weightDecay) = (.adamw, 0.3) }, steps: [([0.5, -4, 9], 0.1)])
        #expect(
            largestDifference(
                decoupled, [1 * (1 - 0.03) - 0.1 * 0.5 / (0.5 + 1e-8), -2 * (1 - 0.03) + 0.1 * 4 / (4 + 1e-8)]) < 1e-15)
    }

    @Test func sgd() throws {
        #expect(try run({ $0.optimizer = .sgd }, steps: [([0.5, -4, 9], 0.1)]) == [1 - 0.1 * 0.5, -2 + 0.1 * 4])
        // Momentum: the buffer starts as the first gradient; then 0.9·0.5 + 1.
        let second = try run(
            { o in (o.optimizer, o.momentum) = (.sgd, 0.9) }, steps: [([0.5, 0, 9], 0.1), ([1, 0, 9], 0.2)])
        #expect(abs(second[0] - (1 - 0.05 - 0.2 * 1.45)) < 1e-15)
        let decayed = try run({ o in (o.optimizer, o.weightDecay) = (.sgd, 0.5) }, steps: [([0.5, 0, 9], 0.1)])
        #expect(largestDifference(decayed, [1 - 0.1 * (0.5 + 0.5), -2 - 0.1 * -1]) < 1e-15)
    }

    /// Means of a gradient that has become 0 decay to 0, and not to subnormal numbers, which are slow.
    @Test(arguments: [OptimizerKind.adam, .sgd]) func noMeanStaysSubnormal(optimizer: OptimizerKind) throws {
        var options = FitOptions()
        (options.optimizer, options.momentum, options.beta2) = (optimizer, 0.9, 0.9)
        let first = try FirstOrder<Float>(count: 1, options: options)
        var x: [Float] = [1]
        first.step(&x, [0.5], ranges: [0..<1], lr: 0.1)
        for _ in 0..<1200 {
            first.step(&x, [0], ranges: [0..<1], lr: 0.1)
            #expect(!first.mean.base[0].isSubnormal && !(optimizer == .adam && first.square.base[0].isSubnormal))
        }
        #expect(first.mean.base[0] == 0)
    }

    @Test func betasOfZero() throws {
        let x = try run(
            { o in (o.optimizer, o.beta1, o.beta2) = (.adam, 0, 0) }, steps: [([0.5, -4, 9], 0.1), ([2, 3, 9], 0.1)])
        #expect(largestDifference(x, [1 - 0.1 - 0.1, -2 + 0.1 - 0.1]) < 1e-8)
    }

    @Test func nothingTrained() throws {
        let optimizer = try FirstOrder<Float>(count: 2, options: FitOptions())
        var x: [Float] = [1, 2]
        optimizer.step(&x, [5, 5], ranges: [], lr: 1)
        #expect(x == [1, 2])
    }
}
