// The wide form against the narrow one and the plain network: predictions, gradients, regularisers, any cut of samples, threads.

import Testing
@testable import SwiftKAN

@Suite(.serialized) struct WideLayerTests {
    private func network(_ sums: [Int], grid: Int = 3, k: Int = 3, base: BaseFunction = .silu) throws -> KAN<Double> {
        try richNetwork(
            sums: sums, multiplications: sums.map { _ in 0 }, arities: [], grid: grid, k: k, base: base, symbolic: false)
    }

    private struct Result {
        var numbers: [Double]
        var loss, reg: Double
    }

    /// The objective, its gradient and that of the inputs, by an evaluator of the wide form or the narrow one.
    private func evaluate(_ network: KAN<Double>, _ objective: Objective, _ x: [Double], _ y: [Double], narrow: Bool) throws
        -> Result
    {
        let evaluator = try Evaluator(network, singleEdges: narrow)
        #expect(evaluator.isWide == !narrow)
        evaluator.fold(network)
        let n = x.count / network.architecture.inputs
        var g = [Double](repeating: .nan, count: network.architecture.parameterCount)
        var dx = [Double](repeating: .nan, count: x.count)
        let target = Target(ownedSamples(n, x: x, y: y), objective, outputs: network.architecture.outputs)
        let value = try evaluator.objective(
            objective, x: kept(x), target: target, evaluation: Evaluation(), gradient: &g, inputGradient: &dx)
        return Result(numbers: g + dx, loss: value.loss, reg: value.reg)
    }

    private func compare(_ network: KAN<Double>, n: Int, _ objective: Objective = Objective(), tolerance: Double = 1e-12) throws {
        let x = uniform(network.architecture.inputs * n, -1.4, 1.4, seed: 3)
        let y = uniform(network.architecture.outputs * n, seed: 4)
        let wide = try evaluate(network, objective, x, y, narrow: false)
        let narrow = try evaluate(network, objective, x, y, narrow: true)
        let size = max(1, narrow.numbers.map { abs($0) }.max() ?? 0)
        #expect(largestDifference(wide.numbers, narrow.numbers) < tolerance * size)
        #expect(abs(wide.loss - narrow.loss) < tolerance * max(1, abs(narrow.loss)))
        #expect(abs(wide.reg - narrow.reg) < tolerance * max(1, abs(narrow.reg)))
    }

    /// Every number of vectors in a group (8 outputs a vector) and every degree; the second layer needs the inputs' gradient.
    @Test(arguments: [16, 20, 30, 40, 70].map { (3, $0) } + [1, 2, 4, 5].flatMap { [($0, 16), ($0, 30)] })
    func everyDegreeAndWidth(k: Int, width: Int) throws {
        try compare(try network([3, width, 17], k: k), n: 37)
    }

    @Test(arguments: [BaseFunction.identity, .zero]) func otherBaseFunctions(base: BaseFunction) throws {
        try compare(try network([3, 18, 16], base: base), n: 21)
    }

    @Test func fineGrids() throws {
        try compare(try network([3, 4, 1], grid: 60), n: 150)
        try compare(try network([2, 33, 1], grid: 50, k: 2), n: 150)
    }

    /// Counts around blocks and around what the store keeps; the sum over portions is the whole.
    @Test(arguments: [1, 2, 31, 33, 128, 257, 4100, 9000]) func anyNumberOfSamples(n: Int) throws {
        try compare(try network([1, 16, 1], grid: 2, k: 2), n: n)
    }

    @Test func storesDependOnTheNetworkAlone() throws {
        let evaluator = try Evaluator(try network([40, 300, 1]), singleEdges: false)
        #expect(WideStore<Double>.samples(evaluator.folded) == 512)
        #expect(evaluator.blockSamples(1) == 1 && evaluator.blockSamples(40) == 20 && evaluator.blockSamples(1000) == 125)
    }

    /// Inputs and outputs without edges are left out; single masked edges have weight and gradient 0, whatever stands there.
    @Test func masks() throws {
        let network = try network([4, 20, 17])
        for (l, shape) in network.layers.enumerated() {
            for o in 0..<shape.outputs { network.state[shape.mask + (l + 1) * shape.outputs + o] = 0 }
            for i in 0..<shape.inputs {
                for o in [0, 7, 16] { network.state[shape.mask + i * shape.outputs + o] = 0 }
            }
            network.state[shape.coef + shape.outputs * shape.basisCount] = .nan
        }
        try compare(network, n: 40)
        let evaluator = try Evaluator(network, singleEdges: false)
        evaluator.fold(network)
        #expect(evaluator.folded[0].wide.inputs == [0, 2, 3] && evaluator.folded[0].wide.outputs.count == 17)
        // A mask that is switched on again is seen.
        network.state[network.layers[0].mask + 7] = 1
        evaluator.fold(network)
        #expect(evaluator.folded[0].wide.outputs.count == 18)
        // Nothing at all.
        for shape in network.layers { for e in 0..<shape.edges { network.state[shape.mask + e] = 0 } }
        try compare(network, n: 5)
    }

    @Test func symbolicEdges() throws {
        let rich = try richNetwork(sums: [2, 17, 3], multiplications: [0, 0, 0], arities: [], grid: 3, k: 3)
        try compare(rich, n: 30)
    }

    @Test(arguments: 1...5) func regularisersOfEveryDegree(k: Int) throws {
        var objective = Objective()
        objective.lamb = 0.3
        try compare(try network([3, 18, 17, 2], grid: 4, k: k), n: 150, objective, tolerance: 1e-9)
    }

    /// All metrics from two small matrices of an input instead of the edges' values.
    @Test(arguments: RegMetric.allCases) func regularisers(metric: RegMetric) throws {
        var objective = Objective()
        objective.lamb = 0.3
        objective.regularization.metric = metric
        try compare(try network([3, 18, 17, 2]), n: 60, objective, tolerance: 1e-9)
        try compare(try network([3, 18, 17, 2], grid: 5, k: 2, base: .zero), n: 300, objective, tolerance: 1e-9)
        let masked = try network([3, 18, 17])
        for o in 0..<18 { masked.state[masked.layers[0].mask + o] = 0 }
        try compare(masked, n: 60, objective, tolerance: 1e-9)
    }

    /// Grids with more functions than samples are listed for, and few samples for each.
    @Test(arguments: [1, 3, 5]) func regularisersOfFineGrids(k: Int) throws {
        var objective = Objective()
        objective.lamb = 0.3
        try compare(try network([3, 18, 2], grid: 40, k: k), n: 75, objective, tolerance: 1e-9)
    }

    /// Edges that are almost nothing: their pulls may be beyond single precision, and are then left out.
    @Test func pullsThatAreNoNumbers() throws {
        let network = try KAN<Float>(Settings(width: [3, 18, 2]))
        let shape = network.layers[0]
        for size in [1e-19, 1e-30, 1e-37, 70 * .leastNonzeroMagnitude] as [Float] {
            for e in 0..<(shape.edges * shape.basisCount) { network.state[shape.coef + e] = size * Float(e % 7) }
            for e in 0..<shape.edges { network.state[shape.scaleBase + e] = size }
            var gradient = [Float](repeating: .nan, count: network.architecture.parameterCount)
            let x = uniform(3 * 60, seed: 6).map { Float($0) }
            _ = try network.regularization(Regularization(), x: x, n: 60, evaluation: Evaluation(), gradient: &gradient)
            #expect(gradient.allSatisfy { $0.isFinite })
        }
    }

    /// NaN and infinities stay in their rows; beyond the knots splines are 0.
    @Test func oddInputs() throws {
        for base in [BaseFunction.silu, .zero] {
            let network = try network([2, 17], base: base)
            var x = uniform(2 * 40, seed: 5)
            let clean = try network.predictions(x)
            (x[2 * 4], x[2 * 9 + 1]) = (.nan, 1e30)
            let y = try network.predictions(x)
            for s in 0..<40 {
                for o in 0..<17 where s != 9 { #expect(s == 4 ? y[s * 17 + o].isNaN : y[s * 17 + o] == clean[s * 17 + o]) }
            }
            #expect((0..<17).allSatisfy { y[9 * 17 + $0].isFinite })
        }
    }

    /// Users can write such knots; splines are 0 then, and nothing is read outside the tables.
    @Test(arguments: [-Double.infinity, .infinity, .nan]) func knotsThatAreNoGrid(knot: Double) throws {
        let network = try network([2, 17])
        let shape = network.layers[0]
        for m in [0, shape.knotCount - 1] {
            let before = network.state[shape.knots + m]
            network.state[shape.knots + m] = knot
            #expect(try network.predictions(uniform(2 * 40, seed: 5)).allSatisfy { $0.isFinite })
            network.state[shape.knots + m] = before
        }
    }

    /// What an evaluator keeps from a call does not reach the next one: other numbers, other masks, other counts.
    @Test func keptMomentsAreMadeAnew() throws {
        let network = try network([3, 18, 17, 2])
        let kept = try Evaluator(network, singleEdges: false)
        for (n, changed) in [(300, 0), (300, 1), (40, 2), (5000, 3)] {
            network.state[network.layers[0].coef + changed] += 0.5
            for o in 0..<18 { network.state[network.layers[0].mask + 18 * (changed % 3) + o] = changed == 2 ? 0 : 1 }
            let x = uniform(3 * n, -1.4, 1.4, seed: UInt32(n))
            var values: [[Double]] = []
            for evaluator in [kept, try Evaluator(network, singleEdges: false)] {
                evaluator.fold(network)
                let value = try evaluator.regularization(
                    Regularization(), lamb: 0.3, x, n, evaluation: Evaluation())
                let pulls = evaluator.pulls.flatMap { Array(UnsafeBufferPointer(start: $0.memory.base, count: $0.memory.count)) }
                let slopes = evaluator.wideMoments.compactMap { $0?.slopes }
                values.append([value] + pulls + slopes.flatMap { Array(UnsafeBufferPointer(start: $0.base, count: $0.count)) })
            }
            #expect(values[0] == values[1])
        }
    }

    /// A metric that takes edges one by one, then one that does not, and back.
    @Test func metricsTakeTurns() throws {
        let network = try network([3, 18, 17, 2])
        let kept = try Evaluator(network, singleEdges: false)
        let x = uniform(3 * 50, seed: 7)
        var regularization = Regularization()
        for metric in [RegMetric.edgeForwardSplineN, .edgeBackward, .edgeForwardSplineU, .nodeBackward, .edgeForwardSum] {
            regularization.metric = metric
            let values = try [kept, try Evaluator(network, singleEdges: false)].map { evaluator in
                evaluator.fold(network)
                return try evaluator.regularization(regularization, lamb: 0.3, x, 50, evaluation: Evaluation())
            }
            #expect(values[0] == values[1])
        }
    }

    /// Single precision, whose weights are read eight of a vector's sixteen at a time. All edges of some hidden nodes are switched off: edges
    /// from such a constant node have no deviation, and rounding is not taken for one.
    @Test func regularisersInSinglePrecision() throws {
        let double = try network([5, 40, 18], grid: 4)
        let single = try KAN<Float>(Settings(width: [5, 40, 18], grid: 4))
        for e in 0..<double.architecture.stateCount { single.state[e] = Float(double.state[e]) }
        let x = uniform(5 * 60, seed: 6)
        var exact = [Double](repeating: .nan, count: double.architecture.parameterCount)
        var rounded = exact.map { Float($0) }
        let r = Regularization()
        let value = try double.regularization(r, x: x, n: 60, evaluation: Evaluation(), gradient: &exact)
        let close = try single.regularization(r, x: x.map { Float($0) }, n: 60, evaluation: Evaluation(), gradient: &rounded)
        #expect(abs(value - close) < 1e-5 * value)
        let size = exact.map { abs($0) }.max() ?? 0
        #expect(largestDifference(exact, rounded.map { Double($0) }) < 1e-3 * size)
    }

    @Test func floatFollowsDouble() throws {
        let double = try network([5, 70, 18], grid: 4)
        let single = try KAN<Float>(Settings(width: [5, 70, 18], grid: 4))
        for e in 0..<double.architecture.stateCount { single.state[e] = Float(double.state[e]) }
        let x = uniform(5 * 60, seed: 6)
        let (a, b) = (try double.predictions(x), try single.predictions(x.map { Float($0) }))
        #expect(largestDifference(a, b.map { Double($0) }) < 1e-3)
        #expect(try single.predictions(Array(x[..<35]).map { Float($0) }) == Array(b[..<(7 * 18)]))
    }

    /// With few samples threads share out the inputs of a first layer that has many.
    @Test(arguments: [([30, 40, 20, 2], 800), ([200, 40, 2], 40)]) func threadsChangeNoBit(width: [Int], n: Int) throws {
        let network = try network(width, grid: 5)
        let x = uniform(width[0] * n, seed: 5), y = uniform(2 * n, seed: 6)
        var objective = Objective()
        objective.lamb = 0.1
        let results = try forEachThreadCount {
            let plain = try evaluate(network, Objective(), x, y, narrow: false)
            let regularised = try evaluate(network, objective, x, y, narrow: false)
            return plain.numbers + regularised.numbers + [plain.loss, regularised.reg] + (try network.predictions(x))
        }
        #expect(results[0] == results[1] && results[0] == results[2])
        #expect(results[0].allSatisfy { $0.isFinite })
    }
}
