// L-BFGS on functions with known minima, with trials that are not finite, and interrupted.

import Testing
@testable import SwiftKAN

/// A function of a few numbers and the minimiser at work on it.
private final class Problem {
    let x: AlignedBuffer<Double>
    let lbfgs: LBFGS<Double>
    let f: ([Double]) -> (Double, [Double])
    private(set) var evaluations = 0
    /// Throws `cancelled` at this evaluation.
    var interruptAt = Int.max

    init(_ start: [Double], maxIter: Int = 20, history: Int = 10, f: @escaping ([Double]) -> (Double, [Double])) throws {
        var options = FitOptions()
        (options.maxIter, options.maxEval, options.historySize) = (maxIter, 25, history)
        x = try AlignedBuffer(count: start.count)
        x.base.update(from: start, count: start.count)
        lbfgs = try LBFGS(count: start.count, options: options)
        self.f = f
    }

    var point: [Double] { (0..<x.count).map { x.base[$0] } }

    func step(lr: Double = 1) throws(KANError) -> (total: Double, converged: Bool) {
        let result = try lbfgs.step(x.base, lr: lr) { (gradient) throws(KANError) in
            evaluations += 1
            if evaluations == interruptAt { throw .cancelled }
            let (value, slope) = f(point)
            gradient.update(from: slope, count: slope.count)
            return ObjectiveValue(loss: value, reg: 0)
        }
        return (result.total, result.converged)
    }
}

/// ½ Σ c_p (x_p - p)², condition number up to 10⁴.
private func quadratic(_ count: Int) -> ([Double]) -> (Double, [Double]) {
    let curvature = (0..<count).map { p in count == 1 ? 3 : Double.exp(Double(p) / Double(count - 1) * Double.log(1e4)) }
    return { x in
        var value = 0.0
        var slope: [Double] = []
        for p in x.indices {
            let d = x[p] - Double(p)
            value += curvature[p] * d * d / 2
            slope.append(curvature[p] * d)
        }
        return (value, slope)
    }
}

private func rosenbrock(_ x: [Double]) -> (Double, [Double]) {
    let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
    return (a * a + 100 * b * b, [-2 * a - 400 * x[0] * b, 200 * b])
}

@Suite struct LBFGSTests {
    @Test(arguments: [1, 2, 5, 10])
    func quadratics(count: Int) throws {
        let problem = try Problem(uniform(count, -3, 3, seed: 1), f: quadratic(count))
        var total = Double.infinity
        for _ in 0..<8 {
            let next = try problem.step().total
            #expect(next <= total)
            total = next
        }
        #expect(largestDifference(problem.point, (0..<count).map { Double($0) }) < 1e-6, "\(problem.point)")
        #expect(total == quadratic(count)(problem.point).0)
    }

    @Test func rosenbrocksValley() throws {
        let problem = try Problem([-1.2, 1], f: rosenbrock)
        for _ in 0..<6 { _ = try problem.step() }
        #expect(largestDifference(problem.point, [1, 1]) < 1e-8)
        #expect(problem.evaluations < 100, "\(problem.evaluations)")
    }

    /// At the minimum it says so and stays.
    @Test func convergence() throws {
        let problem = try Problem([0, 1], f: quadratic(2))
        let (total, converged) = try problem.step()
        #expect(converged && total == 0 && problem.point == [0, 1] && problem.evaluations == 1)
    }

    @Test func nonFiniteTrialsShrink() throws {
        // log-barrier: infinite or NaN beyond x = 2, which the first steps overshoot.
        for wall in [Double.infinity, .nan] {
            let problem = try Problem([-20]) { x in
                x[0] < 2 ? (-40 * x[0] - Double.log(2 - x[0]), [-40 + 1 / (2 - x[0])]) : (wall, [wall])
            }
            for _ in 0..<5 { #expect(try problem.step().total.isFinite) }
            #expect(abs(problem.point[0] - (2 - 1.0 / 40)) < 1e-6)
        }
    }

    @Test func startThatIsNotFinite() throws {
        let problem = try Problem([1]) { _ in (.nan, [.nan]) }
        let (total, converged) = try problem.step()
        #expect(!total.isFinite && !converged && problem.point == [1])
    }

    /// Wherever the evaluation is interrupted, the parameters are at an accepted point: one whose value is no higher than the start's,
    /// and among those that a run of fewer iterations ends at.
    @Test func interruptions() throws {
        let start = [-1.2, 1.0]
        var accepted: [[Double]] = [start]
        for iterations in 1...20 {
            let problem = try Problem(start, maxIter: iterations, f: rosenbrock)
            _ = try problem.step()
            accepted.append(problem.point)
        }
        for evaluation in 1...20 {
            let problem = try Problem(start, f: rosenbrock)
            problem.interruptAt = evaluation
            #expect(throws: KANError.cancelled) { try problem.step() }
            #expect(accepted.contains(problem.point), "interrupted at evaluation \(evaluation): \(problem.point)")
        }
    }

    /// After `reset` curvature is measured where the parameters now are: what was learned of another function does not mislead.
    @Test func resetMeasuresCurvatureAnew() throws {
        var stretch = 1.0
        func f(_ x: [Double]) -> (Double, [Double]) {
            let (value, slope) = quadratic(4)([x[0], stretch * x[1], x[2] / stretch, x[3]])
            return (value, [slope[0], stretch * slope[1], slope[2] / stretch, slope[3]])
        }
        let problem = try Problem([3, -2, 1, 0.5], maxIter: 6, f: f)
        _ = try problem.step()
        stretch = 30
        problem.lbfgs.reset()
        let from = [0.4, -0.1, 5, 1]
        problem.x.base.update(from: from, count: 4)
        // Interrupted while it measures, it is back where it was.
        problem.interruptAt = problem.evaluations + 3
        #expect(throws: KANError.cancelled) { try problem.step() }
        #expect(problem.point == from)
        problem.interruptAt = .max
        problem.lbfgs.reset()
        var total = f(from).0
        for _ in 0..<8 {
            let next = try problem.step().total
            #expect(next <= total)
            total = next
        }
        #expect(largestDifference(problem.point, [0, 1.0 / 30, 60, 3]) < 1e-3, "\(problem.point)")
    }

    /// torch's first step length: lr·min(1, 1/Σ|g|) along -g.
    @Test func firstStepLength() throws {
        var trials: [[Double]] = []
        let problem = try Problem([10, 10], maxIter: 1) { x in
            trials.append(x)
            return quadratic(2)(x)
        }
        _ = try problem.step(lr: 0.5)
        let gradient = quadratic(2)([10, 10]).1
        let t = 0.5 / (abs(gradient[0]) + abs(gradient[1]))
        #expect(largestDifference(trials[1], [10 - t * gradient[0], 10 - t * gradient[1]]) < 1e-14)
    }

    @Test func memoryOfOnePair() throws {
        let problem = try Problem(uniform(6, seed: 3), history: 1, f: quadratic(6))
        let first = try problem.step().total
        for _ in 0..<10 { _ = try problem.step() }
        #expect(try problem.step().total < first / 100)
    }
}
