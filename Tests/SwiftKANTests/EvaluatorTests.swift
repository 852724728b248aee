// Blocks, shards and threads: a row's prediction does not depend on its batch, and no number of threads changes a bit.

import Testing
@testable import SwiftKAN

@Suite(.serialized) struct EvaluatorTests {
    /// Counts around full vectors and full blocks (16 vectors of 8 samples).
    @Test func predictionsDoNotDependOnTheBatch() throws {
        let network = try richNetwork()
        let n = 300
        let x = uniform(2 * n, -1.4, 1.4, seed: 1)
        let all = try network.predictions(x)
        for count in [1, 2, 7, 8, 9, 127, 128, 129, 256, 257] {
            for start in [0, 3, n - count] {
                let part = try network.predictions(Array(x[(2 * start)..<(2 * (start + count))]))
                #expect(part == Array(all[start..<(start + count)]), "\(count) rows from \(start)")
            }
        }
        #expect(try network.predictions([]) == [])
    }

    @Test func floatPredictionsDoNotDependOnTheBatch() throws {
        let network = try KAN<Float>(Settings(width: [2, 3, 2], grid: 4, k: 2))
        let x = uniform(2 * 300, seed: 2).map { Float($0) }
        let all = try network.predictions(x)
        for count in [1, 15, 16, 17, 255, 256, 257] {
            #expect(try network.predictions(Array(x[..<(2 * count)])) == Array(all[..<(2 * count)]))
        }
    }

    /// What the lanes beyond the samples hold must not reach a gradient: sums over parts are the whole.
    @Test(arguments: [1, 5, 8, 9, 130])
    func paddedTailsAddNothing(n: Int) throws {
        let network = try richNetwork()
        let x = uniform(2 * n, seed: 3), v = uniform(n, seed: 4)
        let P = network.architecture.parameterCount
        func gradient(_ rows: Range<Int>) throws -> (gradient: [Double], input: [Double]) {
            var g = [Double](repeating: .nan, count: P), dx = [Double](repeating: .nan, count: 2 * rows.count)
            try network.vectorJacobianProduct(
                x: Array(x[(2 * rows.lowerBound)..<(2 * rows.upperBound)]), n: rows.count, evaluation: Evaluation(),
                outputGradient: Array(v[rows]), gradient: &g, inputGradient: &dx)
            return (g, dx)
        }
        let whole = try gradient(0..<n)
        var sum = [Double](repeating: 0, count: P), input: [Double] = []
        for s in 0..<n {
            let one = try gradient(s..<(s + 1))
            for p in 0..<P { sum[p] += one.gradient[p] }
            input += one.input
        }
        let size = whole.gradient.map { abs($0) }.max() ?? 0
        #expect(largestDifference(whole.gradient, sum) < 1e-13 * max(size, 1) * Double(n))
        #expect(whole.input == input)
    }

    @Test func threadsChangeNoBit() throws {
        let network = try richNetwork()
        let n = 1500
        let x = uniform(2 * n, seed: 5), y = uniform(n, seed: 6)
        var objective = Objective()
        objective.lamb = 0.1
        let results = try forEachThreadCount {
            var numbers = try network.predictions(x)
            var g = [Double](repeating: 0, count: network.architecture.parameterCount)
            var statistics = [Double](repeating: 0, count: network.statisticsCount)
            let value = try network.evaluate(
                objective, on: ownedSamples(n, x: x, y: y), evaluation: Evaluation(), gradient: &g, inputGradient: nil)
            try network.statistics(x: x, n: n, evaluation: Evaluation(), into: &statistics)
            numbers += g + statistics + [value.loss, value.reg]
            let moved = try KAN(copying: network)
            try moved.updateGrid(x: x, n: 200, evaluation: Evaluation())
            return numbers + moved.numbers
        }
        #expect(results[0] == results[1] && results[0] == results[2])
        #expect(results[0].allSatisfy { $0.isFinite })
    }

    @Test func shardsDependOnNetworkAndSamplesAlone() throws {
        let evaluator = try Evaluator(try richNetwork(), singleEdges: false)
        // Small data are cut small, so that threads share them; large ones into full blocks.
        #expect(evaluator.shardCount(1) == 1 && evaluator.shardCount(8) == 1 && evaluator.shardCount(9) == 2)
        #expect(evaluator.blockSamples(1) == 8 && evaluator.blockSamples(1 << 20) == 8 * evaluator.capacity)
        #expect(evaluator.shardCount(1 << 30) == 64)
    }

    /// Users write into the state through views: the next call sees it.
    @Test func writingTheStateChangesTheNextCall() throws {
        let network = try richNetwork()
        let x = uniform(20, seed: 7)
        let before = try network.predictions(x)
        network.state[network.layers[1].nodeBias] += 2
        #expect(try largestDifference(network.predictions(x), before.map { $0 + 2 }) < 1e-14)
    }

    /// A compiled network has the bits that the network had, and keeps them.
    @Test(arguments: [3, 20]) func compiledNetworksDoNotFollow(width: Int) throws {
        let network = try KAN<Double>(Settings(width: [2, width, 1], grid: 4))
        let x = uniform(2 * 150, -1.4, 1.4, seed: 5)
        let before = try network.predictions(x)
        let compiled = try network.compiled()
        for p in 0..<network.architecture.parameterCount { network.state[p] += 0.5 }
        #expect(compiled.isCompiled && !network.isCompiled)
        for _ in 0..<2 {
            #expect(try compiled.predictions(x) == before)
            #expect(try compiled.predictions(Array(x[..<2])) == [before[0]])
        }
        #expect(try network.predictions(x) != before)
    }
}
