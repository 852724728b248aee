// Tests of the fit of functions to samples: every family is found at every scale, domains are kept, the plainest is chosen.

import Testing

@testable import SwiftKAN

private func fit(_ function: SymbolicFunction, _ x: [Double], _ y: [Double]) throws -> SymbolicFitResult {
    try SymbolicFit.fit([.library(function)], x: x, y: y, count: x.count)[0]
}

private func values(_ function: SymbolicFunction, _ t: [Double]) -> [Double] {
    var y = [Double](repeating: 0, count: t.count)
    function.evaluate(t, count: t.count, value: &y, derivative: nil, avoidSingularities: false, yTh: 10)
    return y
}

@Suite struct SymbolicFitTests {
    /// Arguments from `low` to `high` of each function's domain.
    private func window(_ f: SymbolicFunction) -> (Double, Double) {
        switch f {
        case .inverse, .inversePow2, .inversePow3, .inversePow4, .inversePow5: (0.5, 4)
        case .sqrt, .xPowHalf, .xPowThreeHalves, .inverseSqrt, .inversePowHalf, .log: (0.1, 5)
        case .arcsin, .arccos, .arctanh: (-0.9, 0.7)
        case .tan: (-1.2, 1.4)
        default: (-2, 3)
        }
    }

    @Test(arguments: SymbolicFunction.allCases.filter { $0 != .zero }, [1e-3, 1.0, 1e3])
    func isFoundAtEveryScale(_ f: SymbolicFunction, _ half: Double) throws {
        let (low, high) = window(f)
        let t = (0..<300).map { low + (high - low) * Double($0) / 299 }
        for size in [1e-6, 1e6] {
            for sign in [1.0, -1.0] {
                let x = t.map { sign * half * $0 + 3 * half }
                let y = values(f, t).map { size * (2 * $0 - 1) }
                let found = try fit(f, x, y)
                #expect(found.r2 >= 1 - 1e-12, "\(f.name), x \(half), y \(size): 1 - R² = \(1 - found.r2)")
            }
        }
    }

    @Test(arguments: SymbolicFunction.allCases)
    func neverLeavesTheDomain(_ f: SymbolicFunction) throws {
        let x = (0..<200).map { -1 + 2 * Double($0) / 199 }
        for y in [x, x.map { $0 * $0 }, x.map { Double.sin(9 * $0) }, x.map { $0 > 0.3 ? 1 : 0 }] {
            let found = try fit(f, x, y)
            #expect(found.r2 >= 0 && found.r2 <= 1)
            let numbers = [found.a, found.b, found.c, found.d] + values(f, x.map { found.a * $0 + found.b })
            let finite = numbers.allSatisfy { $0.isFinite }
            #expect(finite, "\(f.name)")
        }
    }

    @Test func choosesThePlainest() throws {
        let x = (0..<100).map { 0.5 + Double($0) / 50 }
        let log = try fit(.log, x, x.map { 3 * Double.log(7 * $0) })
        #expect(log.a == 1 && abs(log.b) < 1e-9 && abs(log.c - 3) < 1e-9)
        let square = try fit(.xPow2, x, x.map { (2 * $0 + 1) * (2 * $0 + 1) })
        #expect(square.a == 1 && abs(square.b - 0.5) < 1e-9 && abs(square.c - 4) < 1e-9)
        let wave = try fit(.sin, x, x.map { Double.sin(2 * $0 + 3) })
        #expect(abs(wave.a - 2) < 1e-9 && abs(wave.b) <= 1.5708)
    }

    @Test func manySamplesAreStreamed() throws {
        let x = (0..<100_000).map { Double($0 * 7919 % 100_003) / 100_003 }
        let found = try fit(.tanh, x, x.map { Double.tanh(5 * $0 - 2) })
        #expect(found.r2 > 1 - 1e-12 && abs(found.a - 5) < 1e-6)
        let step = try fit(.sgn, x, x.map { $0 > 0.123_456 ? 2 : 1 })
        #expect(step.r2 > 1 - 1e-12)
    }

    /// Whatever the fit is at when the answer comes: no result, and no poll after it.
    @Test(arguments: [0, 1, 3])
    func isCancelledWithinChunks(_ polls: Int) throws {
        let x = (0..<400_000).map { Double($0 * 7919 % 400_009) / 400_009 }
        let y = x.map { Double.sin(40 * $0 * $0) }
        let library = SymbolicFunction.allCases.map { EdgeFunction.library($0) }
        var left = polls
        #expect(throws: KANError.cancelled) {
            _ = try SymbolicFit.fit(library, x: x, y: y, count: x.count) {
                left -= 1
                return left < 0 ? .cancel : .proceed
            }
        }
        #expect(left == -1)
        let untouched = try SymbolicFit.fit(library, x: x, y: y, count: 5000) { .proceed }
        let alone = try SymbolicFit.fit(library, x: x, y: y, count: 5000)
        for (a, b) in zip(untouched, alone) { #expect(a.r2 == b.r2 && a.a == b.a && a.d == b.d) }
    }

    /// After the answer no function of the user's runs.
    @Test func cancelsAddedFunctions() throws {
        nonisolated(unsafe) var (calls, callsThen) = (0, -1)
        let added = try EdgeFunction.add(name: "line of tests") { _, x, count, _, _, value, derivative in
            calls += 1
            for s in 0..<count {
                value.assumingMemoryBound(to: Double.self)[s] = x.assumingMemoryBound(to: Double.self)[s]
                derivative?.assumingMemoryBound(to: Double.self)[s] = 1
            }
            return true
        }
        let x = (0..<4_000_000).map { Double($0) / 1e6 }
        #expect(throws: KANError.cancelled) {
            _ = try SymbolicFit.fit([.added(added), .added(added)], x: x, y: x.map { $0 * $0 }, count: x.count) {
                if calls == 0 { return .proceed }
                callsThen = calls
                return .cancel
            }
        }
        #expect(callsThen > 0 && calls == callsThen)
    }

    @Test func constantsHaveNoFit() throws {
        for f in SymbolicFunction.allCases {
            let found = try fit(f, [1, 2, 3], [5, 5, 5])
            #expect(found.r2 == 0 && found.c == 0 && found.d == 5)
        }
    }

    /// c and d meet any two values, and the means of the samples at two x.
    @Test(arguments: SymbolicFunction.allCases.filter { $0 != .zero })
    func twoPlacesAreAlwaysMet(_ f: SymbolicFunction) throws {
        for (low, length) in [(0.0, 1.0), (-0.432_387_02, 0.060_654_81), (1e6, 1e-3), (-3e-5, 2e-5), (-0.5, 1)] {
            let alone = try fit(f, [low + length, low], [-1.1, 3.5])
            #expect(alone.r2 > 1 - 1e-12, "\(f.name), two samples at \(low): \(alone.r2)")
            // Means 0.5 and 2.5, and 0.5 from each.
            let pairs = try fit(f, [low, low + length, low, low + length], [0, 2, 1, 3])
            #expect(abs(pairs.r2 - 0.8) < 1e-12, "\(f.name), pairs at \(low): \(pairs.r2)")
        }
    }

    /// A wave of the user's that is the same at both x wherever its arguments are whole: places elsewhere are taken.
    @Test func twoPlacesOfAWaveOfOnesOwn() throws {
        let wave = try EdgeFunction.add(name: "whole wave of tests") { _, x, count, _, _, value, derivative in
            for s in 0..<count {
                let t = 2 * Double.pi * x.assumingMemoryBound(to: Double.self)[s]
                value.assumingMemoryBound(to: Double.self)[s] = Double.sin(t)
                derivative?.assumingMemoryBound(to: Double.self)[s] = 2 * Double.pi * Double.cos(t)
            }
            return true
        }
        for (x, y) in [([0.0, 1], [0.0, 2]), ([-3, 5, -3, 5], [1, 4, 1.5, 4.5])] {
            let found = try SymbolicFit.fit([.added(wave)], x: x, y: y, count: x.count)[0]
            #expect(found.r2 > 0.97 && abs(found.c) < 1e3, "\(found)")
        }
    }

    /// From the smallest numbers whose reciprocal is finite to the largest.
    @Test(arguments: [5e-308, 1e-200, 1e-165, 1e-155, 1e155, 1e200, 5e307])
    func everySizeOfY(_ size: Double) throws {
        let x = (0..<60).map { Double($0) / 30 - 1 }
        for f in [SymbolicFunction.sin, .exp, .xPow2, .tanh, .sgn] {
            let found = try fit(f, x, values(f, x.map { 1.5 * $0 - 0.2 }).map { size * ($0 / 4 - 0.1) })
            #expect(found.r2 > 1 - 1e-9, "\(f.name), y of \(size): \(found.r2)")
        }
    }

    /// The range of x may be beyond the largest number.
    @Test(arguments: SymbolicFunction.allCases)
    func everyRangeOfX(_ f: SymbolicFunction) throws {
        for x in [[-9e307, 9e307], [-7.9e307, 5.4e306], [-1e308, 1e308, 3e307, 0], [-Double.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude], [1e308, 1.1e308, 1.7e308]] {
            let found = try fit(f, x, x.indices.map { Double(($0 * 2) % 3) })
            let numbers = [found.a, found.b, found.c, found.d, found.r2]
            #expect(numbers.allSatisfy { $0.isFinite } && found.r2 >= 0 && found.r2 <= 1, "\(f.name) at \(x): \(numbers)")
        }
        let step = try fit(.sgn, [-1e308, 1e308, 3e307, 0], [0, 1, 1, 0])
        #expect(step.r2 > 1 - 1e-12)
    }

    @Test func refusesWhatIsNotFinite() {
        #expect(throws: KANError.invalid("x[1] is nan; it must be finite")) { _ = try fit(.sin, [1, .nan], [1, 2]) }
        #expect(throws: KANError.invalid("y[0] is inf; it must be finite")) { _ = try fit(.sin, [1, 2], [.infinity, 2]) }
    }

    @Test func addedFunctionsAreFittedAndNumbered() throws {
        let before = EdgeFunction.count
        let added = try EdgeFunction.add(name: "cube of tests") { isDouble, x, count, _, _, value, derivative in
            guard isDouble else { return false }
            for s in 0..<count {
                let t = x.assumingMemoryBound(to: Double.self)[s]
                value.assumingMemoryBound(to: Double.self)[s] = t * t * t
                derivative?.assumingMemoryBound(to: Double.self)[s] = 3 * t * t
            }
            return true
        }
        #expect(added.number >= before && EdgeFunction(number: added.number)?.name == "cube of tests")
        let x = (0..<50).map { Double($0) / 25 - 1 }
        let found = try SymbolicFit.fit([.added(added)], x: x, y: x.map { $0 * $0 * $0 - 2 }, count: 50)[0]
        #expect(found.r2 > 1 - 1e-10)
        #expect(throws: KANError.self) { _ = try EdgeFunction.add(name: "sin", body: { _, _, _, _, _, _, _ in true }) }
    }
}
