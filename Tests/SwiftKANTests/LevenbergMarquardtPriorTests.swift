// The prior of Levenberg-Marquardt and the curvature of regularisers: value, gradient and matrix are of one function.

import Testing
@testable import SwiftKAN

@Suite struct LevenbergMarquardtPriorTests {
    private func equations(_ fixture: Fixture, covariances: Bool = false) throws -> NormalEquations<Double> {
        let evaluator = try Evaluator(fixture.network, singleEdges: true)
        evaluator.fold(fixture.network)
        let equations = NormalEquations(evaluator, covariances: covariances)
        try equations.prepare(fixture.network)
        let target = Target(fixture.samples, Objective(), outputs: fixture.network.architecture.outputs)
        try equations.accumulate(fixture.x.base, target, evaluation: Evaluation())
        return equations
    }

    @Test func gradientAndMatrixAreThoseOfTheValue() throws {
        for fixture in try Fixture.all() where fixture.n > 1 {
            let equations = try self.equations(fixture)
            var prior = SmoothnessPrior()
            prior.update(equations, continued: true)
            var random = MersenneTwister(seed: 1)
            let n = equations.count
            let w = (0..<n).map { _ in random.uniformDouble() - 0.5 }
            let d = (0..<n).map { _ in random.uniformDouble() - 0.5 }
            var g = [Double](repeating: 0, count: n)
            prior.addGradient(w, to: &g)
            let h = try AlignedBuffer<Double>(count: n * n)
            h.fillWithZero()
            prior.addMatrix(to: h.base, count: n)
            var curvature = 0.0
            for r in 0..<n { for c in r..<n { curvature += (r == c ? 1 : 2) * h.base[r * n + c] * d[r] * d[c] } }
            // q is a quadratic form, so that this is exact.
            let moved = prior.value(zip(w, d).map { $0 + $1 })
            let predicted = prior.value(w) + zip(g, d).reduce(0) { $0 + $1.0 * $1.1 } + 0.5 * curvature
            #expect(abs(moved - predicted) <= 1e-12 * abs(moved))
        }
    }

    /// A straight line has no second differences on any knots: coefficients equal to the splines' nodes cost nothing.
    @Test func straightLinesCostNothing() throws {
        let fixture = try Fixture(sums: [1, 1], multiplications: [0, 0], arities: [], grid: [6], k: [3], seed: 5)
        fixture.network.state[fixture.network.layers[0].mask] = 1
        let equations = try self.equations(fixture)
        let shape = fixture.network.layers[0]
        let knots = fixture.network.state + shape.knots
        var w = [Double](repeating: 0, count: equations.count)
        for b in 0..<shape.basisCount { w[b] = 2 - 3 * (knots[b + 1] + knots[b + 2] + knots[b + 3]) / 3 }
        var prior = SmoothnessPrior()
        prior.update(equations, continued: true)
        let line = prior.value(w)
        w[4] += 1
        #expect(line < 1e-20 * prior.value(w))
    }

    /// H += weight·Σ (b - mean)(b - mean)ᵀ: with d for the coefficients of one edge, dᵀHd is its squared deviation.
    @Test func covariancesAreThoseOfTheEdge() throws {
        for fixture in try Fixture.all() where fixture.n > 1 {
            let equations = try self.equations(fixture, covariances: true)
            let n = equations.count
            let evaluator = equations.evaluator
            var regularization = Regularization()
            regularization.metric = .edgeForwardSplineN
            _ = try evaluator.regularization(regularization, lamb: 1, fixture.x.base, fixture.n, evaluation: Evaluation())
            for (u, unit) in equations.units.enumerated() where unit.layer >= 0 {
                for (e, o) in unit.outputs.enumerated() {
                    let h = try AlignedBuffer<Double>(count: n * n)
                    h.fillWithZero()
                    equations.addCovariance(u, e, 1, to: h.base)
                    let w = equations.coefficients(fixture.network.state)
                    var square = 0.0
                    for r in 0..<n { for c in r..<n { square += (r == c ? 1 : 2) * h.base[r * n + c] * w[r] * w[c] } }
                    let deviations = evaluator.deviations[unit.layer]
                    let deviation: Double = deviations.numerical[o * deviations.inputs + unit.input]
                    let variance = deviation * deviation
                    let difference: Double = square / Double(fixture.n - 1) - variance
                    #expect(abs(difference) < 1e-9 * max(variance, 1e-6))
                }
            }
        }
    }
}
