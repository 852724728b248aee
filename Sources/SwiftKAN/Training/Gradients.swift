// Gradients as users ask for them: of an objective, of a weighted sum of outputs, of a regulariser.
//
// What it must get right: the pointers given receive whole gradients; a call that fails has written nothing that counts.

extension KAN {
    /// The objective at the network's parameters and, where asked for, its gradient.
    ///
    /// - Parameters:
    ///   - gradient: (parameterCount) of loss + lamb·regularisation, or nil.
    ///   - inputGradient: (n, inputs) of the same with respect to x, or nil.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func evaluate(
        _ objective: Objective, on data: Samples<T>, evaluation: Evaluation,
        gradient: UnsafeMutablePointer<T>?, inputGradient: UnsafeMutablePointer<T>?
    ) throws(KANError) -> ObjectiveValue {
        try data.check("x", for: self, objective)
        let target = Target(data, objective, outputs: architecture.outputs)
        return try withEvaluator(
            singleEdges: objective.lamb != 0 && regularizesSingleEdges, use: objective.use, samples: objective.lamb == 0 ? data.n : .max
        ) { (evaluator) throws(KANError) in
            try evaluator.objective(
                objective, x: data.x, target: target, evaluation: evaluation, gradient: gradient,
                inputGradient: inputGradient)
        }
    }

    /// Σ v·∂output/∂parameter and Σ v·∂output/∂x for v = `outputGradient` (n, outputs).
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func vectorJacobianProduct(
        x: UnsafePointer<T>, n: Int, evaluation: Evaluation, outputGradient: UnsafePointer<T>,
        gradient: UnsafeMutablePointer<T>?, inputGradient: UnsafeMutablePointer<T>?
    ) throws(KANError) {
        guard n > 0 else {
            gradient?.update(repeating: 0, count: architecture.parameterCount)
            return
        }
        guard gradient != nil || inputGradient != nil else { return }
        let O = architecture.outputs
        _ = try withEvaluator(singleEdges: false, samples: n) { (evaluator) throws(KANError) in
            try evaluator.gradientSweep(
                x, n, evaluation: evaluation, pulls: nil, gradient: gradient, inputGradient: inputGradient
            ) { w, start, _ in
                w.load(outputGradient + start * O, columns: O, into: w.dx)
                return 0
            }
        }
    }

    /// A regulariser's value and, if asked for, its gradient (parameterCount).
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func regularization(
        _ r: Regularization, x: UnsafePointer<T>, n: Int, evaluation: Evaluation, gradient: UnsafeMutablePointer<T>?
    ) throws(KANError) -> Double {
        guard n >= 2 else { throw .invalid("x has \(n) samples; a standard deviation needs at least 2") }
        return try withEvaluator(singleEdges: regularizesSingleEdges, use: .regularizers) { (evaluator) throws(KANError) in
            let value = try evaluator.regularization(r, lamb: 1, x, n, evaluation: evaluation)
            guard let gradient else { return value }
            let O = evaluator.architecture.outputs
            _ = try evaluator.gradientSweep(
                x, n, evaluation: evaluation, pulls: evaluator.pulls, gradient: gradient, inputGradient: nil
            ) { w, _, _ in
                RowKernels<T>.fill(w.dx, .zero, O * w.nv)
                return 0
            }
            evaluator.addCoefficientGradient(r, lamb: 1, to: gradient)
            return value
        }
    }
}
