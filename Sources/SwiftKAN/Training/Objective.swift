// Objective: loss plus regularisation of a network on given samples, with the gradient of all parameters.
//
// What it must get right, in this order:
//   1. The gradient is that of the very value returned.
//   2. At most two sweeps over the samples: one for the statistics a regulariser needs, one for loss and gradient; the second uses
//      what is left of the first: all rows, or the sums z (SumStore.swift, WideStore.swift).
//   3. No array is allocated after the first call of its kind.

/// What training makes small: loss + lamb·regularisation.
public struct Objective: Sendable {
    public var loss = Loss.mse
    /// δ of the Huber loss.
    public var huberDelta = 1.0
    public var lamb = 0.0
    public var regularization = Regularization()
    public init() {}

    /// What layers have their forms for.
    var use: LayerUses { lamb != 0 ? .regularizers : .gradients }
}

/// The two terms of an objective.
public struct ObjectiveValue: Sendable {
    public var loss: Double
    /// 0 where lamb is 0.
    public var reg: Double
}

extension Evaluator {
    /// A regulariser's value; leaves in `pulls` what the gradient of `lamb` times it needs in the sweep that follows.
    ///
    /// - Parameters:
    ///   - derivativesFrom: see `moments`.
    ///   - keepsForward: see `moments`.
    @inline(never)
    func regularization(
        _ r: Regularization, lamb: Double, _ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation,
        derivativesFrom first: Int = Evaluator.noDerivatives, keepsForward: Bool = false
    ) throws(KANError) -> Double {
        try moments(x, n, evaluation: evaluation, wanted: r.wanted, derivativesFrom: first, keepsForward: keepsForward)
        let layers = architecture.layers
        if deviations.isEmpty {
            pulls = try folded.map { (layer) throws(KANError) in try Pulls(layer) }
            deviations = folded.map { LayerDeviations($0.shape, hasEdges: !$0.isWide || hasWideEdges) }
            widePenalties = folded.map { _ in nil }
        }
        for l in layers.indices { deviations[l].update(momentShards[0][l]) }
        let scores = if let backwardScores { backwardScores } else { try BackwardScores(layers) }
        backwardScores = scores
        var value = try r.evaluate(&deviations, scores)
        for l in layers.indices {
            if let moments = wideMoments[l] { value += try wideRegularization(moments, layer: l, r, lamb: lamb) }
            pulls[l].moments = wideMoments[l]
            pulls[l].update(momentShards[0][l], deviations[l], lamb: lamb, n: n)
        }
        return value + coefficientPenalty(r)
    }

    /// Leaves the slopes of a wide layer's pulls in its moments; the metric's value, if it was not evaluated with the deviations.
    private func wideRegularization(
        _ moments: WideMoments<T>, layer l: Int, _ r: Regularization, lamb: Double
    ) throws(KANError) -> Double {
        let layer = folded[l]
        if hasWideEdges {
            moments.slopes.fillWithZero()
            layer.forEachWideEdge { edge, number in
                let e = edge % layer.shape.outputs * layer.shape.inputs + edge / layer.shape.outputs
                moments.slopes.base[number] = pullSlope(T.self, deviations[l].dedge[e], deviations[l].edge[e], lamb, moments.samples)
            }
            return 0
        }
        if widePenalties[l]?.moments !== moments { widePenalties[l] = try WidePenalty(moments) }
        guard let penalty = widePenalties[l] else { return 0 }
        let value = penalty.evaluate(layer, r, lamb: lamb) { deviations[l].node[$0] }
        for (p, i) in layer.wide.inputs.enumerated() { deviations[l].dnode[i] = penalty.nodeSlopes.base[p] }
        return value
    }

    /// lamb_coef and lamb_coefdiff: Σ |coef| and Σ |coef_{b+1} - coef_b|, each over the outputs of its layer.
    @inline(never)
    private func coefficientPenalty(_ r: Regularization) -> Double {
        guard r.lambCoef != 0 || r.lambCoefdiff != 0 else { return 0 }
        var total = 0.0
        for shape in architecture.layers {
            let nb = shape.basisCount
            var (size, roughness) = (0.0, 0.0)
            for e in 0..<shape.edges {
                let coef = state + shape.coef + e * nb
                for b in 0..<nb { size += Double(abs(coef[b])) }
                for b in 1..<max(nb, 1) { roughness += Double(abs(coef[b] - coef[b - 1])) }
            }
            total += (r.lambCoef * size + r.lambCoefdiff * roughness) / Double(shape.outputs)
        }
        return total
    }

    /// Adds lamb times the gradient of `coefficientPenalty`; |0| has slope 0, as in torch.
    @inline(never)
    func addCoefficientGradient(_ r: Regularization, lamb: Double, to gradient: UnsafeMutablePointer<T>) {
        guard r.lambCoef != 0 || r.lambCoefdiff != 0 else { return }
        func sign(_ x: T) -> T { x > 0 ? 1 : (x < 0 ? -1 : 0) }
        for shape in architecture.layers {
            let nb = shape.basisCount
            let size = T(lamb * r.lambCoef / Double(shape.outputs))
            let roughness = T(lamb * r.lambCoefdiff / Double(shape.outputs))
            for e in 0..<shape.edges {
                let coef = state + shape.coef + e * nb
                let d = gradient + shape.coef + e * nb
                for b in 0..<nb { d[b] += size * sign(coef[b]) }
                for b in 1..<max(nb, 1) {
                    let s = roughness * sign(coef[b] - coef[b - 1])
                    d[b] += s
                    d[b - 1] -= s
                }
            }
        }
    }

    /// The objective on n samples and, where asked for, its gradient; see `gradientSweep`.
    @inline(never)
    func objective(
        _ objective: Objective, x: UnsafePointer<T>, target: Target<T>, evaluation: Evaluation,
        gradient: UnsafeMutablePointer<T>?, inputGradient: UnsafeMutablePointer<T>?
    ) throws(KANError) -> ObjectiveValue {
        let n = target.n
        var reg = 0.0
        let wanted = gradient != nil || inputGradient != nil
        // Where blocks keep their rows or sums, the sweep for the statistics serves loss and gradient, too.
        let shares = objective.lamb != 0 && keepsForward(n, gradient: gradient != nil)
        if objective.lamb != 0 {
            reg = try regularization(
                objective.regularization, lamb: objective.lamb, x, n, evaluation: evaluation,
                derivativesFrom: shares && wanted ? firstDerivative(inputGradient) : Self.noDerivatives, keepsForward: shares)
        }
        let loss = try gradientSweep(
            x, n, evaluation: evaluation, pulls: objective.lamb != 0 ? pulls : nil, gradient: gradient,
            inputGradient: inputGradient, hasForward: shares
        ) { w, start, count in target.evaluate(w, start: start, count: count) }
        if objective.lamb != 0, let gradient {
            addCoefficientGradient(objective.regularization, lamb: objective.lamb, to: gradient)
        }
        return ObjectiveValue(loss: loss, reg: reg)
    }
}

/// lamb·dR/dS / ((n - 1)·S) for a deviation S over n samples; 0 where S is 0, or so small that the quotient is no number of type T.
private func pullSlope<T: KANScalar>(_: T.Type, _ dS: Double, _ S: Double, _ lamb: Double, _ n: Int) -> Double {
    let value = lamb * dS / (Double(n - 1) * S)
    return S > 0 && abs(value) <= Double(T.greatestFiniteMagnitude) ? value : 0
}

extension Pulls {
    func update(_ moments: LayerMoments, _ d: LayerDeviations, lamb: Double, n: Int) {
        func slope(_ dS: Double, _ S: Double) -> T { T(pullSlope(T.self, dS, S, lamb, n)) }
        // A layer in the wide form has the pulls on its edges in `WideMoments`.
        let outputs = self.moments == nil ? d.outputs : 0
        for i in 0..<d.inputs {
            for o in 0..<outputs {
                let (edge, e) = (i * d.outputs + o, o * d.inputs + i)
                rows.numericalSlope[edge] = slope(d.dnumerical[e], d.numerical[e])
                rows.numericalMean[edge] = T(moments.numerical.mean[edge])
                rows.edgeSlope[edge] = slope(d.dedge[e], d.edge[e])
                rows.edgeMean[edge] = T(moments.edges.mean[edge])
            }
            rows.nodeSlope[i] = slope(d.dnode[i], d.node[i])
            rows.nodeMean[i] = T(moments.nodes.mean[i])
        }
        for o in 0..<d.outputs {
            rows.subnodeSlope[o] = slope(d.dsubnode[o], d.subnode[o])
            rows.subnodeMean[o] = T(moments.subnodes.mean[o])
        }
    }
}
