// Levenberg-Marquardt: Gauss-Newton steps, damped so that each of them improves the objective.
//
// What it must get right, in this order:
//   1. Parameters are always at the last accepted point when it returns or is interrupted; a trial that is not finite is rejected.
//   2. It ends by itself, where the objective cannot be improved any more or hardly is.
//   3. Directions that change nothing (constants that edges of one node share, splines without samples) cannot spoil a step.
//
// With the gradient g and the Gauss-Newton matrix H of the objective (NormalEquations.swift) a step solves
//   (H + λD) δ = -g,  D_jj = max(H_jj, floor·largest entry of the loss's H of a spline of its layer)     (Marquardt 1963; Moré 1978,
// section 4, for D)
// and λ follows the gain ratio ρ = (f - f_trial) / (predicted decrease), predicted = ½ δᵀ(λDδ - g), by Nielsen's rule ("Damping
// parameter in Marquardt's method", IMM-REP-1999-05, section 2): λ·max(1/3, 1 - (2ρ - 1)³)
// after a success, λ·ν with ν = 2, 4, 8, …
// after failures (5 instead of 3 here). Steps for the squared error then follow the curve that the model's parameters make, to
// second order; see LevenbergMarquardtGeodesic.swift. A regulariser enters g and f
// exactly and H as LevenbergMarquardtReweighting.swift says; what decides where no sample does is in LevenbergMarquardtPrior.swift.

final class LevenbergMarquardt<T: KANScalar> {
    let network: KAN<T>
    let evaluator: Evaluator<T>
    let options: FitOptions
    let equations: NormalEquations<T>
    let gradient: AlignedBuffer<T>
    /// The parameters that a step begins with.
    let origin: AlignedBuffer<T>
    /// (n, outputs), for the acceleration
    var adjoint: AlignedBuffer<T>?
    /// What the loss alone has where a step with a regulariser begins; see `keepLoss`.
    var lossMatrix: AlignedBuffer<Double>?
    var predictions: AlignedBuffer<T>?
    var solver = DampedSolver()
    private var prior = SmoothnessPrior()
    private var reference: [Double] = []
    private var lambda = LevenbergMarquardt.firstLambda
    private var growth = 2.0
    /// The objective after each of the last steps.
    private var recent: [Double] = []

    static var firstLambda: Double { 1e-2 }
    /// Trial steps of a step.
    static var trials: Int { 16 }
    /// |acceleration| / |step| beyond which a step is rejected (arXiv 1201.5885, eq. 15, α = 0.75 for the double of it).
    static var mostBend: Double { 0.375 }
    /// Steps that together must lower the objective by `leastGain` times its value.
    static var window: Int { 10 }
    static var leastGain: Double { 1e-4 }

    init(_ network: KAN<T>, _ evaluator: Evaluator<T>, _ options: FitOptions) throws(KANError) {
        self.network = network
        self.evaluator = evaluator
        self.options = options
        equations = NormalEquations(evaluator, covariances: options.objective.lamb != 0)
        let P = network.architecture.parameterCount
        gradient = try AlignedBuffer(count: P)
        origin = try AlignedBuffer(count: P)
    }

    /// Forgets the damping: for a network whose grids have moved.
    func reset() {
        (lambda, growth) = (Self.firstLambda, 2)
        recent.removeAll()
        reference.removeAll()
    }

    /// One step, with as many trials as it takes.
    ///
    /// - Returns: the objective at the accepted point, its total, whether no step can improve it, and the evaluations of it.
    func step(
        _ data: Samples<T>
    ) throws(KANError) -> (value: ObjectiveValue, total: Double, converged: Bool, evaluations: Int) {
        let P = network.architecture.parameterCount
        let state = network.state
        let loss = Target(data, options.objective, outputs: network.architecture.outputs)
        evaluator.fold(network)
        let first = try evaluator.objective(
            options.objective, x: data.x, target: loss, evaluation: options.evaluation, gradient: gradient.base,
            inputGradient: nil)
        let f = total(first)
        guard f.isFinite else { return (first, f, false, 1) }
        try equations.prepare(network)
        guard equations.count > 0, let h = equations.matrix else { return (first, f, true, 1) }
        try equations.accumulate(data.x, loss, evaluation: options.evaluation)
        let least = equations.leastDamping()  // of the loss alone: a regulariser's curvature has no bound where an edge vanishes
        if regularizes && bends { try keepLoss(data, h) }
        if options.objective.lamb > 0 { Reweighting.add(options.objective, equations, n: data.n, to: h.base) }
        var slope = equations.target.indices.map { Double(gradient.base[equations.target[$0]]) / equations.factor[$0] }
        prior.update(equations, continued: options.continued)
        if options.continued, reference.count != equations.count { reference = equations.coefficients(state) }
        let coefficients = sinceReference(state)
        let roughness = prior.value(coefficients)
        prior.addMatrix(to: h.base, count: equations.count)
        prior.addGradient(coefficients, to: &slope)
        solver.checkpoint = evaluator.checkpoint
        guard try solver.load(h, slope, least: least) else { return (first, f, true, 1) }

        origin.base.update(from: state, count: P)
        var evaluations = 1
        do throws(KANError) {
            for _ in 0..<Self.trials {
                guard let (solution, predicted) = try solver.solve(lambda) else {
                    harder()
                    continue
                }
                if !(predicted > 1e-15 * abs(f)) { break }
                var delta = solution
                if let a = try acceleration(data, loss, delta, slope, prior) {
                    evaluations += 2
                    // A step that bends much leaves the region where the model holds.
                    if solver.size(a) > Self.mostBend * solver.size(delta) {
                        harder()
                        continue
                    }
                    for c in delta.indices { delta[c] += a[c] }
                }
                move(delta)
                evaluations += 1
                evaluator.fold(network)
                let trial = try evaluator.objective(
                    options.objective, x: data.x, target: loss, evaluation: options.evaluation, gradient: nil,
                    inputGradient: nil)
                let reached = total(trial)
                let gain = f - reached + roughness - prior.value(sinceReference(state))
                if reached.isFinite && gain > 0 {
                    let q = 2 * gain / predicted - 1
                    lambda = max(lambda * max(0.2, 1 - q * q * q), 1e-15)
                    growth = 2
                    return (trial, reached, hardlyImproves(reached), evaluations)
                }
                harder()
            }
        } catch {
            state.update(from: origin.base, count: P)
            throw error
        }
        state.update(from: origin.base, count: P)
        return (first, f, true, evaluations)
    }

    /// The splines' coefficients, less those that a continued training began with.
    func sinceReference(_ state: UnsafePointer<T>) -> [Double] {
        let w = equations.coefficients(state)
        return options.continued ? zip(w, reference).map { $0 - $1 } : w
    }

    private func harder() {
        lambda = min(lambda * growth, 1e30)
        growth = min(growth * 2, 1e10)
    }

    private func total(_ value: ObjectiveValue) -> Double { value.loss + options.objective.lamb * value.reg }

    private func hardlyImproves(_ f: Double) -> Bool {
        recent.append(f)
        if recent.count > Self.window + 1 { recent.removeFirst() }
        return recent.count > Self.window && recent[0] - f < Self.leastGain * abs(f)
    }
}
