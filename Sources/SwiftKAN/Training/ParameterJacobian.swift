// ParameterJacobian: ∂output/∂parameter sample by sample, and Σ_s w_s J_sᵀJ_s, for the parameters that Levenberg-Marquardt moves.
//
// What it must get right, in this order:
//   1. The columns are derivatives with respect to the numbers of the state as they stand there; those of NormalEquations.swift,
//      with respect to mask·scale·coef, are multiplied by mask·scale.
//   2. Nothing is written beyond the number of columns that the caller has memory for.

extension KAN {
    /// Where the parameters that Levenberg-Marquardt moves stand in the state, column by column.
    ///
    /// These are the coefficients and `scale_base` of edges that are on, the affine numbers of symbolic edges, and those of nodes if
    /// they are trained; `scale_sp` only multiplies the coefficients and is left out.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func parameterColumns() throws(KANError) -> [Int] {
        try withEvaluator(singleEdges: false) { (evaluator) throws(KANError) in
            let equations = NormalEquations(evaluator)
            try equations.prepare(self)
            return equations.target
        }
    }

    /// Writes ∂output/∂parameter (n, outputs, columns) at x (n, inputs).
    ///
    /// - Parameter columns: as many as `parameterColumns` has.
    /// - Throws: `KANError.invalid` if that is another number, or more than 10 000.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func parameterJacobian(
        x: UnsafePointer<T>, n: Int, evaluation: Evaluation, columns: Int, into jacobian: UnsafeMutablePointer<Double>
    ) throws(KANError) {
        try withEvaluator(singleEdges: false) { (evaluator) throws(KANError) in
            let equations = NormalEquations(evaluator)
            try equations.prepare(self)
            try Self.check(columns, equations.count)
            let (D, O) = (architecture.inputs, architecture.outputs)
            let step = 8 * evaluator.blockSamples(n)
            try equations.reserve(min(n, step), O)
            var unused: [AlignedBuffer<T>] = []
            for start in stride(from: 0, to: n, by: step) {
                let samples = min(step, n - start)
                // Of the squared error the seeds are multiples of single outputs.
                let target = Target<T>(
                    loss: .mse, huberDelta: 1, n: samples, outputs: O, y: nil, labels: nil, weight: nil)
                while unused.count < evaluator.shardCount(samples) {
                    unused.append(try AlignedBuffer(count: evaluator.layout.count))
                }
                try equations.fillRows(x + start * D, target, first: 0, samples: samples, evaluation: evaluation, unused: unused)
                let size = Double(T((2 * target.scale).squareRoot()))
                equations.writeRows(samples, O, divisor: size, to: jacobian + start * O * columns)
            }
        }
    }

    /// Writes Σ_s w_s J_sᵀJ_s (columns, columns) of the samples of `data`, whose labels are not used.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func normalMatrix(
        _ data: Samples<T>, evaluation: Evaluation, columns: Int, into matrix: UnsafeMutablePointer<Double>
    ) throws(KANError) {
        var objective = Objective()
        objective.loss = .custom  // no labels are asked for
        try data.check("x", for: self, objective)
        try withEvaluator(singleEdges: false) { (evaluator) throws(KANError) in
            let equations = NormalEquations(evaluator)
            try equations.prepare(self)
            try Self.check(columns, equations.count)
            let target = Target<T>(
                loss: .mse, huberDelta: 1, n: data.n, outputs: architecture.outputs, y: nil, labels: nil, weight: data.weight)
            try equations.accumulate(data.x, target, evaluation: evaluation)
            guard let h = equations.matrix?.base else { return }
            let factor = equations.factor
            for r in 0..<columns {
                for c in r..<columns {
                    let value = h[r * columns + c] * factor[r] * factor[c] / (2 * target.scale)
                    matrix[r * columns + c] = value
                    matrix[c * columns + r] = value
                }
            }
        }
    }

    private static func check(_ columns: Int, _ count: Int) throws(KANError) {
        guard columns == count else {
            throw .invalid("count is \(columns), but the model has \(count) trained parameters; ask swiftkan_parameter_columns")
        }
    }
}

extension NormalEquations {
    /// The dense rows of the samples at hand, seed by seed, divided by `divisor`.
    func writeRows(_ samples: Int, _ seeds: Int, divisor: Double, to rows: UnsafeMutablePointer<Double>) {
        guard let basis = basis?.base, let gradients = gradients?.base else { return }
        for r in 0..<(samples * seeds) {
            let row = rows + r * count
            row.update(repeating: 0, count: count)
            let values = basis + r / seeds * basisStride
            let slopes = gradients + r * gradientStride
            for unit in units {
                let (b, g) = (values + unit.basisOffset, slopes + unit.gradientOffset)
                let first = unit.column + Int(b[0]) * unit.width
                for j in 0..<unit.active {
                    for e in 0..<unit.width {
                        let c = first + j * unit.width + e
                        row[c] = b[1 + j] * g[e] * factor[c] / divisor
                    }
                }
            }
        }
    }
}
