// FitOptions, FitReport: what training is asked for and what it reports. The C structs have the same fields.
//
// What it must get right: every number that reaches the training loop was checked here, and a refusal says what is allowed.

public enum OptimizerKind: Int, Sendable, CaseIterable {
    /// L-BFGS with a strong-Wolfe line search, `maxIter` inner iterations a step
    case lbfgs = 0
    case adam = 1
    case adamw = 2
    case sgd = 3
    /// Levenberg-Marquardt, an accepted step a step; uses all samples and no learning rate
    case lm = 4
    /// Self-scaled BFGS and Broyden with the whole inverse Hessian, `maxIter` inner iterations a step
    case ssbfgs = 5
    case ssbroyden = 6
    /// Newton-Kaczmarz, a pass over all samples a step, one after another
    case newtonKaczmarz = 7
}

public struct FitOptions: Sendable {
    public var optimizer = OptimizerKind.lbfgs
    /// Steps; with `epochs`, passes over the data.
    public var steps = 100
    /// Samples a step; 0 or less: all.
    public var batch = -1
    /// Each step is a pass over shuffled batches; otherwise it draws one batch, as pykan does.
    public var epochs = false
    /// Of the batches.
    public var seed: UInt32 = 1
    public var updateGrid = true
    public var gridUpdateNum = 10
    public var startGridUpdateStep = -1
    public var stopGridUpdateStep = 50
    /// The parameters come from an earlier fit: Levenberg-Marquardt leaves splines where no sample is as they are.
    public var continued = false
    /// Where moved grids have their knots.
    public var placement = KnotPlacement()
    public var lr = 1.0
    /// Multiplies `lr`, step by step; empty: 1.
    public var lrFactor: [Double] = []
    public var beta1 = 0.9, beta2 = 0.999, eps = 1e-8
    public var weightDecay = 0.0
    public var momentum = 0.0
    public var historySize = 10, maxIter = 20, maxEval = 25
    public var toleranceGrad = 1e-32, toleranceChange = 1e-32, toleranceYs = 1e-32
    /// Stop after so many steps without a better loss and restore the best; 0: never.
    public var patience = 0
    public var minDelta = 0.0
    public var objective = Objective()
    public var evaluation = Evaluation(avoidSingularities: false, yTh: 1000)

    public init() {}

    func checked() throws(KANError) {
        for (name, value, low) in [
            ("steps", steps, 0), ("history_size", historySize, 1), ("max_iter", maxIter, 1), ("max_eval", maxEval, 1),
            ("patience", patience, 0),
        ] where value < low || value > 1 << 40 {
            throw .invalid("\(name) is \(value); it must be at least \(low)")
        }
        if updateGrid && gridUpdateNum < 1 {
            throw .invalid("grid_update_num is \(gridUpdateNum); it must be at least 1, or update_grid false")
        }
        try placement.checked()
        for (name, value) in [
            ("lr", lr), ("eps", eps), ("weight_decay", weightDecay), ("momentum", momentum), ("min_delta", minDelta),
            ("tolerance_grad", toleranceGrad), ("tolerance_change", toleranceChange), ("tolerance_ys", toleranceYs),
        ] where !(value >= 0) || !value.isFinite {
            throw .invalid("\(name) is \(value); it must be a finite number, at least 0")
        }
        if optimizer == .lm {
            guard [.mse, .huber, .crossEntropy, .bce].contains(objective.loss) else {
                throw .invalid("opt 'LM' minimises the losses mse, huber, cross_entropy and bce only; use 'LBFGS' for others")
            }
            guard batch <= 0, !epochs else { throw .invalid("opt 'LM' uses all samples in each step; leave batch and epochs out") }
        }
        if optimizer == .ssbfgs || optimizer == .ssbroyden {
            guard batch <= 0, !epochs else {
                throw .invalid("opt 'SSBFGS' and 'SSBroyden' use all samples in each step; leave batch and epochs out")
            }
        }
        if optimizer == .newtonKaczmarz {
            guard objective.loss == .mse, objective.lamb == 0 else {
                throw .invalid("opt 'NewtonKaczmarz' minimises the mse loss without regularisation (lamb 0) only")
            }
            guard batch <= 0 else { throw .invalid("opt 'NewtonKaczmarz' takes one sample at a time; leave batch out") }
            guard lr <= 1 else { throw .invalid("lr is \(lr); opt 'NewtonKaczmarz' needs a part of a projection, 0 … 1") }
        }
        for (name, value) in [("beta1", beta1), ("beta2", beta2)] where !(value >= 0 && value < 1) {
            throw .invalid("\(name) is \(value); it must be at least 0 and below 1")
        }
        if let bad = lrFactor.first(where: { !($0 >= 0) || !$0.isFinite }) {
            throw .invalid("lr_factor contains \(bad); factors of the learning rate must be finite and at least 0")
        }
        for (name, value) in [
            ("lamb", objective.lamb), ("lamb_l1", objective.regularization.lambL1),
            ("lamb_entropy", objective.regularization.lambEntropy), ("lamb_coef", objective.regularization.lambCoef),
            ("lamb_coefdiff", objective.regularization.lambCoefdiff),
        ] where !value.isFinite {
            throw .invalid("\(name) is \(value); it must be finite")
        }
    }

    func lr(step: Int) -> Double { lr * (step < lrFactor.count ? lrFactor[step] : 1) }

    private var gridPeriod: Int { max(1, stopGridUpdateStep / max(1, gridUpdateNum)) }

    /// Are the grids due before this step.
    func gridMoves(at step: Int) -> Bool {
        updateGrid && step % gridPeriod == 0 && step < stopGridUpdateStep && step >= startGridUpdateStep
    }

    /// Will they be before a later one.
    func gridWillMove(after step: Int) -> Bool {
        updateGrid && (step / gridPeriod + 1) * gridPeriod < min(stopGridUpdateStep, steps)
    }
}

/// Why training ended.
public enum StopReason: Int, Sendable {
    case steps = 0, converged = 1, patience = 2, callback = 3, diverged = 4
}

/// What training is doing, for callbacks. Losses are the objective's own, without a square root.
public struct Progress: Sendable {
    /// Steps that are complete.
    public var step: Int
    public var steps: Int
    public var trainLoss = Double.nan
    public var testLoss = Double.nan
    public var reg = Double.nan
}

public struct FitReport: Sendable {
    public var trainLoss: [Double] = []
    /// NaN without test data.
    public var testLoss: [Double] = []
    public var reg: [Double] = []
    /// With patience: the step whose parameters are kept.
    public var bestStep = 0
    /// Of loss and gradient.
    public var evaluations = 0
    public var reason = StopReason.steps
    /// Did a callback cancel.
    public var cancelled = false
    public var steps: Int { trainLoss.count }
}

/// What a callback after a step answers.
public enum CallbackAnswer: Sendable {
    case proceed, stop, cancel
}

/// Callbacks, all on the thread that called `fit`.
public struct FitCallbacks<T: KANScalar> {
    /// At most every 20 ms, also within a step.
    public var poll: ((Progress) -> CallbackAnswer)?
    /// After every step.
    public var step: ((Progress) -> CallbackAnswer)?
    /// The loss of predictions (rows, outputs): (is test, prediction, indices of the rows or nil, rows, where the gradient goes or nil)
    /// → the value, or nil to cancel.
    public var loss: ((Bool, UnsafePointer<T>, UnsafePointer<Int64>?, Int, UnsafeMutablePointer<T>?) -> Double?)?
    public init() {}
}
