// The training loop: however it ends the network holds finite parameters, the last accepted or the best.

import Testing
@testable import SwiftKAN

/// y = exp(sin πx₁ + x₂²) and a network that can learn it.
private struct Lesson {
    let n: Int
    let x: [Double]
    let y: [Double]
    let network: KAN<Double>
    var options = FitOptions()

    init(n: Int = 60, width: [Int] = [2, 2, 1], seed: UInt32 = 1) throws {
        let points = uniform(2 * n, seed: seed)
        (self.n, x) = (n, points)
        y = (0..<n).map { Double.exp(Double.sin(.pi * points[2 * $0]) + points[2 * $0 + 1] * points[2 * $0 + 1]) }
        network = try KAN<Double>(Settings(width: width))
        options.steps = 4
    }

    func fit(_ callbacks: FitCallbacks<Double> = FitCallbacks(), test: Samples<Double>? = nil) throws -> FitReport {
        try network.fit(train: ownedSamples(n, x: x, y: y), test: test, options: options, callbacks: callbacks)
    }

    var loss: Double {
        get throws {
            let p = try network.predictions(x)
            return zip(p, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(n)
        }
    }
    var isFinite: Bool { network.numbers.allSatisfy { $0.isFinite } }
}

@Suite struct FitTests {
    @Test func lbfgsLearns() throws {
        let lesson = try Lesson()
        let before = try lesson.loss
        let report = try lesson.fit()
        #expect(report.steps == 4 && report.reason == .steps && report.bestStep == 3 && report.evaluations >= 8)
        #expect(report.trainLoss[3] < before / 20 && report.testLoss.allSatisfy { $0.isNaN })
        // Of L-BFGS the loss at the accepted point is recorded.
        #expect(try abs(lesson.loss - report.trainLoss[3]) < 1e-12)
        #expect(report.reg[0] == 0 && report.reg[3] > 0)
    }

    @Test(arguments: [OptimizerKind.adam, .adamw, .sgd]) func firstOrder(optimizer: OptimizerKind) throws {
        var lesson = try Lesson()
        (lesson.options.optimizer, lesson.options.steps, lesson.options.lr) = (optimizer, 20, 0.02)
        let before = try lesson.loss
        let report = try lesson.fit()
        #expect(report.evaluations == 20 && report.steps == 20)
        // The loss before the first step, after the first grid update.
        #expect(abs(report.trainLoss[0] - before) < 0.05 * before)
        #expect(try lesson.loss < 0.9 * before && report.trainLoss[19] < report.trainLoss[0])
    }

    /// Symbolic edges alone: grids are without effect, so that their moves cost no curvature and do not keep training up; and
    /// L-BFGS goes down to rounding.
    @Test func symbolicNetworksAreFittedExactly() throws {
        let network = try KAN<Double>(Settings(width: [1, 1]))
        let (shape, x) = (network.layers[0], uniform(100, seed: 3))
        let y = x.map { 2 * Double.sin(3 * $0 + 0.5) + 1 }
        network.state[shape.mask] = 0
        network.state[shape.symbolicMask] = 1
        try network.setFunction(.sin, layer: 0, input: 0, output: 0)
        for (p, value) in [2.7, 0.3, 1.6, 0.8].enumerated() { network.state[shape.affine + p] = value }
        var options = FitOptions()
        options.steps = 40
        let report = try network.fit(train: ownedSamples(100, x: x, y: y), test: nil, options: options)
        #expect(report.reason == .converged && report.steps < 20)
        #expect(report.trainLoss.last! < 1e-29)
        #expect(abs(network.state[shape.affine] - 3) < 1e-14)
    }

    @Test func testDataAreJudgedAfterTheStep() throws {
        let lesson = try Lesson()
        let other = try Lesson(n: 20, seed: 7)
        let report = try lesson.fit(test: ownedSamples(20, x: other.x, y: other.y))
        let p = try lesson.network.predictions(other.x)
        let mse = zip(p, other.y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 20
        #expect(abs(report.testLoss[3] - mse) < 1e-12)
    }

    @Test func customLossEqualsMSE() throws {
        for (optimizer, batch, lamb) in [(OptimizerKind.lbfgs, -1, 0.0), (.adam, 16, 0), (.lbfgs, -1, 0.01)] {
            var (plain, custom) = (try Lesson(), try Lesson())
            plain.options.optimizer = optimizer
            (plain.options.batch, plain.options.lr, plain.options.objective.lamb) = (batch, optimizer == .adam ? 0.02 : 1, lamb)
            custom.options = plain.options
            custom.options.objective.loss = .custom
            var callbacks = FitCallbacks<Double>()
            let y = custom.y
            callbacks.loss = { isTest, p, index, rows, gradient in
                #expect(!isTest && (index == nil) == (batch < 0))
                var total = 0.0
                for s in 0..<rows {
                    let r = p[s] - y[index.map { Int($0[s]) } ?? s]
                    total += r * r
                    gradient?[s] = 2 * r / Double(rows)
                }
                return total / Double(rows)
            }
            let (a, b) = (try plain.fit(), try custom.fit(callbacks))
            // L-BFGS magnifies rounding; the first steps agree.
            #expect(largestDifference(Array(a.trainLoss[..<2]), Array(b.trainLoss[..<2])) < 1e-6 * a.trainLoss[0], "\(optimizer)")
            #expect(abs(a.reg[0] - b.reg[0]) < 1e-6)
        }
    }

    @Test func earlyStoppingRestoresTheBest() throws {
        var lesson = try Lesson()
        (lesson.options.optimizer, lesson.options.lr, lesson.options.steps, lesson.options.patience) = (.sgd, 0.05, 60, 3)
        lesson.options.updateGrid = false
        // Learning goes well for 5 steps and then far too fast.
        lesson.options.lrFactor = Array(repeating: 1, count: 5) + Array(repeating: 30, count: 55)
        let test = ownedSamples(lesson.n, x: lesson.x, y: lesson.y)
        let report = try lesson.fit(test: test)
        #expect(report.reason == .patience && report.steps == report.bestStep + 1 + 3)
        #expect(report.testLoss[report.bestStep] == report.testLoss.min())
        #expect(try abs(lesson.loss - report.testLoss[report.bestStep]) < 1e-12)
    }

    /// Without test data the loss recorded is that before the step; the parameters kept are those it was measured at.
    @Test func theBestOfTheTrainingLoss() throws {
        var lesson = try Lesson()
        (lesson.options.optimizer, lesson.options.lr, lesson.options.steps, lesson.options.patience) = (.sgd, 0.05, 60, 3)
        (lesson.options.updateGrid, lesson.options.lrFactor) = (false, Array(repeating: 1, count: 5) + Array(repeating: 30, count: 55))
        let report = try lesson.fit()
        #expect(report.trainLoss[report.bestStep] == report.trainLoss.min())
        #expect(try abs(lesson.loss - report.trainLoss[report.bestStep]) < 1e-12)
    }

    /// Test data on which the loss is never finite give no best step; the parameters must not be lost over it.
    @Test func patienceWithoutAnyBest() throws {
        var lesson = try Lesson()
        (lesson.options.patience, lesson.options.steps, lesson.options.updateGrid) = (2, 5, false)
        (lesson.options.optimizer, lesson.options.lr) = (.adam, 1e-3)
        let shape = lesson.network.layers[0]
        lesson.network.functions[0][0] = .library(.sqrt)
        lesson.network.state[shape.symbolicMask] = 1
        for (e, value) in [1.0, 30, 1, 0].enumerated() { lesson.network.state[shape.affine + e] = value }
        let report = try lesson.fit(test: ownedSamples(1, x: [-1e6, 0], y: [1]))
        #expect(report.testLoss.allSatisfy { $0.isNaN } && report.reason == .patience)
        #expect(lesson.network.numbers.contains { $0 != 0 })
        #expect(try lesson.loss < report.trainLoss[0])
    }

    @Test func divergenceRestoresTheLastFinite() throws {
        for optimizer in [OptimizerKind.sgd, .adam, .adamw] {
            for updateGrid in [false, true] {
                for steps in [1, 3, 10] {
                    var lesson = try Lesson()
                    (lesson.options.optimizer, lesson.options.lr) = (optimizer, 1e308)
                    (lesson.options.steps, lesson.options.updateGrid, lesson.options.stopGridUpdateStep) = (steps, updateGrid, 10)
                    let report = try lesson.fit()
                    #expect(lesson.isFinite, "\(optimizer), grids \(updateGrid), \(steps) steps")
                    #expect(try lesson.loss.isFinite, "\(optimizer), grids \(updateGrid), \(steps) steps")
                    #expect(steps < 3 || report.reason == .diverged, "\(optimizer), grids \(updateGrid), \(steps) steps")
                }
            }
        }
    }

    @Test func converged() throws {
        // A loss of 0 cannot be improved.
        let lesson = try Lesson(width: [2, 1])
        var options = lesson.options
        (options.steps, options.updateGrid) = (50, false)
        let y = try lesson.network.predictions(lesson.x)
        let before = lesson.network.numbers
        let report = try lesson.network.fit(train: ownedSamples(lesson.n, x: lesson.x, y: y), test: nil, options: options)
        #expect(report.reason == .converged && report.steps == 2 && lesson.network.numbers == before)
    }

    @Test func callbacksStopAndCancel() throws {
        for answer in [CallbackAnswer.stop, .cancel] {
            let lesson = try Lesson()
            var seen: [Progress] = []
            var callbacks = FitCallbacks<Double>()
            callbacks.step = { progress in
                seen.append(progress)
                return progress.step == 2 ? answer : .proceed
            }
            let report = try lesson.fit(callbacks)
            #expect(report.steps == 2 && report.reason == .callback && report.cancelled == (answer == .cancel))
            #expect(seen.map(\.step) == [1, 2] && seen.map(\.trainLoss) == report.trainLoss && seen[0].steps == 4)
            #expect(lesson.isFinite)
            #expect(try abs(lesson.loss - report.trainLoss[1]) < 1e-12)
        }
    }

    /// A poll that cancels in the middle of a step leaves an accepted point.
    @Test func pollCancelsWithinAStep() throws {
        var lesson = try Lesson(n: 2000)
        lesson.options.steps = 1000
        let before = try lesson.loss
        var polls = 0
        var callbacks = FitCallbacks<Double>()
        callbacks.poll = { _ in
            polls += 1
            return polls < 8 ? .proceed : .cancel
        }
        let start = monotonicSeconds()
        let report = try lesson.fit(callbacks)
        #expect(report.cancelled && report.steps < 1000 && monotonicSeconds() - start < 10)
        #expect(lesson.isFinite && lesson.network.checkpoint == nil)
        #expect(try lesson.loss <= before * 1.01)
    }

    @Test func epochsAndSeeds() throws {
        func run(seed: UInt32) throws -> FitReport {
            var lesson = try Lesson()
            lesson.options.optimizer = .adam
            (lesson.options.batch, lesson.options.epochs, lesson.options.lr, lesson.options.seed) = (16, true, 0.02, seed)
            return try lesson.fit()
        }
        let report = try run(seed: 1)
        // 60 samples in batches of 16: four a pass.
        #expect(report.evaluations == 16 && report.steps == 4 && report.trainLoss[3] < report.trainLoss[0])
        #expect(try run(seed: 1).trainLoss == report.trainLoss && run(seed: 2).trainLoss != report.trainLoss)
    }

    /// What is not trainable stays, and the grid moves only when it may.
    @Test func flags() throws {
        var lesson = try Lesson()
        lesson.network.scaleBaseTrainable = false
        lesson.options.updateGrid = false
        let before = lesson.network.numbers
        _ = try lesson.fit()
        for block in lesson.network.architecture.blocks {
            let range = block.offset..<(block.offset + block.count)
            let same = Array(lesson.network.numbers[range]) == Array(before[range])
            #expect(same == (!lesson.network.isTrainable(block) || block.name.hasSuffix("affine")), "\(block.name)")
        }
    }

    /// In a step of L-BFGS the first layer's basis functions are kept: the same bits as from evaluations that know nothing of it.
    @Test(arguments: [0.0, 0.01]) func keptBasisFunctionsChangeNoBit(lamb: Double) throws {
        var (lesson, other) = (try Lesson(), try Lesson())
        lesson.options.updateGrid = false
        lesson.options.objective.lamb = lamb
        _ = try lesson.fit()
        let data = ownedSamples(other.n, x: other.x, y: other.y)
        other.options = lesson.options
        let lbfgs = try LBFGS<Double>(count: other.network.architecture.parameterCount, options: other.options)
        for step in 0..<other.options.steps {
            _ = try lbfgs.step(other.network.state, lr: other.options.lr(step: step)) { (gradient) throws(KANError) in
                let value = try other.network.evaluate(
                    other.options.objective, on: data, evaluation: Evaluation(), gradient: gradient, inputGradient: nil)
                let trained = other.network.trainableRanges
                for p in 0..<other.network.architecture.parameterCount where !trained.contains(where: { $0.contains(p) }) {
                    gradient[p] = 0
                }
                return value
            }
        }
        #expect(lesson.network.numbers == other.network.numbers)
    }
}
