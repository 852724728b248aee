// FitObjective: what a step of training minimises, on one batch: the engine's losses, or the caller's.
//
// What it must get right, in this order:
//   1. The gradient is 0 for everything that is not trained.
//   2. The caller's loss sees all predictions of the batch at once, on the thread that called `fit`.

extension FitLoop {
    /// The objective on a batch and its gradient, 0 for what is not trained.
    func evaluate(_ batch: Samples<T>, gradient: UnsafeMutablePointer<T>) throws(KANError) -> ObjectiveValue {
        report.evaluations += 1
        if options.objective.lamb != 0, !evaluator.singleEdges, network.hasSymbolicEdges {
            // A callback has switched a symbolic edge on.
            evaluator = try Evaluator(network, singleEdges: true)
            evaluator.checkpoint = network.checkpoint
        }
        evaluator.fold(network, samples: options.objective.lamb == 0 ? batch.n : .max)
        let target = Target(batch, options.objective, outputs: network.architecture.outputs)
        let value: ObjectiveValue
        if options.objective.loss == .custom {
            value = try customObjective(batch, gradient: gradient)
        } else {
            value = try evaluator.objective(
                options.objective, x: batch.x, target: target, evaluation: options.evaluation, gradient: gradient,
                inputGradient: nil)
        }
        var next = 0
        for range in ranges {
            (gradient + next).update(repeating: 0, count: range.lowerBound - next)
            next = range.upperBound
        }
        (gradient + next).update(repeating: 0, count: network.architecture.parameterCount - next)
        return value
    }

    /// The caller's loss: all predictions, then one backward sweep from its gradient.
    private func customObjective(_ batch: Samples<T>, gradient: UnsafeMutablePointer<T>) throws(KANError) -> ObjectiveValue {
        let O = network.architecture.outputs
        if (adjoint?.count ?? -1) < batch.n * O { adjoint = try AlignedBuffer(count: batch.n * O) }
        guard let adjoint else { throw .internal("no memory for the gradient of the loss") }
        let loss = try customLoss(batch, isTest: false, gradient: adjoint.base)
        var value = ObjectiveValue(loss: loss, reg: 0)
        if options.objective.lamb != 0 {
            value.reg = try evaluator.regularization(
                options.objective.regularization, lamb: options.objective.lamb, batch.x, batch.n,
                evaluation: options.evaluation)
        }
        let pulls = options.objective.lamb != 0 ? evaluator.pulls : nil
        _ = try evaluator.gradientSweep(
            batch.x, batch.n, evaluation: options.evaluation, pulls: pulls, gradient: gradient, inputGradient: nil
        ) { w, start, _ in
            w.load(adjoint.base + start * O, columns: O, into: w.dx)
            return 0
        }
        evaluator.addCoefficientGradient(options.objective.regularization, lamb: options.objective.lamb, to: gradient)
        return value
    }

    func customLoss(_ data: Samples<T>, isTest: Bool, gradient: UnsafeMutablePointer<T>?) throws(KANError) -> Double {
        let O = network.architecture.outputs
        if (predictions?.count ?? -1) < data.n * O { predictions = try AlignedBuffer(count: data.n * O) }
        guard let predictions, let loss = callbacks.loss else { throw .internal("no memory for the predictions") }
        try evaluator.predict(data.x, data.n, evaluation: options.evaluation, into: predictions.base)
        let value: Double?
        if isTest || batches.isWhole {
            value = loss(isTest, predictions.base, nil, data.n, gradient)
        } else {
            value = batches.index.withUnsafeBufferPointer { loss(isTest, predictions.base, $0.baseAddress, data.n, gradient) }
        }
        guard let value else { throw .cancelled }
        return value
    }
}
