// Objective: loss plus regularisation of a network on given samples, with the gradient of all parameters.
//
// What it must get right, in this order:
//   1. The gradient is that of the very value returned.
//   2. At most two sweeps over the samples: one for the statistics a regulariser needs, one for loss and gradient.

/// What training makes small: loss + lamb·regularisation.
public struct Objective: Sendable {
    public var loss = Loss.mse
    /// δ of the Huber loss.
    public var huberDelta = 1.0
    public var lamb = 0.0
    public var regularization = Regularization()
    public init() {}
}

/// The two terms of an objective.
public struct ObjectiveValue: Sendable {
    public var loss: Double
    /// 0 where lamb is 0.
    public var reg: Double
}

extension Evaluator {
    /// A regulariser's value and what its gradient needs in the sweep that follows.
    @inline(__always)
    func regularization(
        _ r: Regularization, _ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation
    ) throws(KANError) -> (value: Double, pulls: (Double) -> [Pulls<T>]) {
        let (moments, wide) = try self.moments(x, n, evaluation: evaluation)
        var deviations = zip(architecture.layers, moments).map { LayerDeviations($0, $1) }
        let value = r.evaluate(&deviations) + coefficientPenalty(r)
        let layers = architecture.layers
        return (value, { lamb in
            layers.indices.map { l in
                var pulls = Pulls<T>(layers[l], moments[l], deviations[l], lamb: lamb, n: n)
                pulls.moments = wide[l]
                return pulls
            }
        })
    }

    /// lamb_coef and lamb_coefdiff: Σ |coef| and Σ |coef_{b+1} - coef_b|, each over the outputs of its layer.
    @inline(__always)
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
    @inline(__always)
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
    @inline(__always)
    func objective(
        _ objective: Objective, x: UnsafePointer<T>, target: Target<T>, evaluation: Evaluation,
        gradient: UnsafeMutablePointer<T>?, inputGradient: UnsafeMutablePointer<T>?
    ) throws(KANError) -> ObjectiveValue {
        let n = target.n
        var reg = 0.0
        var pulls: [Pulls<T>]?
        if objective.lamb != 0 {
            let r = try regularization(objective.regularization, x, n, evaluation: evaluation)
            reg = r.value
            if gradient != nil || inputGradient != nil { pulls = r.pulls(objective.lamb) }
        }
        let loss = try gradientSweep(
            x, n, evaluation: evaluation, pulls: pulls, gradient: gradient, inputGradient: inputGradient
        ) { w, start, count in target.evaluate(w, start: start, count: count) }
        if objective.lamb != 0, let gradient {
            addCoefficientGradient(objective.regularization, lamb: objective.lamb, to: gradient)
        }
        return ObjectiveValue(loss: loss, reg: reg)
    }
}

extension Pulls {
    /// lamb·dR/dS / ((n - 1)·S) for every deviation S; 0 where S is 0.
    init(_ shape: LayerShape, _ moments: LayerMoments, _ d: LayerDeviations, lamb: Double, n: Int) {
        func slope(_ dS: Double, _ S: Double) -> T {
            let value = lamb * dS / (Double(n - 1) * S)
            return S > 0 && value.isFinite ? T(value) : 0
        }
        func edges(_ dS: [Double], _ S: [Double]) -> [T] {
            (0..<shape.edges).map { e in
                let (i, o) = (e / shape.outputs, e % shape.outputs)
                return slope(dS[o * shape.inputs + i], S[o * shape.inputs + i])
            }
        }
        numericalSlope = edges(d.dnumerical, d.numerical)
        numericalMean = moments.numerical.mean.map { T($0) }
        edgeSlope = edges(d.dedge, d.edge)
        edgeMean = moments.edges.mean.map { T($0) }
        nodeSlope = zip(d.dnode, d.node).map { slope($0, $1) }
        nodeMean = moments.nodes.mean.map { T($0) }
        subnodeSlope = zip(d.dsubnode, d.subnode).map { slope($0, $1) }
        subnodeMean = moments.subnodes.mean.map { T($0) }
    }
}
