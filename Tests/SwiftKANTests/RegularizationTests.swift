// The five metrics: values by their formulas, gradients by differences (symbolic edges, products and masks included), and
// deviations of 0.

import Testing
@testable import SwiftKAN

/// R(v) as in Regularization.swift's head, for v as rows.
private func plainPenalty(_ v: [[Double]], _ r: Regularization) -> Double {
    func log2(_ x: Double) -> Double { Double.log(x) / Double.log(2.0) }
    func entropy(_ lines: [[Double]]) -> Double {
        let total = lines.reduce(0.0) { sum, line in
            let mass = line.reduce(0, +) + 1
            return sum - line.reduce(0) { $0 + $1 / mass * log2($1 / mass + 1e-4) }
        }
        return total / Double(lines.count)
    }
    let columns = v[0].indices.map { c in v.map { $0[c] } }
    return r.lambL1 * v.flatMap { $0 }.reduce(0, +) + r.lambEntropy * (entropy(v) + entropy(columns))
}

@Suite struct RegularizationTests {
    private let n = 12

    private func value(_ network: KAN<Double>, _ r: Regularization, _ x: [Double], _ gradient: UnsafeMutablePointer<Double>? = nil)
        throws -> Double
    {
        try network.regularization(r, x: x, n: x.count / network.architecture.inputs, evaluation: Evaluation(), gradient: gradient)
    }

    private func regularization(_ metric: RegMetric) -> Regularization {
        var r = Regularization()
        r.metric = metric
        (r.lambL1, r.lambEntropy) = (0.7, 1.3)
        return r
    }

    /// Values from the naive forward pass and two-pass deviations.
    @Test(arguments: [RegMetric.edgeForwardSplineN, .edgeForwardSum, .edgeForwardSplineU, .edgeBackward])
    func values(metric: RegMetric) throws {
        let network = try richNetwork()
        let x = uniform(2 * n, seed: 1)
        let samples = NaiveSample.all(network, x)
        let r = regularization(metric)
        func deviation(_ value: (NaiveSample) -> Double) -> Double { twoPass(samples.map(value)).deviation }
        var expected = 0.0
        var scores = [1.0]
        for (l, shape) in network.layers.enumerated().reversed() {
            var owner = Array(0..<shape.sums)
            for (m, arity) in shape.arities.enumerated() { owner += Array(repeating: shape.sums + m, count: arity) }
            let v = (0..<shape.outputs).map { o in
                (0..<shape.inputs).map { i in
                    let e = o * shape.inputs + i
                    let edge = deviation { $0.numerical[l][e] + $0.symbolic[l][e] }
                    let input = deviation { $0.acts[l][i] } + 0.1
                    switch metric {
                    case .edgeForwardSplineN: return deviation { $0.numerical[l][e] } / input
                    case .edgeForwardSum: return edge / input
                    case .edgeForwardSplineU: return edge
                    default: return edge * scores[owner[o]] / (deviation { $0.sums[l][o] } + 1e-4)
                    }
                }
            }
            expected += plainPenalty(v, r)
            scores = (0..<shape.inputs).map { i in v.reduce(0) { $0 + $1[i] } }
        }
        #expect(abs(try value(network, r, x) - expected) < 1e-12)
    }

    /// Scores of the nodes of each level, each split by the network's inputs in proportion to the transfers below.
    @Test func nodeBackwardValue() throws {
        let network = try richNetwork()
        let x = uniform(2 * n, seed: 1)
        let samples = NaiveSample.all(network, x)
        func deviation(_ value: (NaiveSample) -> Double) -> Double { twoPass(samples.map(value)).deviation }
        let transfer = network.layers.enumerated().map { l, shape in
            var owner = Array(0..<shape.sums)
            for (m, arity) in shape.arities.enumerated() { owner += Array(repeating: shape.sums + m, count: arity) }
            var matrix = Array(repeating: Array(repeating: 0.0, count: shape.inputs), count: shape.nodes)
            for o in 0..<shape.outputs {
                let whole = deviation { $0.sums[l][o] } + 1e-4
                for i in 0..<shape.inputs {
                    let e = o * shape.inputs + i
                    matrix[owner[o]][i] += deviation { $0.numerical[l][e] + $0.symbolic[l][e] } / whole
                }
            }
            return matrix
        }
        // [2, …, 1]: two layers, one output of score 1.
        let hidden = transfer[1][0]
        let first = zip(hidden, transfer[0]).map { score, row in row.map { score * $0 } }
        let last = [(0..<2).map { d in zip(hidden, transfer[0]).reduce(0) { $0 + $1.0 * $1.1[d] } }]
        let r = regularization(.nodeBackward)
        let expected = plainPenalty(first, r) + plainPenalty(last, r)
        #expect(abs(try value(network, r, x) - expected) < 1e-12)
    }

    @Test(arguments: RegMetric.allCases)
    func gradients(metric: RegMetric) throws {
        let network = try richNetwork(grid: 2, k: 3)
        let x = uniform(2 * n, -1.2, 1.2, seed: 2)
        let r = regularization(metric)
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        let whole = try value(network, r, x, &gradient)
        #expect(whole == (try value(network, r, x)))
        for (block, error) in try gradientErrors(network, gradient: gradient, value: { try value(network, r, x) }) {
            #expect(error <= 1e-7, "\(metric) \(block): \(error)")
        }
    }

    /// A hidden node without edges is constant whatever comes after it: the edges from it have no gradient, but for sums of pulls on the
    /// nodes behind that are 0 to rounding.
    @Test(arguments: RegMetric.allCases, [7, 33, 100, 999])
    func constantNodes(metric: RegMetric, n: Int) throws {
        func check<T: KANScalar>(_: T.Type, _ sums: [Int]) throws {
            var settings = Settings(width: sums, grid: 4)
            settings.noiseScale = 1
            let network = try KAN<T>(settings)
            let (first, second) = (network.layers[0], network.layers[1])
            for node in [1, 4] {
                for i in 0..<first.inputs { network.state[first.mask + i * first.outputs + node] = 0 }
                network.state[first.nodeBias + node] = 0.1
            }
            var gradient = [T](repeating: .nan, count: network.architecture.parameterCount)
            _ = try network.regularization(
                regularization(metric), x: uniform(sums[0] * n, seed: 8).map { T($0) }, n: n, evaluation: Evaluation(),
                gradient: &gradient)
            let coefs = second.outputs * second.basisCount
            let largest = gradient.reduce(0) { max($0, abs($1)) }
            #expect(largest > 0.1 && gradient.allSatisfy { $0.isFinite })
            let least = 1e4 * T.ulpOfOne * largest
            for node in [1, 4] {
                #expect(gradient[(second.coef + node * coefs)..<(second.coef + (node + 1) * coefs)].allSatisfy { abs($0) <= least })
                #expect(abs(gradient[first.nodeBias + node]) <= least)
            }
        }
        for sums in [[4, 6, 3], [4, 18, 17]] {
            try check(Double.self, sums)
            try check(Float.self, sums)
        }
    }

    @Test func coefficients() throws {
        let network = try richNetwork()
        let x = uniform(2 * n, seed: 3)
        var r = Regularization()
        (r.lambL1, r.lambEntropy, r.lambCoef, r.lambCoefdiff) = (0, 0, 0.3, 0.9)
        var expected = 0.0
        for shape in network.layers {
            for e in 0..<shape.edges {
                let coef = (0..<shape.basisCount).map { network.state[shape.coef + e * shape.basisCount + $0] }
                expected += 0.3 * coef.reduce(0) { $0 + abs($1) } / Double(shape.outputs)
                expected += 0.9 * zip(coef, coef.dropFirst()).reduce(0) { $0 + abs($1.1 - $1.0) } / Double(shape.outputs)
            }
        }
        var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
        #expect(abs(try value(network, r, x, &gradient) - expected) < 1e-12)
        for (block, error) in try gradientErrors(network, gradient: gradient, value: { try value(network, r, x) }) {
            #expect(error <= 1e-7, "\(block): \(error)")
        }
        // |0| has slope 0.
        let flat = try KAN<Double>(Settings(width: [1, 1]))
        for b in 0..<flat.layers[0].basisCount { flat.state[flat.layers[0].coef + b] = 0 }
        var none = [Double](repeating: .nan, count: flat.architecture.parameterCount)
        _ = try value(flat, r, uniform(5, seed: 1), &none)
        #expect(none.allSatisfy { $0 == 0 })
    }

    /// Constant inputs, constant edges, dead edges: deviations of 0 have gradient 0, not NaN.
    @Test(arguments: RegMetric.allCases)
    func zeroDeviations(metric: RegMetric) throws {
        let network = try richNetwork()
        let r = regularization(metric)
        for x in [Array(repeating: 0.25, count: 2 * n), (0..<(2 * n)).map { $0 % 2 == 0 ? 0.5 : Double($0) / 24 }] {
            for dead in [false, true] {
                let copy = try KAN(copying: network)
                copy.functions = network.functions
                if dead {
                    for shape in copy.layers {
                        for e in 0..<shape.edges {
                            copy.state[shape.mask + e] = 0
                            copy.state[shape.symbolicMask + e] = 0
                        }
                    }
                }
                var gradient = [Double](repeating: .nan, count: copy.architecture.parameterCount)
                #expect(try value(copy, r, x, &gradient).isFinite)
                #expect(gradient.allSatisfy { $0.isFinite })
            }
        }
        #expect(throws: KANError.self) { try value(network, r, [0.1, 0.2]) }
    }
}
