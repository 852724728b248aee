// Means and standard deviations: merged blocks against two passes, and digits that must not be lost.

import Testing
@testable import SwiftKAN

/// Two passes over the values; n - 1 in the denominator.
func twoPass(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot())
}

@Suite struct StatisticsTests {
    /// Values in pieces of these sizes, each reduced by two passes and merged.
    private func merged(_ values: [Double], pieces: [Int]) -> Moments {
        let moments = Moments(1)
        var start = 0
        for count in pieces {
            let part = Array(values[start..<(start + count)])
            start += count
            let mean = count == 0 ? 0 : part.reduce(0, +) / Double(count)
            moments.merge(0, Double(count), mean, part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) })
        }
        return moments
    }

    @Test(arguments: [[100], [1, 99], [50, 50], [33, 0, 33, 34], Array(repeating: 1, count: 100)])
    func mergingAgreesWithTwoPasses(pieces: [Int]) {
        let values = uniform(100, 2, 5, seed: 1)
        let moments = merged(values, pieces: pieces)
        let expected = twoPass(values)
        #expect(abs(moments.mean[0] - expected.mean) < 1e-14)
        #expect(abs(moments.deviation(0) - expected.deviation) < 1e-14)
    }

    /// A deviation of 1e-6 beside a mean of 1e6: E[v²] - E[v]² would have no digit left.
    @Test func tinyDeviationBesideALargeMean() {
        let values = uniform(1000, seed: 2).map { 1e6 + 1e-6 * $0 }
        let expected = twoPass(values)
        for pieces in [[1000], [500, 500], Array(repeating: 8, count: 125)] {
            #expect(abs(merged(values, pieces: pieces).deviation(0) / expected.deviation - 1) < 1e-3)
        }
        #expect(expected.deviation > 4e-7 && expected.deviation < 7e-7)
    }

    /// The mean of equal values is rounded, so their distances to it are not 0.
    @Test func constants() {
        for value in [0.1, 1e-20, 3e6, 0] {
            for pieces in [Array(repeating: 16, count: 62) + [8], [7, 3] + Array(repeating: 10, count: 99), Array(repeating: 8, count: 125)] {
                #expect(merged(Array(repeating: value, count: 1000), pieces: pieces).deviation(0) == 0)
            }
        }
    }

    @Test func emptyAndSingle() {
        let moments = Moments(2)
        #expect(!moments.hasValues(0) && moments.deviation(0).sign == .plus && moments.deviation(0) == 0)
        moments.merge(0, 1, 3, 0)
        #expect(moments.hasValues(0) && !moments.hasValues(1) && moments.mean[0] == 3 && moments.deviation(0).isNaN)
        let other = Moments(2)
        other.merge(moments)
        #expect(other.mean[0] == 3 && other.mean[1] == 0 && !other.hasValues(1))
    }

    /// A row of a block: lanes beyond its samples do not count.
    @Test func rowsOfABlock() throws {
        let w = try Workspace(try narrowLayers(Double.self, Settings(width: [1, 1])), capacity: 2)
        w.begin(11)
        let values = uniform(11, seed: 3)
        let row = try Rows([values + [99, 99, 99, 99, 99]], nv: 2)
        let moments = Moments(1)
        moments.add(row.vectors, w, to: 0)
        #expect(abs(moments.mean[0] - twoPass(values).mean) < 1e-15)
        #expect(abs(moments.deviation(0) - twoPass(values).deviation) < 1e-15)
    }

    /// A deviation larger than the type can square is infinite, and no number makes none.
    @Test func rowsBeyondTheRange() throws {
        let w = try Workspace(try narrowLayers(Float.self, Settings(width: [1, 1])), capacity: 4)
        w.begin(64)
        func deviation(_ values: [Float]) throws -> Double {
            let moments = Moments(1)
            moments.add(try Rows([values], nv: 4).vectors, w, to: 0)
            return moments.deviation(0)
        }
        #expect(try deviation([Float](repeating: 0, count: 32) + [Float](repeating: 2e19, count: 32)) == .infinity)
        #expect(try deviation([Float](repeating: 0, count: 63) + [.nan]).isNaN)
    }

    /// One pass keeps the digits that two passes keep: far from 0, with an outlier first in the row, and of a constant.
    @Test func rowsWhoseMeanIsFarAway() throws {
        let w = try Workspace(try narrowLayers(Float.self, Settings(width: [1, 1])), capacity: 4)
        for samples in [1, 2, 15, 16, 17, 50, 64] {
            w.begin(samples)
            for (offset, outlier) in [(Float(0), Float(0)), (1000, 0), (0, 3000), (-1e6, 0)] {
                var values = uniform(samples, seed: 7).map { offset + Float($0) }
                values[0] += outlier
                let row = try Rows([values + [Float](repeating: values[samples - 1], count: w.nv * 16 - samples)], nv: w.nv)
                let moments = Moments(1)
                moments.add(row.vectors, w, to: 0)
                let expected = twoPass(values.map { Double($0) })
                // A mean of almost 0 is as near as its numbers are, of size 1.
                let size = 4e-7 * (abs(expected.mean) + abs(Double(outlier))) + Double(Float.ulpOfOne / 2)
                #expect(abs(moments.mean[0] - expected.mean) <= size)
                if samples > 1 {
                    let allowed = 2e-6 * expected.deviation + 2e-7 * abs(Double(offset))
                    #expect(abs(moments.deviation(0) - expected.deviation) <= allowed, "\(samples) \(offset) \(outlier)")
                }
                let constant = try Rows([[Float](repeating: values[0], count: w.nv * 16)], nv: w.nv)
                let still = Moments(1, ulp: Double(Float.ulpOfOne))
                still.add(constant.vectors, w, to: 0)
                #expect(samples == 1 || still.deviation(0) == 0)
            }
        }
    }

    /// All statistics of a network against the plain forward pass, over more than one block and shard.
    @Test func networkAgainstTheNaiveOne() throws {
        let network = try richNetwork()
        let n = 150
        let x = uniform(2 * n, seed: 4)
        var found = [Double](repeating: .nan, count: network.statisticsCount)
        try network.statistics(x: x, n: n, evaluation: Evaluation(), into: &found)
        let samples = NaiveSample.all(network, x)
        var expected: [Double] = []
        func add(_ count: Int, _ value: (NaiveSample, Int) -> Double) {
            let moments = (0..<count).map { q in twoPass(samples.map { value($0, q) }) }
            expected += moments.map(\.mean) + moments.map(\.deviation)
        }
        for (l, shape) in network.layers.enumerated() {
            add(shape.inputs) { $0.acts[l][$1] }
            add(shape.outputs) { $0.sums[l][$1] }
            add(shape.edges) { $0.numerical[l][$1] + $0.symbolic[l][$1] }
            add(shape.edges) { $0.numerical[l][$1] }
        }
        #expect(largestDifference(found, expected) < 1e-13)
        #expect(throws: KANError.self) { try network.statistics(x: x, n: 1, evaluation: Evaluation(), into: &found) }
    }
}
