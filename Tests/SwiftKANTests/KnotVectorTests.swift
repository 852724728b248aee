// Grids: extension, from samples (uniform, quantiles, between, constant), refinement.

import Testing
@testable import SwiftKAN

@Suite struct KnotVectorTests {
    @Test(arguments: 0...4) func extensionHasTheMeanSpacing(k: Int) {
        var knots = [Double](repeating: .nan, count: 4 + 2 * k)
        for (m, t) in [0, 0.5, 0.75, 3].enumerated() { knots[k + m] = t }
        KnotVector.extend(&knots, grid: 3, k: k)
        #expect(Array(knots[k...(k + 3)]) == [0, 0.5, 0.75, 3])
        #expect(Array(knots[..<k]) == (0..<k).map { Double($0 - k) })
        #expect(Array(knots[(k + 4)...]) == (0..<k).map { Double(4 + $0) })
    }

    @Test func uniformQuantilesAndBetween() {
        let sorted = [0.0, 1, 2, 3, 10, 20, 30, 40]
        // Quantile knots: the samples number ⌊n/G·m⌋, and the last.
        #expect(KnotVector.fromSamples(sorted, grid: 4, gridEps: 0) == [0, 2, 10, 30, 40])
        #expect(KnotVector.fromSamples(sorted, grid: 4, gridEps: 1) == [0, 10, 20, 30, 40])
        #expect(KnotVector.fromSamples(sorted, grid: 4, gridEps: 0.5) == [0, 6, 15, 30, 40])
        #expect(KnotVector.fromSamples(sorted, grid: 1, gridEps: 0.3) == [0, 40])
        // Fewer samples than intervals: quantile knots repeat and never decrease.
        let few = KnotVector.fromSamples([1.0, 5], grid: 6, gridEps: 0)
        #expect(few == [1, 1, 1, 5, 5, 5, 5])
        // Binary samples: not degenerate with the default mixture.
        let binary = KnotVector.fromSamples([0.0, 0, 0, 1, 1, 1, 1], grid: 5, gridEps: 0.02)
        #expect(zip(binary, binary.dropFirst()).allSatisfy { $0 < $1 } && binary[0] == 0 && binary[5] == 1)
    }

    @Test func marginAndWeights() {
        let sorted = [0.0, 1, 2, 3, 10, 20, 30, 40]
        #expect(KnotVector.fromSamples(sorted, grid: 4, gridEps: 0, margin: 0.25) == [-10, 2, 10, 30, 50])
        #expect(KnotVector.fromSamples(sorted, grid: 4, gridEps: 1, margin: 0.25) == [-10, 5, 20, 35, 50])
        // Equal weights are quantiles; a heavy sample draws knots, and none decreases.
        let one = [Double](repeating: 1, count: 8)
        #expect(KnotVector.fromSamples(sorted, grid: 4, gridEps: 0, weights: one) == [0, 2, 10, 30, 40])
        var heavy = one
        heavy[4] = 13
        #expect(KnotVector.fromSamples(sorted, grid: 4, gridEps: 0, weights: heavy) == [0, 10, 10, 10, 40])
    }

    @Test(arguments: [0.0, 1, -3.5, 1e6, -1e200, 1e-300])
    func constantSamples(value: Double) {
        for n in [1, 2, 50] {
            let grid = KnotVector.fromSamples(Array(repeating: value, count: n), grid: 4, gridEps: 0.02)
            #expect(grid.count == 5 && grid[0] < value && value < grid[4], "\(grid)")
            #expect(zip(grid, grid.dropFirst()).allSatisfy { $0 < $1 })
        }
        // A range lost in rounding counts as constant.
        let almost = KnotVector.fromSamples([value, value.nextUp], grid: 4, gridEps: 0.02)
        #expect(zip(almost, almost.dropFirst()).allSatisfy { $0 < $1 }, "\(almost)")
        let single = KnotVector.fromSamples([Float(value < -1e30 ? -7 : value)], grid: 3, gridEps: 0)
        #expect(zip(single, single.dropFirst()).allSatisfy { $0 < $1 })
    }

    /// Beyond the old grid as far as the samples and the extended knots go; nil where that is nowhere.
    @Test func reaching() {
        let old = (-6...6).map { Double($0) / 2 }  // grid -1 … 1 of 4 intervals, k = 4
        func reaching(_ old: [Double], to grid: Int, _ low: Double, _ high: Double) -> [Double]? {
            KnotVector.reaching(old, grid: 4, k: 4, to: grid, low: low, high: high)
        }
        #expect(reaching(old, to: 9, -1.25, 0.9) == (0...9).map { -1.25 + 0.25 * Double($0) })
        #expect(reaching(old, to: 6, -1, 2) == (0...6).map { -1 + 0.5 * Double($0) })
        #expect(reaching(old, to: 3, -100, 100) == [-3, -1, 1, 3])
        #expect(reaching(old, to: 5, -1, 1) == nil && reaching(old, to: 5, 0, 0) == nil)
        // In units of old intervals: as narrow where the old ones were.
        var uneven = old
        uneven[5] = -0.9
        #expect(reaching(uneven, to: 5, -1, 1.5)?[1] == -0.9)
        for nonsense in [Double.nan, .infinity, -.infinity, 1e308, -1e308] {
            for place in 0..<13 {
                var broken = old
                broken[place] = nonsense
                for found in [reaching(broken, to: 5, -3, 3), reaching(broken, to: 5, -1e308, 1e308)] {
                    #expect(found == nil || zip(found!, found!.dropFirst()).allSatisfy { $0 <= $1 })
                }
            }
        }
    }

    @Test func refinement() {
        let old = [0.0, 1, 4, 5]
        #expect(KnotVector.refined(old, grid: 3, to: 3) == old)
        #expect(KnotVector.refined(old, grid: 3, to: 6) == [0, 0.5, 1, 2.5, 4, 4.5, 5])
        let five = KnotVector.refined(old, grid: 3, to: 5)
        // Positions 0, 0.6, 1.2, 1.8, 2.4, 3 in old intervals.
        #expect(largestDifference(five, [0, 0.6, 1.6, 3.4, 4.4, 5]) < 1e-15)
        #expect(largestDifference(KnotVector.refined(old, grid: 3, to: 2), [0, 2.5, 5]) < 1e-15)
        #expect(KnotVector.refined(old, grid: 3, to: 1) == [0, 5])
    }
}
