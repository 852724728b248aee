// The forward pass against the network's function written down plainly (NaiveNetwork.swift): predictions and everything between.

import Testing
@testable import SwiftKAN

@Suite struct LayerForwardTests {
    private func compare(_ network: KAN<Double>, _ x: [Double], tolerance: Double = 1e-13) throws {
        let samples = NaiveSample.all(network, x)
        let n = samples.count
        func activations(_ kind: Activation, _ l: Int, _ width: Int) throws -> [Double] {
            var out = [Double](repeating: .nan, count: n * width)
            try network.activations(kind, layer: l, x: x, n: n, evaluation: Evaluation(), into: &out)
            return out
        }
        #expect(try largestDifference(network.predictions(x), samples.flatMap { $0.acts[network.layers.count] }) < tolerance)
        for (l, shape) in network.layers.enumerated() {
            #expect(try largestDifference(activations(.acts, l, shape.inputs), samples.flatMap { $0.acts[l] }) < tolerance)
            #expect(try largestDifference(activations(.actsPremult, l, shape.outputs), samples.flatMap { $0.subnodes[l] }) < tolerance)
            let edges = shape.edges
            #expect(try largestDifference(activations(.splinePostsplines, l, edges), samples.flatMap { $0.splines[l] }) < tolerance)
            #expect(try largestDifference(activations(.postactsNumerical, l, edges), samples.flatMap { $0.numerical[l] }) < tolerance)
            #expect(try largestDifference(activations(.postactsSymbolic, l, edges), samples.flatMap { $0.symbolic[l] }) < tolerance)
            let both = samples.flatMap { sample in zip(sample.numerical[l], sample.symbolic[l]).map { $0 + $1 } }
            #expect(try largestDifference(activations(.splinePostacts, l, edges), both) < tolerance)
        }
        let last = try activations(.acts, network.layers.count, network.architecture.outputs)
        #expect(try last == network.predictions(x))
    }

    @Test(arguments: 0...5, BaseFunction.allCases)
    func everyDegreeAndBaseFunction(k: Int, base: BaseFunction) throws {
        try compare(try richNetwork(k: k, base: base), uniform(2 * 11, -1.6, 1.6, seed: UInt32(k)))
    }

    @Test(arguments: [[1], [2], [3], [1, 2, 3], [4]])
    func arities(_ arities: [Int]) throws {
        try compare(
            try richNetwork(sums: [2, 1, 1], multiplications: [0, arities.count, 0], arities: arities), uniform(18, seed: 2))
        // No addition nodes at all, and multiplication at the output.
        try compare(
            try richNetwork(sums: [2, 0, 1], multiplications: [0, arities.count, 1], arities: arities + [2]), uniform(18, seed: 2))
    }

    @Test func plainNetworks() throws {
        for width in [[1, 1], [3, 2], [2, 4, 3, 2], [1, 3, 1]] {
            let zeros = Array(repeating: 0, count: width.count)
            let network = try richNetwork(sums: width, multiplications: zeros, arities: [], grid: 5, symbolic: false)
            try compare(network, uniform(width[0] * 9, seed: 3))
        }
    }

    /// Layers with many outputs, or fine grids, take the wide form, which evaluates only the functions that are not zero.
    @Test(arguments: 1...5) func wideLayers(k: Int) throws {
        for (sums, grid) in [([2, 17, 1], 3), ([2, 1], 90)] {
            let network = try richNetwork(
                sums: sums, multiplications: sums.map { _ in 0 }, arities: [], grid: grid, k: k, symbolic: k != 3)
            #expect(FoldedLayer<Double>.wideUses(network.layers[0], mask: network.state + network.layers[0].mask) == .all)
            try compare(network, uniform(2 * 11, -1.6, 1.6, seed: 7), tolerance: 1e-12)
        }
    }

    @Test func symbolicEdgesCanBeSwitchedOff() throws {
        let network = try richNetwork()
        let x = uniform(16, seed: 4)
        let with = try network.predictions(x)
        network.symbolicEnabled = false
        try compare(network, x)
        #expect(try network.predictions(x) != with)
        network.symbolicEnabled = true
        #expect(try network.predictions(x) == with)
    }

    /// An edge whose masks are 0 is never evaluated: its infinities reach nothing.
    @Test func maskedEdgesAreNotEvaluated() throws {
        let network = try richNetwork()
        let shape = network.layers[0]
        network.functions[0][0] = .library(.log)
        network.state[shape.symbolicMask] = 0
        let hidden = (0..<shape.edges).first { network.state[shape.mask + $0] == 0 } ?? 0
        network.state[shape.coef + hidden * shape.basisCount] = .nan
        #expect(try network.predictions(uniform(16, seed: 4)).allSatisfy { $0.isFinite })
    }

    @Test func singularitiesAreAvoidedIfAsked() throws {
        let network = try KAN<Double>(Settings(width: [1, 1]))
        let shape = network.layers[0]
        network.state[shape.mask] = 0
        network.state[shape.symbolicMask] = 1
        network.functions[0][0] = .library(.inverse)
        for (e, value) in [1.0, 0, 1, 0].enumerated() { network.state[shape.affine + e] = value }
        #expect(try network.predictions([0, 0.5]) == [.infinity, 2])
        let bounded = try network.predictions([0, 0.5], evaluation: Evaluation(avoidSingularities: true, yTh: 10))
        #expect(bounded[0] == 0 && bounded[1] == 2)
    }

    /// NaN in one row stays there.
    @Test func notANumberStaysInItsRow() throws {
        let network = try richNetwork()
        var x = uniform(2 * 12, seed: 5)
        let clean = try network.predictions(x)
        x[2 * 4] = .nan
        let y = try network.predictions(x)
        for s in 0..<12 { #expect(s == 4 ? y[s].isNaN : y[s] == clean[s]) }
    }

    @Test func floatFollowsDouble() throws {
        let double = try richNetwork()
        var settings = Settings(sums: [2, 2, 1], multiplications: [0, 3, 0], arities: [2, 3, 1], grid: [3, 3], k: [3, 3])
        settings.baseFunction = .silu
        let single = try KAN<Float>(settings)
        for e in 0..<double.architecture.stateCount { single.state[e] = Float(double.state[e]) }
        single.functions = double.functions
        let x = uniform(2 * 40, seed: 6)
        let (a, b) = (try double.predictions(x), try single.predictions(x.map { Float($0) }))
        #expect(largestDifference(a, b.map { Double($0) }) < 2e-5)
    }

    @Test func layersAreChecked() throws {
        let network = try richNetwork()
        var out = [Double](repeating: 0, count: 100)
        for (kind, l) in [(Activation.acts, 3), (.acts, -1), (.actsPremult, 2), (.splinePostacts, 2), (.postactsSymbolic, -1)] {
            #expect(throws: KANError.self) {
                try network.activations(kind, layer: l, x: [0, 0], n: 1, evaluation: Evaluation(), into: &out)
            }
        }
    }
}
