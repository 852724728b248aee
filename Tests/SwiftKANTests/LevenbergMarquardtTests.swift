// Levenberg-Marquardt: where it ends, that it ends, and that nothing on the way can spoil the network.

import Testing
@testable import SwiftKAN

private func fit(_ fixture: Fixture, _ change: (inout FitOptions) -> Void = { _ in }) throws -> FitReport {
    var options = FitOptions()
    options.optimizer = .lm
    options.updateGrid = false
    options.steps = 200
    change(&options)
    return try fixture.network.fit(train: fixture.samples, test: nil, options: options)
}

/// The best weighted mean square that a linear model with these columns reaches.
private func leastSquares(_ columns: [[Double]], _ fixture: Fixture) throws -> Double {
    let n = fixture.n
    var problem = try StreamingLeastSquares(columns: columns.count, rightHandSides: 1)
    var rows = [Double](repeating: 0, count: n * columns.count)
    var sides = [Double](repeating: 0, count: n)
    for s in 0..<n {
        let root = fixture.weight.base[s].squareRoot()
        for (c, column) in columns.enumerated() { rows[s * columns.count + c] = root * column[s] }
        sides[s] = root * fixture.y.base[s]
    }
    try problem.add(rows: n, matrix: rows, rightHandSides: sides)
    let c = try problem.solve(rcond: 1e-13).solution
    var (error, total) = (0.0, 0.0)
    for s in 0..<n {
        let value = columns.indices.reduce(0) { $0 + rows[s * columns.count + $1] * c[$1] }
        error += (value - sides[s]) * (value - sides[s])
        total += fixture.weight.base[s]
    }
    return error / total
}

@Suite struct LevenbergMarquardtTests {
    /// A single layer is a linear model: the fit ends, soon, where least squares by QR does.
    @Test func oneLayerReachesTheLeastSquaresSolution() throws {
        let fixture = try Fixture(
            sums: [3, 1], multiplications: [0, 0], arities: [], grid: [6], k: [3], n: 400)
        let columns = try fixture.jacobian(try fixture.equations(Objective()))
        let best = try leastSquares(columns, fixture)
        let report = try fit(fixture)
        let reached = try #require(report.trainLoss.last)
        #expect(report.reason == .converged && report.steps < 30, "\(report.steps) steps, \(report.reason)")
        #expect(reached < best * (1 + 1e-7), "\(reached) instead of \(best)")
        #expect(reached > best * (1 - 1e-7))
    }

    @Test func deepNetworksConvergeQuickly() throws {
        let fixture = try Fixture(sums: [2, 2, 1], multiplications: [0, 0, 0], arities: [], grid: [8, 8], k: [3, 3], n: 300)
        for s in 0..<300 {
            let (a, b) = (fixture.x.base[2 * s], fixture.x.base[2 * s + 1])
            fixture.y.base[s] = Double.exp(Double.sin(2 * a) / 2 + b * b / 2)
        }
        let state = fixture.network.state
        let first = fixture.network.layers[0]
        for e in 0..<first.edges { state[first.mask + e] = 1; state[first.scaleSp + e] = 1 }
        let report = try fit(fixture) {
            $0.steps = 60
            $0.updateGrid = true
            $0.stopGridUpdateStep = 20
        }
        #expect(try #require(report.trainLoss.last) < 1e-6, "\(report.trainLoss)")
        // Between updates of the grid the loss never rises.
        for step in 21..<report.steps { #expect(report.trainLoss[step] <= report.trainLoss[step - 1]) }
    }

    /// Every loss and every kind of network: the loss falls, step by step, with and without a regulariser.
    @Test(arguments: [Loss.mse, .huber, .bce, .crossEntropy], [0.0, 0.01])
    func everyStepIsAnImprovement(loss: Loss, lamb: Double) throws {
        for fixture in try Fixture.all() where lamb == 0 || fixture.n > 1 {
            let report = try fit(fixture) {
                $0.steps = 8
                $0.objective.loss = loss
                $0.objective.huberDelta = 0.2
                $0.objective.lamb = lamb
            }
            let total = zip(report.trainLoss, report.reg).dropLast().map { $0 + lamb * $1 }
            // The smoothness prior, too, falls; it may take what is rounding of the loss.
            for step in total.indices.dropFirst() { #expect(total[step] <= total[step - 1] + 1e-20) }
            #expect(total.allSatisfy(\.isFinite) && report.reason != .diverged)
        }
    }

    /// The loss's own part of the acceleration is made in another way where there is a regulariser: with next to none it is the same.
    @Test(arguments: [true, false])
    func stepsBendAlikeWithARegulariser(products: Bool) throws {
        func losses(lamb: Double) throws -> [Double] {
            let fixture = try Fixture(
                sums: [2, 3, 1], multiplications: [0, products ? 1 : 0, 0], arities: products ? [2] : [], grid: [4, 4], k: [3, 3], n: 200,
                affine: true)
            return try fit(fixture) {
                $0.steps = 6
                $0.objective.lamb = lamb
            }.trainLoss
        }
        for (one, other) in zip(try losses(lamb: 0), try losses(lamb: 1e-14)) { #expect(abs(one - other) < 1e-6 * one, "\(one) \(other)") }
    }

    /// An edge that is far smaller than the other and that the labels know nothing of: steps make it 0, not carry it to the other side of it.
    @Test(arguments: [1e-2, 1e-4])
    func smallEdgesVanish(size: Double) throws {
        let fixture = try Fixture(sums: [2, 1], multiplications: [0, 0], arities: [], grid: [4], k: [3], n: 300, quantiles: false)
        let (state, shape) = (fixture.network.state, fixture.network.layers[0])
        for e in 0..<shape.edges { (state[shape.mask + e], state[shape.scaleSp + e], state[shape.scaleBase + e]) = (1, 1, 0) }
        fixture.network.scaleBaseTrainable = false
        for s in 0..<300 {
            fixture.y.base[s] = Double.sin(3 * fixture.x.base[2 * s])
            fixture.weight.base[s] = 1
        }
        // Constants, which edges share, have no deviation.
        func range() -> Double {
            let coef = (0..<shape.basisCount).map { state[shape.coef + shape.basisCount + $0] }
            return (coef.max() ?? 0) - (coef.min() ?? 0)
        }
        _ = try fit(fixture) { $0.steps = 10 }
        for b in 0..<shape.basisCount { state[shape.coef + shape.basisCount + b] = size * Double.sin(Double(b)) }
        let report = try fit(fixture) {
            $0.steps = 20
            $0.objective.lamb = 0.1
            $0.objective.regularization.lambEntropy = 0
        }
        #expect(range() < 1e-4, "\(range()) \(report.trainLoss)")
    }

    /// ln(a·x + b) is NaN where a step goes too far: such trials are rejected.
    @Test func trialsThatAreNotFiniteAreRejected() throws {
        let fixture = try Fixture(
            sums: [1, 1], multiplications: [0, 0], arities: [], grid: [3], k: [3], n: 100, quantiles: false)
        let (network, shape) = (fixture.network, fixture.network.layers[0])
        network.state[shape.mask] = 0
        try network.setFunction(.log, layer: 0, input: 0, output: 0)
        network.state[shape.symbolicMask] = 1
        for (a, value) in [1, 5, 1, 0].enumerated() { network.state[shape.affine + a] = Double(value) }
        for s in 0..<100 {
            fixture.x.base[s] = Double(s) / 50 - 1
            fixture.y.base[s] = Double.log(fixture.x.base[s] + 1 + 1e-3)
            fixture.weight.base[s] = 1
        }
        let report = try fit(fixture)
        #expect(report.evaluations > 2 * report.steps, "no trial was rejected")
        #expect(try #require(report.trainLoss.last) < 1e-3 * report.trainLoss[0])
        for p in 0..<network.architecture.stateCount { #expect(network.state[p].isFinite) }
    }

    /// Samples in a few cells only, and the same one many times: most directions mean nothing.
    @Test func singularEquationsAreNoHindrance() throws {
        let fixture = try Fixture(sums: [2, 1], multiplications: [0, 0], arities: [], grid: [20], k: [3])
        for s in 0..<fixture.n {
            fixture.x.base[2 * s] = Double(s % 3) / 10
            fixture.x.base[2 * s + 1] = 0.5
            fixture.y.base[s] = Double(s % 3)
        }
        let report = try fit(fixture)
        #expect(try #require(report.trainLoss.last) < 1e-12, "\(report.trainLoss)")
        for p in 0..<fixture.network.architecture.stateCount { #expect(abs(fixture.network.state[p]) < 100) }
    }

    /// H of rank 1 and no damping: the solution is one of H δ = -g and lowers the model by what it says.
    @Test func solverOfSingularSystems() throws {
        let v = [1.0, -2, 3, 0]
        let matrix = try AlignedBuffer<Double>(count: 16)
        for a in 0..<4 { for b in 0..<4 { matrix.base[a * 4 + b] = v[a] * v[b] } }
        var solver = DampedSolver()
        #expect(try solver.load(matrix, v.map { 5 * $0 }, least: v.map { _ in 0.09 }))
        let (delta, predicted) = try #require(try solver.solve(0))
        let product = zip(v, delta).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(product + 5) < 1e-9 && abs(predicted - 12.5) < 1e-9 && delta[3] == 0)
        let damped = try #require(try solver.solve(1e-3))
        #expect(damped.predicted > 0 && damped.predicted < 12.5)
        matrix.base[0] = .nan
        #expect(try solver.load(matrix, v, least: v.map { _ in 0 }) == false)
        matrix.fillWithZero()
        #expect(try solver.load(matrix, v, least: v.map { _ in 0 }) == false)
    }

    /// D of a column is at least a part of that of the splines of its layer, however large base functions and other layers are.
    @Test func dampingFollowsTheSplinesOfALayer() throws {
        let fixture = try Fixture(sums: [2, 3, 1], multiplications: [0, 0, 0], arities: [], grid: [4, 4], k: [3, 3], affine: true)
        let evaluator = try Evaluator(fixture.network, singleEdges: false)
        evaluator.fold(fixture.network)
        let equations = NormalEquations(evaluator)
        try equations.prepare(fixture.network)
        let (count, splines) = (equations.count, equations.splineCount)
        let h = try #require(equations.matrix)
        h.fillWithZero()
        // Splines, then layer by layer base functions and what belongs to nodes.
        // Of six edges of the first layer one is off, and one's spline has the scale 0.
        let parts = [(0, 4 * 7), (1, 3 * 7), (0, 5), (2, 12), (1, 3), (2, 4)]
        #expect(splines == 49 && equations.layers == parts.flatMap { Array(repeating: $0.0, count: $0.1) })
        for c in 0..<count { h.base[c * count + c] = c < splines ? (equations.layers[c] == 0 ? 2 : 3e8) : 1e20 }
        let floor = NormalEquations<Double>.floor
        for (layer, least) in zip(equations.layers, equations.leastDamping()) {
            #expect(least == floor * (layer == 0 ? 2 : 3e8))
        }
        for c in 0..<splines { h.base[c * count + c] = 0 }
        #expect(equations.leastDamping().allSatisfy { $0 == floor * 1e20 })
        var solver = DampedSolver()
        #expect(try solver.load(h, Array(repeating: 1, count: count), least: Array(repeating: 4, count: count)))
        #expect(solver.size(Array(repeating: 1, count: splines) + Array(repeating: 0, count: count - splines)) == (4 * Double(splines)).squareRoot())
    }

    /// U ᵀU = A and A x = b, for sizes around those of its blocks, and a refusal at any pivot that is not positive.
    @Test(arguments: [1, 3, 4, 7, 8, 47, 48, 49, 64, 65, 113, 230])
    func choleskyOfRandomMatrices(n: Int) throws {
        var random = MersenneTwister(seed: UInt32(n))
        let factors = (0..<(n * n)).map { _ in random.uniformDouble() - 0.5 }
        var a = [Double](repeating: 0, count: n * n)
        for i in 0..<n {
            for j in i..<n {
                a[i * n + j] = (0..<n).reduce(i == j ? 0.1 : 0) { $0 + factors[$1 * n + i] * factors[$1 * n + j] }
                a[j * n + i] = a[i * n + j]
            }
        }
        let x = (0..<n).map { _ in random.uniformDouble() }
        var b = (0..<n).map { i in (0..<n).reduce(0) { $0 + a[i * n + $1] * x[$1] } }
        var u = a
        #expect(try Cholesky.factor(&u, n, checkpoint: nil))
        for i in 0..<n {
            for j in i..<n {
                let product = (0...i).reduce(0) { $0 + u[$1 * n + i] * u[$1 * n + j] }
                #expect(abs(product - a[i * n + j]) < 1e-13 * Double(n))
            }
        }
        Cholesky.solve(u, n, &b)
        #expect(zip(b, x).allSatisfy { abs($0 - $1) < 1e-9 })
        for bad in [0, n / 2, n - 1] {
            u = a
            u[bad * n + bad] = -1
            #expect(try !Cholesky.factor(&u, n, checkpoint: nil))
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let bits = try forEachThreadCount {
            let fixture = try Fixture(
                sums: [2, 4, 2], multiplications: [0, 1, 0], arities: [2], grid: [6, 5], k: [3, 3], n: 600, affine: true)
            _ = try fit(fixture) {
                $0.steps = 4
                $0.updateGrid = true
                $0.objective.lamb = 1e-3
            }
            return (0..<fixture.network.architecture.stateCount).map { fixture.network.state[$0].bitPattern }
        }
        #expect(bits[1] == bits[0] && bits[2] == bits[0])
    }

    /// A cancelled fit leaves the last accepted point: a loss that the report knows.
    @Test func cancellingLeavesAnAcceptedPoint() throws {
        let fixture = try Fixture(sums: [2, 3, 1], multiplications: [0, 0, 0], arities: [], grid: [5, 4], k: [3, 3])
        var options = FitOptions()
        options.optimizer = .lm
        options.updateGrid = false
        var callbacks = FitCallbacks<Double>()
        callbacks.step = { $0.step == 3 ? .cancel : .proceed }
        let report = try fixture.network.fit(train: fixture.samples, test: nil, options: options, callbacks: callbacks)
        #expect(report.cancelled && report.steps == 3)
        let value = try fixture.network.evaluate(
            Objective(), on: fixture.samples, evaluation: Evaluation(), gradient: nil, inputGradient: nil)
        #expect(value.loss == report.trainLoss[2])
    }

    @Test func refusals() throws {
        let fixture = try Fixture(sums: [2, 1], multiplications: [0, 0], arities: [], grid: [3], k: [3], n: 10)
        for change: (inout FitOptions) -> Void in [
            { $0.objective.loss = .mae }, { $0.batch = 5 }, { $0.epochs = true },
        ] {
            #expect(throws: KANError.self) { try fit(fixture, change) }
        }
        let wide = try Fixture(sums: [40, 40, 1], multiplications: [0, 0, 0], arities: [], grid: [3, 3], k: [3, 3], n: 10)
        let before = wide.network.state[wide.network.layers[0].coef]
        #expect(throws: KANError.self) { try fit(wide) }
        #expect(wide.network.state[wide.network.layers[0].coef] == before)
    }
}
