// The Gauss-Newton matrix against one made of finite differences of the predictions, and its independence of threads.

import Testing
@testable import SwiftKAN

/// A network of every kind of part, its samples and targets, all from one seed.
struct Fixture {
    let network: KAN<Double>
    let x, y, weight: AlignedBuffer<Double>
    let n: Int

    /// - Parameters:
    ///   - symbolic: puts sin, x² and exp on three edges, the first of them beside its spline.
    ///   - quantiles: moves the grids to the samples, so that knots are not uniform and hidden values stay inside.
    init(
        sums: [Int], multiplications: [Int], arities: [Int], grid: [Int], k: [Int], base: BaseFunction = .silu,
        n: Int = 60, symbolic: Bool = false, affine: Bool = false, quantiles: Bool = true, seed: UInt32 = 3
    ) throws {
        var settings = Settings(sums: sums, multiplications: multiplications, arities: arities, grid: grid, k: k)
        settings.baseFunction = base
        settings.affineTrainable = affine
        settings.seed = seed
        settings.noiseScale = 2
        network = try KAN<Double>(settings)
        self.n = n
        var random = MersenneTwister(seed: seed + 1)
        let (D, O) = (network.architecture.inputs, network.architecture.outputs)
        (x, y, weight) = (try AlignedBuffer(count: n * D), try AlignedBuffer(count: n * O), try AlignedBuffer(count: n))
        for e in 0..<(n * D) { x.base[e] = 2.2 * random.uniformDouble() - 1.1 }
        for e in 0..<(n * O) { y.base[e] = random.uniformDouble() }
        for e in 0..<n { weight.base[e] = random.uniformDouble() }
        let state = network.state
        for shape in network.layers {
            for p in shape.nodeBias..<shape.nodeScale { state[p] = 0.1 * random.uniformDouble() }
            for p in shape.subnodeScale..<(shape.subnodeScale + shape.outputs) { state[p] = 0.5 + random.uniformDouble() }
            for e in 0..<shape.edges { state[shape.scaleSp + e] = 0.3 + random.uniformDouble() }
        }
        let first = network.layers[0]
        state[first.mask + first.edges - 1] = 0
        state[first.mask] = 0.5
        state[first.scaleSp + 1] = 0
        if symbolic {
            for (e, function) in [(0, SymbolicFunction.sin), (1, .xPow2), (2, .exp)] {
                let (o, i) = (e / first.inputs, e % first.inputs)
                try network.setFunction(function, layer: 0, input: i, output: o)
                state[first.symbolicMask + e] = 1
                if e > 0 { state[first.mask + i * first.outputs + o] = 0 }
                for a in 0..<4 { state[first.affine + 4 * e + a] = 0.4 + random.uniformDouble() }
            }
        }
        guard quantiles else { return }
        try network.updateGrid(x: x.base, n: n, evaluation: Evaluation())
        // Away from the samples: finite differences across a knot are not derivatives. Some samples are now beyond the grid.
        for shape in network.layers {
            for i in 0..<shape.inputs {
                let knots = state + shape.knots + i * shape.knotCount
                let shift = 0.0123 * (knots[shape.knotCount - 1] - knots[0]) / Double(shape.grid)
                for m in 0..<shape.knotCount { knots[m] += shift }
            }
        }
    }

    static func all() throws -> [Fixture] {
        [
            try Fixture(sums: [2, 3, 1], multiplications: [0, 0, 0], arities: [], grid: [5, 4], k: [3, 3]),
            try Fixture(sums: [2, 2, 2], multiplications: [0, 2, 0], arities: [2, 3], grid: [4, 3], k: [3, 2], affine: true),
            try Fixture(
                sums: [3, 2, 2, 2], multiplications: [0, 1, 0, 1], arities: [2, 2], grid: [3, 5, 2], k: [1, 3, 5],
                symbolic: true, affine: true),
            try Fixture(sums: [2, 2, 3], multiplications: [0, 0, 0], arities: [], grid: [1, 6], k: [2, 1], base: .zero, symbolic: true),
            try Fixture(sums: [2, 1], multiplications: [0, 0], arities: [], grid: [7], k: [0], base: .identity, quantiles: false),
            try Fixture(sums: [1, 2, 1], multiplications: [0, 0, 0], arities: [], grid: [30, 3], k: [3, 3], n: 1),
            try Fixture(sums: [2, 1, 1], multiplications: [0, 8, 0], arities: Array(repeating: 2, count: 8), grid: [3, 4], k: [2, 3]),
        ]
    }

    var samples: Samples<Double> { Samples(n: n, x: x.base, y: y.base, weight: weight.base) }

    func predictions() throws -> [Double] {
        var y = [Double](repeating: 0, count: n * network.architecture.outputs)
        try network.predict(x: x.base, n: n, into: &y)
        return y
    }

    func equations(_ objective: Objective) throws -> NormalEquations<Double> {
        let evaluator = try Evaluator(network, singleEdges: false)
        evaluator.fold(network)
        let equations = NormalEquations(evaluator)
        try equations.prepare(network)
        let target = Target(samples, objective, outputs: network.architecture.outputs)
        try equations.accumulate(x.base, target, evaluation: Evaluation())
        return equations
    }

    /// ∂prediction/∂column, (columns) rows of n·outputs numbers, by central differences.
    func jacobian(_ equations: NormalEquations<Double>) throws -> [[Double]] {
        try equations.target.indices.map { c in
            let p = equations.target[c]
            let old = network.state[p]
            let h = 1e-5
            network.state[p] = old + h
            let above = try predictions()
            network.state[p] = old - h
            let below = try predictions()
            network.state[p] = old
            return zip(above, below).map { ($0 - $1) / (2 * h) / equations.factor[c] }
        }
    }
}

/// ∂²(a sample's loss)/∂output², for one sample's predictions and targets.
private func curvature(_ loss: Loss, _ p: ArraySlice<Double>, _ y: ArraySlice<Double>, _ delta: Double) -> [[Double]] {
    let (p, y) = (Array(p), Array(y))
    let O = p.count
    func diagonal(_ value: (Int) -> Double) -> [[Double]] {
        (0..<O).map { o in (0..<O).map { $0 == o ? value(o) / Double(O) : 0 } }
    }
    switch loss {
    case .mse: return diagonal { _ in 2 }
    case .huber: return diagonal { min(1, delta / abs(p[$0] - y[$0])) }
    case .bce: return diagonal { let s = 1 / (1 + Double.exp(-p[$0])); return s * (1 - s) }
    default:
        let e = p.map { Double.exp($0) }
        let (sum, mass) = (e.reduce(0, +), y.reduce(0, +))
        return (0..<O).map { a in (0..<O).map { b in mass * ((a == b ? e[a] / sum : 0) - e[a] * e[b] / sum / sum) } }
    }
}

@Suite struct NormalEquationsTests {
    @Test(arguments: [Loss.mse, .huber, .bce, .crossEntropy])
    func matrixIsThatOfFiniteDifferences(loss: Loss) throws {
        for (number, fixture) in try Fixture.all().enumerated() {
            var objective = Objective()
            objective.loss = loss
            objective.huberDelta = 0.3
            let equations = try fixture.equations(objective)
            let O = fixture.network.architecture.outputs
            let jacobian = try fixture.jacobian(equations)
            let p = try fixture.predictions()
            let y = (0..<(fixture.n * O)).map { fixture.y.base[$0] }
            let total = (0..<fixture.n).reduce(0) { $0 + fixture.weight.base[$1] }
            let P = equations.count
            #expect(P > 0 && Set(equations.target).count == P)
            var expected = [Double](repeating: 0, count: P * P)
            for s in 0..<fixture.n {
                let range = (s * O)..<((s + 1) * O)
                let second = curvature(loss, p[range], y[range], objective.huberDelta)
                for a in 0..<P {
                    for b in a..<P {
                        for o in 0..<O {
                            for q in 0..<O where second[o][q] != 0 {
                                expected[a * P + b] +=
                                    fixture.weight.base[s] / total * second[o][q] * jacobian[a][s * O + o] * jacobian[b][s * O + q]
                            }
                        }
                    }
                }
            }
            let matrix = try #require(equations.matrix).base
            let largest = expected.reduce(0) { max($0, abs($1)) }
            #expect(largest > 0 || (loss == .crossEntropy && O == 1))
            var worst = 0.0
            for a in 0..<P { for b in a..<P { worst = max(worst, abs(matrix[a * P + b] - expected[a * P + b])) } }
            #expect(worst < 1e-7 * largest + 1e-15, "network \(number): \(worst) of \(largest)")
        }
    }

    /// Every number that training changes has a column, but for scale_sp, splines of scale 0, and what is switched off.
    @Test func columnsAreTheParametersThatMatter() throws {
        for fixture in try Fixture.all() {
            let equations = try fixture.equations(Objective())
            let network = fixture.network
            var expected: Set<Int> = []
            for block in network.architecture.blocks where network.isTrainable(block) && block.kind != .scaleSp {
                for p in block.offset..<(block.offset + block.count) {
                    let old = network.state[p]
                    let before = try fixture.predictions()
                    network.state[p] = old + 1
                    if zip(before, try fixture.predictions()).contains(where: { $0 != $1 }) { expected.insert(p) }
                    network.state[p] = old
                }
            }
            #expect(expected.isSubset(of: equations.target))
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let fixture = try Fixture(
            sums: [3, 3, 2], multiplications: [0, 1, 0], arities: [2], grid: [9, 8], k: [3, 3], n: 1500, affine: true)
        let bits = try forEachThreadCount {
            let equations = try fixture.equations(Objective())
            let matrix = try #require(equations.matrix)
            return (0..<matrix.count).map { matrix.base[$0].bitPattern }
        }
        #expect(bits[1] == bits[0] && bits[2] == bits[0])
    }

    /// The single-precision network's matrix is summed in double precision.
    @Test func singlePrecision() throws {
        var settings = Settings(width: [2, 3, 1], grid: 5)
        settings.noiseScale = 2
        let network = try KAN<Float>(settings)
        var random = MersenneTwister(seed: 5)
        let x = (0..<1000).map { _ in random.uniformFloat() }
        let y = [Float](repeating: 0, count: 500)
        let evaluator = try Evaluator(network, singleEdges: false)
        evaluator.fold(network)
        let equations = NormalEquations(evaluator)
        try equations.prepare(network)
        try x.withUnsafeBufferPointer { x in
            try y.withUnsafeBufferPointer { y in
                let target = Target(Samples(n: 500, x: x.baseAddress!, y: y.baseAddress!), Objective(), outputs: 1)
                try equations.accumulate(x.baseAddress!, target, evaluation: Evaluation())
            }
        }
        let wide = try KAN<Double>(settings)
        for p in 0..<wide.architecture.stateCount { wide.state[p] = Double(network.state[p]) }
        let reference = try Evaluator(wide, singleEdges: false)
        reference.fold(wide)
        let expected = NormalEquations(reference)
        try expected.prepare(wide)
        let (wideX, wideY) = (x.map { Double($0) }, y.map { Double($0) })
        try wideX.withUnsafeBufferPointer { x in
            try wideY.withUnsafeBufferPointer { y in
                let target = Target(Samples(n: 500, x: x.baseAddress!, y: y.baseAddress!), Objective(), outputs: 1)
                try expected.accumulate(x.baseAddress!, target, evaluation: Evaluation())
            }
        }
        let (a, b) = (try #require(equations.matrix), try #require(expected.matrix))
        let largest = (0..<b.count).reduce(0) { max($0, abs(b.base[$1])) }
        let worst = (0..<b.count).reduce(0) { max($0, abs(a.base[$1] - b.base[$1])) }
        #expect(worst < 1e-5 * largest && worst > 0)
    }
}
