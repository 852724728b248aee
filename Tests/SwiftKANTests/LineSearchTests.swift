// The strong-Wolfe line search on functions of one number: Wolfe conditions, cubic steps, walls of infinity.

import Testing
@testable import SwiftKAN

@Suite struct LineSearchTests {
    private func point(_ t: Double, _ f: Double, _ slope: Double, _ buffer: Int = 0) -> LinePoint {
        let finite = f.isFinite
        return LinePoint(
            t: t, f: finite ? f : .infinity, slope: finite ? slope : .infinity, gradient: buffer,
            value: ObjectiveValue(loss: f, reg: 0))
    }

    /// Runs a search from 0 and checks that a trial's buffer is never one that must be kept.
    private func search(
        t: Double, size: Double = 1, _ f: (Double) -> (Double, Double)
    ) -> (start: LinePoint, end: LinePoint, evaluations: Int, trials: [Double]) {
        var trials: [Double] = []
        let start = point(0, f(0).0, f(0).1)
        let (end, evaluations) = LineSearch.run(start: start, t: t, directionSize: size) { (t, keep) throws(Never) in
            trials.append(t)
            let buffer = (0..<4).first { !keep.contains($0) } ?? -1
            #expect(buffer >= 0, "no buffer is free")
            let (value, slope) = f(t)
            return point(t, value, slope, buffer)
        }
        #expect(evaluations == trials.count)
        return (start, end, evaluations, trials)
    }

    @Test func cubicThroughTwoPoints() {
        // t³ - 3t has its minimum at 1, wherever the two points are.
        func at(_ t: Double) -> LinePoint { point(t, t * t * t - 3 * t, 3 * t * t - 3) }
        for (a, b) in [(0.0, 2.0), (2, 0), (0.5, 1.5), (-0.5, 3)] {
            #expect(abs(LineSearch.cubic(at(a), at(b)) - 1) < 1e-12, "\(a), \(b)")
        }
        #expect(LineSearch.cubic(at(0), at(0.5)) == 0.5)
        #expect(LineSearch.cubic(at(0), at(0.5), bounds: (0.6, 5)) == 1)
        #expect(LineSearch.cubic(at(0), at(0.5), bounds: (0.6, 0.8)) == 0.8)
        // No minimum, or no number: the middle.
        #expect(LineSearch.cubic(point(0, 0, 1), point(2, 1, 1)) == 1)
        #expect(LineSearch.cubic(point(0, 0, -1), point(2, .infinity, .infinity)) == 1)
    }

    @Test(arguments: [1e-3, 0.1, 1, 3, 50])
    func wolfeConditions(first: Double) {
        let functions: [(Double) -> (Double, Double)] = [
            { ($0 * $0 - 2 * $0, 2 * $0 - 2) },
            { (Double.exp($0) - 5 * $0, Double.exp($0) - 5) },
            { (-Double.sin($0), -Double.cos($0)) },
            { t in (-t / (t * t + 2), (t * t - 2) / ((t * t + 2) * (t * t + 2))) },
        ]
        for (number, f) in functions.enumerated() {
            let (start, end, evaluations, _) = search(t: first, f)
            #expect(end.f <= start.f + LineSearch.c1 * end.t * start.slope, "function \(number) from \(first)")
            #expect(abs(end.slope) <= -LineSearch.c2 * start.slope, "function \(number) from \(first)")
            #expect(evaluations <= LineSearch.maxEvaluations + 1 && end.f == f(end.t).0)
        }
    }

    /// From a first trial far too long torch's search may keep a point that is lower than the start by less than Wolfe's first condition
    /// asks; it is lower all the same.
    @Test func farTooLongATrial() {
        let (start, end, _, _) = search(t: 1e4) { t in (-t / (t * t + 2), (t * t - 2) / ((t * t + 2) * (t * t + 2))) }
        #expect(end.f < start.f && end.t > 0)
    }

    /// A trial that is accepted at once costs one evaluation.
    @Test func goodFirstTrial() {
        let (_, end, evaluations, _) = search(t: 1) { ($0 * $0 - 2 * $0, 2 * $0 - 2) }
        #expect(end.t == 1 && evaluations == 1)
    }

    /// Beyond a wall the function is infinite or NaN: trials come back from it and the result is before it.
    @Test(arguments: [0.3, 0.01]) func wall(at wall: Double) {
        for beyond in [Double.infinity, .nan] {
            let (start, end, _, trials) = search(t: 1) { t in t < wall ? (-t, -1) : (beyond, beyond) }
            #expect(end.f.isFinite && end.f < start.f && end.t < wall && end.t > wall / 4)
            #expect(trials[1] < trials[0])
        }
    }

    /// Torch ends the search in brackets shorter than 10⁻⁹, also at the start: close to an exact fit it stands still for good.
    @Test(arguments: [1e-10, 1e-15]) func shortBracket(size: Double) {
        let (start, end, evaluations, _) = search(t: 1, size: size) { t in ((t - 0.05) * (t - 0.05), 2 * (t - 0.05)) }
        #expect(end.t > 0 && end.f <= start.f + LineSearch.c1 * end.t * start.slope && evaluations < 10)
    }

    /// No descent at all: the start itself.
    @Test func noDescent() {
        let (_, end, _, _) = search(t: 1) { t in t == 0 ? (0, -1) : (1, 0) }
        #expect(end.t == 0 && end.f == 0)
    }

    /// A line without a minimum ends after its evaluations at the lowest point seen.
    @Test func unboundedBelow() {
        let (_, end, evaluations, trials) = search(t: 1) { (-$0, -1) }
        #expect(evaluations <= LineSearch.maxEvaluations + 1 && end.t == trials.max())
    }

    @Test func errorsPassThrough() {
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try LineSearch.run(start: point(0, 1, -1), t: 1, directionSize: 1) { (_, _) throws(Stop) in throw Stop() }
        }
    }
}
