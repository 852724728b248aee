// Objective: loss + lamb·regularisation, and the gradient of the very value returned.

import Testing
@testable import SwiftKAN

@Suite struct ObjectiveTests {
    private let n = 10
    private let x = uniform(20, seed: 1), y = uniform(10, seed: 2)

    private func objective(lamb: Double) -> Objective {
        var objective = Objective()
        objective.lamb = lamb
        objective.regularization.metric = .edgeForwardSum
        objective.regularization.lambCoef = 0.2
        objective.regularization.lambCoefdiff = 0.1
        return objective
    }

    private func evaluate(
        _ network: KAN<Double>, _ o: Objective, _ g: UnsafeMutablePointer<Double>? = nil,
        _ dx: UnsafeMutablePointer<Double>? = nil, x other: [Double]? = nil
    ) throws -> ObjectiveValue {
        try network.evaluate(
            o, on: ownedSamples(n, x: other ?? x, y: y), evaluation: Evaluation(), gradient: g, inputGradient: dx)
    }

    @Test func theGradientIsOfTheSum() throws {
        let network = try richNetwork(sums: [2, 1, 1], multiplications: [0, 1, 0], arities: [2], grid: 2)
        let o = objective(lamb: 0.3)
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        _ = try evaluate(network, o, &gradient)
        let errors = try gradientErrors(network, gradient: gradient) {
            let value = try evaluate(network, o)
            return value.loss + 0.3 * value.reg
        }
        for (block, error) in errors { #expect(error <= 1e-7, "\(block): \(error)") }
    }

    @Test func termsAreIndependent() throws {
        let network = try richNetwork()
        let with = try evaluate(network, objective(lamb: 0.3)), without = try evaluate(network, objective(lamb: 0))
        #expect(with.loss == without.loss && without.reg == 0)
        let alone = try network.regularization(
            objective(lamb: 0).regularization, x: x, n: n, evaluation: Evaluation(), gradient: nil)
        #expect(with.reg == alone && alone > 0)
        // MSE by its definition.
        let p = try network.predictions(x)
        let mse = zip(p, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(n)
        #expect(abs(with.loss - mse) < 1e-14)
    }

    /// The input's gradient is of the whole objective too, as the parameters' is.
    @Test func inputGradient() throws {
        let network = try richNetwork()
        let o = objective(lamb: 0.5)
        var input = [Double](repeating: .nan, count: 2 * n)
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        _ = try evaluate(network, o, &gradient, &input)
        let size = input.map { abs($0) }.max() ?? 0
        for e in x.indices {
            var moved = x
            let values = try [-2.0, -1, 1, 2].map { step in
                moved[e] = x[e] + step * 2e-4
                let value = try evaluate(network, o, x: moved)
                return value.loss + 0.5 * value.reg
            }
            let difference = (8 * (values[2] - values[1]) - (values[3] - values[0])) / 24e-4
            #expect(abs(input[e] - difference) <= 1e-7 * size)
        }
        var alone = [Double](repeating: .nan, count: 2 * n)
        _ = try evaluate(network, o, nil, &alone)
        #expect(alone == input)
    }

    /// Few samples keep their rows from the sweep for the statistics to that for the gradient; many do not; and the loss's gradient
    /// and the regulariser's, each from sweeps of its own, add up to the objective's.
    @Test(arguments: RegMetric.allCases.map { (10, $0) } + [(129, .edgeForwardSum), (129, .edgeBackward), (4000, .edgeForwardSplineN)])
    func keptRowsChangeNothing(n: Int, metric: RegMetric) throws {
        let network = try richNetwork()
        let data = ownedSamples(n, x: uniform(2 * n, seed: 3), y: uniform(n, seed: 4))
        var o = objective(lamb: 0.3)
        o.regularization.metric = metric
        func gradient(lamb: Double) throws -> [Double] {
            o.lamb = lamb
            var g = [Double](repeating: .nan, count: network.architecture.parameterCount)
            _ = try network.evaluate(o, on: data, evaluation: Evaluation(), gradient: &g, inputGradient: nil)
            return g
        }
        var reg = [Double](repeating: .nan, count: network.architecture.parameterCount)
        _ = try network.regularization(o.regularization, x: data.x, n: n, evaluation: Evaluation(), gradient: &reg)
        let (with, without) = (try gradient(lamb: 0.3), try gradient(lamb: 0))
        let size = with.map { abs($0) }.max() ?? 0
        #expect(largestDifference(with, zip(without, reg).map { $0 + 0.3 * $1 }) <= 1e-12 * size)
        // A second call finds memory that is in use already.
        #expect(try gradient(lamb: 0.3) == with)
    }
}
