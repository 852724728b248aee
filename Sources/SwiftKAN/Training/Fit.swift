// Fit: the training loop. Phases of a step: grid (if due), loss and gradient with the optimiser's step, record, callbacks.
//
// What it must get right, in this order:
//   1. However it ends, the network holds finite parameters, the last that were accepted, or the best with `patience`.
//   2. pykan's order of events and what it records (MultKAN.py, fit): losses of first-order optimisers before their step, of
//      L-BFGS at the accepted point; test losses after the step.
//   3. The curvature that L-BFGS remembers and the damping of Levenberg-Marquardt are forgotten when the grid moves: they speak of
//      other coordinates. L-BFGS then measures its curvature anew, and how stiff each layer is. A network of symbolic edges alone
//      does not feel its grids, and nothing is forgotten.

extension KAN {
    /// Trains the network.
    ///
    /// - Parameters:
    ///   - train: what is learned from.
    ///   - test: judged after every step and, with `patience`, what decides when to stop; may be nil.
    /// - Throws: `KANError.invalid` before anything is changed; `KANError.noMemory`.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func fit(
        train: Samples<T>, test: Samples<T>?, options: FitOptions, callbacks: FitCallbacks<T> = FitCallbacks()
    ) throws(KANError) -> FitReport {
        try options.checked()
        guard options.objective.loss != .custom || callbacks.loss != nil else {
            throw .invalid("the custom loss needs the loss callback")
        }
        try train.check("the training data", for: self, options.objective)
        if let test {
            var plain = options.objective
            plain.lamb = 0
            try test.check("the test data", for: self, plain)
        }
        let loop = try FitLoop(self, train, test, options, callbacks)
        return try loop.run()
    }

    /// Ranges of the parameters that training changes.
    var trainableRanges: [Range<Int>] {
        architecture.blocks.filter { isTrainable($0) }.map { $0.offset..<($0.offset + $0.count) }
    }
}

/// One call of `fit`.
final class FitLoop<T: KANScalar> {
    let network: KAN<T>
    private let test: Samples<T>?
    let options: FitOptions
    let callbacks: FitCallbacks<T>
    let batches: Batches<T>
    var evaluator: Evaluator<T>
    private let gradient: AlignedBuffer<T>
    private let lbfgs: LBFGS<T>?
    private let lm: LevenbergMarquardt<T>?
    private let selfScaled: SelfScaledBroyden<T>?
    private let kaczmarz: NewtonKaczmarz<T>?
    private let firstOrder: FirstOrder<T>?
    let ranges: [Range<Int>]
    /// The whole state where the loss was last finite, and where it was best.
    private let lastFinite: AlignedBuffer<T>
    private let best: AlignedBuffer<T>?
    private var hasBest = false
    private var steps = 0
    /// Layer by layer: has a symbolic edge been switched on since the beginning.
    private var hadSymbolicEdges: [Bool]
    /// What first-order optimisers update, and what has never had a gradient; see `sortRanges`.
    private var updatedRanges: [Range<Int>] = []
    private var idleRanges: [Range<Int>] = []
    private var lastBatch: Samples<T>?
    var predictions, adjoint: AlignedBuffer<T>?
    var report = FitReport()
    private var progress: Progress

    init(
        _ network: KAN<T>, _ train: Samples<T>, _ test: Samples<T>?, _ options: FitOptions,
        _ callbacks: FitCallbacks<T>
    ) throws(KANError) {
        self.network = network
        self.test = test
        self.options = options
        self.callbacks = callbacks
        let shape = network.architecture
        batches = try Batches(train, size: options.batch, seed: options.seed, inputs: shape.inputs, outputs: shape.outputs)
        evaluator = try Evaluator(
            network, singleEdges: options.objective.lamb != 0 && (options.optimizer == .lm || network.regularizesSingleEdges),
            use: options.objective.use)
        let P = shape.parameterCount
        gradient = try AlignedBuffer(count: P)
        lbfgs = options.optimizer == .lbfgs ? try LBFGS(count: P, options: options) : nil
        lm = options.optimizer == .lm ? try LevenbergMarquardt(network, evaluator, options) : nil
        selfScaled = [.ssbfgs, .ssbroyden].contains(options.optimizer) ? try SelfScaledBroyden(network, options) : nil
        kaczmarz = options.optimizer == .newtonKaczmarz ? try NewtonKaczmarz(network, options) : nil
        firstOrder = [.adam, .adamw, .sgd].contains(options.optimizer) ? try FirstOrder(count: P, options: options) : nil
        ranges = network.trainableRanges
        hadSymbolicEdges = Array(repeating: false, count: network.layers.count)
        lastFinite = try AlignedBuffer(count: shape.stateCount)
        best = options.patience > 0 ? try AlignedBuffer(count: shape.stateCount) : nil
        progress = Progress(step: 0, steps: options.steps)
        sortRanges()
        save(to: lastFinite)
    }

    func run() throws(KANError) -> FitReport {
        let outer = network.checkpoint
        defer { network.checkpoint = outer }
        if let poll = callbacks.poll {
            network.checkpoint = Checkpoint { [unowned self] in poll(progress) }
        }
        evaluator.checkpoint = network.checkpoint
        do throws(KANError) {
            try loop()
        } catch .cancelled {
            report.cancelled = true
            report.reason = .callback
            if !isFinite() { restore(from: lastFinite) }
        }
        if !report.cancelled, report.reason != .diverged, try !endIsFinite() { report.reason = .diverged }
        if report.reason == .diverged {
            restore(from: lastFinite)
            evaluator.checkpoint = nil
            // The last test loss was that of parameters which are given up.
            if !report.testLoss.isEmpty { report.testLoss[report.testLoss.count - 1] = try testLoss() }
        }
        if let best, hasBest { restore(from: best) }
        return report
    }

    private func loop() throws(KANError) {
        var (bestLoss, withoutGain, idle) = (Double.infinity, 0, 0)
        let mostIdle = 2 * (options.epochs ? 1 : batches.perEpoch)
        for step in 0..<options.steps {
            // Single batches are of an order each, but while none can be improved they go on through one, so that all samples are seen.
            let first = options.epochs ? 0 : idle % batches.perEpoch
            if first == 0 { batches.shuffle() }
            var loss = 0.0
            var (value, moved) = (ObjectiveValue(loss: .nan, reg: 0), false)
            let rounds = options.epochs ? batches.perEpoch : 1
            for b in 0..<rounds {
                let batch = batches.batch(first + b)
                if b == 0, options.gridMoves(at: step) {
                    guard try moveGrid(batch, step: step) else {
                        report.reason = .diverged
                        return
                    }
                    if network.hasNumericEdges {
                        try forgetCurvature(batch)
                        idle = 0
                    }
                }
                let (finite, hasMoved): (Bool, Bool)
                (value, finite, hasMoved) = try update(batch, step: step)
                if !finite {
                    report.reason = .diverged
                    return
                }
                moved = moved || hasMoved
                loss += value.loss * Double(batch.n)
                if b == rounds - 1 { value.loss = options.epochs ? loss / Double(batches.total) : value.loss }
            }
            if !moved {
                // With its curvature measured anew L-BFGS may still descend; twice in vain is the end, with mini-batches two passes.
                // Levenberg-Marquardt has tried everything.
                idle += lm == nil ? 1 : 2
                lbfgs?.reset()
            } else {
                idle = 0
            }
            let isLast = step == options.steps - 1 || idle >= mostIdle
            if isLast, options.objective.lamb == 0 {
                let batch = batches.batch(0)
                value.reg = try finalRegularization(kaczmarz?.fewSamples(batch) ?? batch)
            }
            try record(value, step: step)
            if let best {
                let judged = test == nil ? value.loss : progress.testLoss
                if judged < bestLoss - options.minDelta {
                    (bestLoss, withoutGain) = (judged, 0)
                    report.bestStep = step
                    hasBest = true
                    // Without test data first-order optimisers are judged by the loss before their step.
                    if test == nil, firstOrder != nil {
                        best.base.update(from: lastFinite.base, count: network.architecture.stateCount)
                    } else {
                        save(to: best)
                    }
                } else {
                    withoutGain += 1
                    // Until a loss is finite there is nothing to go back to.
                    if !hasBest { report.bestStep = step }
                }
            } else {
                report.bestStep = step
            }
            switch callbacks.step?(progress) ?? .proceed {
            case .proceed: break
            case .stop:
                report.reason = .callback
                return
            case .cancel: throw .cancelled
            }
            if network.checkpoint?.wantsStop == true {
                report.reason = .callback
                return
            }
            if options.patience > 0, withoutGain >= options.patience {
                report.reason = .patience
                return
            }
            if idle >= mostIdle && !(options.gridWillMove(after: step) && network.hasNumericEdges) {
                report.reason = .converged
                return
            }
        }
    }

    /// Moves the grids to the batch; false if training has driven the activations to infinity.
    private func moveGrid(_ batch: Samples<T>, step: Int) throws(KANError) -> Bool {
        do throws(KANError) {
            let samples = try kaczmarz?.fewSamples(batch) ?? batch
            try network.updateGrid(
                x: samples.x, n: samples.n, evaluation: options.evaluation, placement: options.placement)
        } catch {
            if case .invalid = error, step > 0 { return false }
            throw error
        }
        return true
    }

    /// After a move of the grid. L-BFGS then learns the stiffness of each layer too, but not before its first step: that one is
    /// torch's, and what a random network says of its layers does not hold for long.
    private func forgetCurvature(_ batch: Samples<T>) throws(KANError) {
        lm?.reset()
        selfScaled?.reset()
        guard let lbfgs, lbfgs.hasMemory else { return }
        evaluator.fold(network)
        let curvature = try evaluator.layerCurvature(
            batch.x, batch.n, weight: batch.weight, evaluation: options.evaluation, trained: ranges, gradient: gradient.base)
        let metric = try AlignedBuffer<T>(count: network.architecture.parameterCount)
        if evaluator.layerMetric(curvature, into: metric.base) { lbfgs.reset(metric: metric) } else { lbfgs.reset() }
    }

    /// First-order optimisers step after the loss was judged, so where the last step led is judged at the end.
    private func endIsFinite() throws(KANError) -> Bool {
        guard firstOrder != nil, let batch = lastBatch else { return true }
        guard isFinite() else { return false }
        evaluator.checkpoint = nil
        if options.objective.loss == .custom {
            guard let predictions, predictions.count >= batch.n * network.architecture.outputs else { return true }
            evaluator.fold(network)
            try evaluator.predict(batch.x, batch.n, evaluation: options.evaluation, into: predictions.base)
            return (0..<(batch.n * network.architecture.outputs)).allSatisfy { predictions.base[$0].isFinite }
        }
        return try plainLoss(batch).isFinite
    }

    /// One update from one batch: its value, whether it was finite, whether the parameters moved.
    private func update(_ batch: Samples<T>, step: Int) throws(KANError) -> (ObjectiveValue, Bool, Bool) {
        let state = network.state
        lastBatch = batch
        if let lbfgs {
            // Inputs and knots stay as they are for the step, and so do the first layer's basis functions.
            steps += 1
            evaluator.inputVersion = options.objective.loss == .custom ? 0 : steps
            defer { evaluator.inputVersion = 0 }
            let result = try lbfgs.step(state, lr: options.lr(step: step)) { (gradient) throws(KANError) in
                try self.evaluate(batch, gradient: gradient)
            }
            if result.total.isFinite { save(to: lastFinite) }
            return (result.value, result.total.isFinite, !result.converged)
        }
        if let lm {
            let result = try lm.step(batch)
            report.evaluations += result.evaluations
            if result.total.isFinite { save(to: lastFinite) }
            return (result.value, result.total.isFinite, !result.converged)
        }
        if let selfScaled {
            let result = try selfScaled.step(lr: options.lr(step: step)) { (gradient) throws(KANError) in
                try self.evaluate(batch, gradient: gradient)
            }
            if result.total.isFinite { save(to: lastFinite) }
            return (result.value, result.total.isFinite, !result.converged)
        }
        if let kaczmarz {
            let loss = try kaczmarz.step(batch, rate: options.lr(step: step), checkpoint: evaluator.checkpoint)
            report.evaluations += 1
            if loss.isFinite { save(to: lastFinite) }
            return (ObjectiveValue(loss: loss, reg: 0), loss.isFinite, true)
        }
        let value = try evaluate(batch, gradient: gradient.base)
        let total = value.loss + options.objective.lamb * value.reg
        guard total.isFinite else { return (value, false, false) }
        saveFixed()
        noteSymbolicEdges()
        let finite = firstOrder?.step(
            state, gradient.base, ranges: updatedRanges, idle: idleRanges, lr: options.lr(step: step), saving: lastFinite.base)
        return (value, finite ?? true, true)
    }

    /// Stores the step's losses, the test loss at the parameters as they are now.
    private func record(_ value: ObjectiveValue, step: Int) throws(KANError) {
        let testLoss = try testLoss()
        report.trainLoss.append(value.loss)
        report.testLoss.append(testLoss)
        report.reg.append(value.reg)
        progress = Progress(
            step: step + 1, steps: options.steps, trainLoss: value.loss, testLoss: testLoss, reg: value.reg)
    }

    /// At the parameters as they are now; NaN without test data.
    private func testLoss() throws(KANError) -> Double {
        guard let test else { return .nan }
        guard options.objective.loss == .custom else { return try plainLoss(test) }
        evaluator.fold(network)
        return try customLoss(test, isTest: true, gradient: nil)
    }

    /// The engine's own loss, without regularisation, at the parameters as they are now.
    private func plainLoss(_ data: Samples<T>) throws(KANError) -> Double {
        evaluator.fold(network)
        var plain = options.objective
        plain.lamb = 0
        let target = Target(data, plain, outputs: network.architecture.outputs)
        return try evaluator.objective(
            plain, x: data.x, target: target, evaluation: options.evaluation, gradient: nil, inputGradient: nil
        ).loss
    }

    /// Without lamb the regularisation is not needed in training; pykan shows that of the last step.
    private func finalRegularization(_ batch: Samples<T>) throws(KANError) -> Double {
        guard batch.n >= 2 else { return 0 }
        return try network.regularization(
            options.objective.regularization, x: batch.x, n: batch.n, evaluation: options.evaluation, gradient: nil)
    }

    // MARK: - Snapshots

    private func save(to buffer: AlignedBuffer<T>) {
        buffer.base.update(from: network.state, count: network.architecture.stateCount)
    }

    /// Looks for layers whose first symbolic edge has been switched on; makes arrays only where there are any.
    private func noteSymbolicEdges() {
        var changed = false
        for (l, layer) in evaluator.folded.enumerated() where layer.hasSymbolicEdges && !hadSymbolicEdges[l] {
            hadSymbolicEdges[l] = true
            changed = true
        }
        if changed { sortRanges() }
    }

    /// Idle are the parameters of symbolic edges in layers that have none switched on: they have never had a gradient.
    private func sortRanges() {
        idleRanges = network.layers.indices.filter { !hadSymbolicEdges[$0] }.map {
            let shape = network.layers[$0]
            return shape.affine..<(shape.affine + 4 * shape.edges)
        }
        updatedRanges = ranges.filter { !idleRanges.contains($0) }
    }

    /// Saves to `lastFinite` what first-order optimisers do not change, and so do not save.
    private func saveFixed() {
        var next = 0
        for range in ranges {
            saveState(next..<range.lowerBound)
            next = range.upperBound
        }
        saveState(next..<network.architecture.stateCount)
    }

    private func saveState(_ part: Range<Int>) {
        (lastFinite.base + part.lowerBound).update(from: network.state + part.lowerBound, count: part.count)
    }

    private func restore(from buffer: AlignedBuffer<T>) {
        network.state.update(from: buffer.base, count: network.architecture.stateCount)
    }

    private func isFinite() -> Bool {
        FirstOrder.isFinite(network.state, count: network.architecture.stateCount)
    }
}
