// L-BFGS as torch runs it for pykan (Nocedal & Wright, algorithm 7.5; torch/optim/lbfgs.py): up to `maxIter` iterations a step,
// each a two-loop recursion and a strong-Wolfe line search.
//
// What it must get right, in this order:
//   1. Parameters are always at the last accepted point when it returns or is interrupted.
//   2. torch's trajectory from the same start: its first step length, its memory across steps, its stopping rules.
//   3. After `reset` (a new grid: other coordinates) nothing of the old curvature is used.
//
// Notation: s = x_{m+1} - x_m, y = ∇f_{m+1} - ∇f_m, ρ = 1/(y·s), H_0 = (y·s)/(y·Wy)·W, d = -H·∇f. W is the identity, as in torch, until
// `reset(metric:)` gives another diagonal.

final class LBFGS<T: KANScalar> {
    private let options: FitOptions
    private let count: Int
    private var s: [AlignedBuffer<T>] = []
    private var y: [AlignedBuffer<T>] = []
    private var rho: [Double] = []
    /// Of the two-loop recursion.
    private var alpha: [Double]
    private var scale = 1.0
    /// The diagonal of W, or nil for the identity.
    private var metric: AlignedBuffer<T>?
    private let weighted: AlignedBuffer<T>
    private var iterations = 0
    private var isStale = false
    private var justMeasured = false
    private let direction: AlignedBuffer<T>
    private let previousGradient: AlignedBuffer<T>
    private let origin: AlignedBuffer<T>
    /// Gradients of the start of a line search, of the two ends of its bracket, and of the trial.
    private let gradients: [AlignedBuffer<T>]
    private var spare: (s: AlignedBuffer<T>, y: AlignedBuffer<T>)?
    private var stepLength = 0.0

    init(count: Int, options: FitOptions) throws(KANError) {
        self.count = count
        self.options = options
        alpha = Array(repeating: 0, count: max(options.historySize, 1))
        direction = try AlignedBuffer(count: count)
        previousGradient = try AlignedBuffer(count: count)
        origin = try AlignedBuffer(count: count)
        weighted = try AlignedBuffer(count: count)
        var gradients: [AlignedBuffer<T>] = []
        for _ in 0..<4 { gradients.append(try AlignedBuffer(count: count)) }
        self.gradients = gradients
    }

    /// Forgets all curvature: to be called when the coordinates change, as a new grid makes the coefficients do. The directions s stay,
    /// and the next step measures the curvature along them anew; merely forgetting them costs L-BFGS dozens of iterations.
    func reset() {
        isStale = !s.isEmpty
    }

    /// Has it learned any curvature.
    var hasMemory: Bool { !s.isEmpty }

    /// `reset`, with H_0 = scale·W from now on.
    ///
    /// The first time the newest direction alone stays, which gives the scale: the others are what the identity made of a problem
    /// that needed W, and would keep leading along them.
    ///
    /// - Parameter metric: the diagonal of W, positive numbers.
    func reset(metric: AlignedBuffer<T>) {
        if self.metric == nil, s.count > 1 {
            s.removeFirst(s.count - 1)
            y.removeFirst(y.count - 1)
            rho.removeFirst(rho.count - 1)
        }
        reset()
        self.metric = metric
    }

    /// Replaces every y by the change of the gradient along s at x, a finite difference; pairs without positive curvature go.
    private func measureCurvature(
        _ x: UnsafeMutablePointer<T>, evaluate: (UnsafeMutablePointer<T>) throws(KANError) -> ObjectiveValue
    ) throws(KANError) {
        isStale = false
        origin.base.update(from: x, count: count)
        defer { x.update(from: origin.base, count: count) }
        let size = 1 + dot(origin.base, origin.base).squareRoot()
        for m in s.indices.reversed() {
            let length = dot(s[m].base, s[m].base).squareRoot()
            let step = T(Double(T.ulpOfOne).squareRoot() * size / length)
            for p in 0..<count { x[p] = origin.base[p] + step * s[m].base[p] }
            _ = try evaluate(gradients[1].base)
            for p in 0..<count { y[m].base[p] = (gradients[1].base[p] - gradients[0].base[p]) / step }
            let (ys, yy) = (dot(y[m].base, s[m].base), dot(y[m].base, y[m].base))
            if ys > options.toleranceYs, (ys / yy).isFinite {
                rho[m] = 1 / ys
                if m == s.count - 1 { scale = ys / weightedSquare(y[m].base) }
            } else {
                s.remove(at: m)
                y.remove(at: m)
                rho.remove(at: m)
            }
        }
        justMeasured = true
    }

    /// One step: up to `maxIter` iterations.
    ///
    /// - Parameter evaluate: the objective at the present parameters; writes its gradient to the buffer given.
    /// - Returns: the objective at the accepted point, and whether no iteration could improve it.
    func step(
        _ x: UnsafeMutablePointer<T>, lr: Double,
        evaluate: (UnsafeMutablePointer<T>) throws(KANError) -> ObjectiveValue
    ) throws(KANError) -> (value: ObjectiveValue, total: Double, converged: Bool) {
        let first = try evaluate(gradients[0].base)
        var current = point(0, first, 0)
        var evaluations = 1
        guard current.f.isFinite else { return (first, current.f, false) }
        if largest(gradients[0].base) <= options.toleranceGrad { return (first, current.f, true) }
        if isStale { try measureCurvature(x, evaluate: evaluate) }
        var inner = 0
        var moved = false
        // Where the grid has moved there is more to gain than usual; and with a metric the memory begins anew, so that fewer
        // iterations often end before the few pairs have learned their ground.
        let extra = justMeasured ? options.historySize * (metric == nil ? 1 : 3) : 0
        while inner < options.maxIter + extra {
            inner += 1
            iterations += 1
            let gradient = gradients[current.gradient].base
            if iterations == 1 {
                for p in 0..<count { direction.base[p] = -gradient[p] }
                scale = 1
            } else {
                if !justMeasured { try remember(gradient) }
                justMeasured = false
                applyInverseHessian(gradient)
            }
            previousGradient.base.update(from: gradient, count: count)
            let before = current.f
            let t = iterations == 1 ? min(1, 1 / sumOfAbsolutes(gradient)) * lr : lr
            current.slope = dot(gradient, direction.base)
            current.t = 0
            if !(current.slope <= -options.toleranceChange) { break }
            origin.base.update(from: x, count: count)
            let size = largest(direction.base)
            let (accepted, used): (LinePoint, Int)
            do throws(KANError) {
                (accepted, used) = try LineSearch.run(start: current, t: t, directionSize: size) {
                    (t, keep) throws(KANError) in
                    move(x, t)
                    let buffer = (0..<gradients.count).first { !keep.contains($0) } ?? 0
                    let value = try evaluate(gradients[buffer].base)
                    return point(buffer, value, t)
                }
            } catch {
                x.update(from: origin.base, count: count)
                throw error
            }
            move(x, accepted.t)
            stepLength = accepted.t
            current = accepted
            evaluations += used
            moved = moved || accepted.t != 0
            if inner == options.maxIter + extra || evaluations >= options.maxEval + extra { break }
            if largest(gradients[current.gradient].base) <= options.toleranceGrad { break }
            if size * abs(accepted.t) <= options.toleranceChange { break }
            if abs(current.f - before) < options.toleranceChange { break }
        }
        if !moved { forget() }
        return (current.value, current.f, !moved)
    }

    /// Begins anew with the next step. What is remembered leads nowhere: in single precision its curvature may be noise, above all
    /// after a move of the grid.
    private func forget() {
        (s, y, rho) = ([], [], [])
        metric = nil
        iterations = 0
        (isStale, justMeasured) = (false, false)
    }

    /// A point of the line; what is not finite counts as infinitely high.
    private func point(_ buffer: Int, _ value: ObjectiveValue, _ t: Double) -> LinePoint {
        let slope = dot(gradients[buffer].base, direction.base)
        let f = value.loss + options.objective.lamb * value.reg
        let finite = f.isFinite && (iterations == 0 || slope.isFinite)
        return LinePoint(t: t, f: finite ? f : .infinity, slope: finite ? slope : .infinity, gradient: buffer, value: value)
    }

    /// x = origin + t·d
    private func move(_ x: UnsafeMutablePointer<T>, _ t: Double) {
        let t = T(t)
        for p in 0..<count { x[p] = origin.base[p] + t * direction.base[p] }
    }

    /// Adds the pair of the last iteration to the memory, unless its curvature is not positive.
    private func remember(_ gradient: UnsafeMutablePointer<T>) throws(KANError) {
        let pair: (s: AlignedBuffer<T>, y: AlignedBuffer<T>)
        if let spare { pair = spare } else { pair = (try AlignedBuffer(count: count), try AlignedBuffer(count: count)) }
        spare = pair
        let t = T(stepLength)
        for p in 0..<count {
            pair.y.base[p] = gradient[p] - previousGradient.base[p]
            pair.s.base[p] = t * direction.base[p]
        }
        let ys = dot(pair.y.base, pair.s.base)
        let yy = dot(pair.y.base, pair.y.base)
        guard ys > options.toleranceYs, yy > 0, (ys / yy).isFinite else { return }
        spare = nil
        if s.count == options.historySize {
            spare = (s.removeFirst(), y.removeFirst())
            rho.removeFirst()
        }
        s.append(pair.s)
        y.append(pair.y)
        rho.append(1 / ys)
        scale = ys / weightedSquare(pair.y.base)
    }

    /// y·W·y
    private func weightedSquare(_ y: UnsafeMutablePointer<T>) -> Double {
        guard let metric else { return dot(y, y) }
        for p in 0..<count { weighted.base[p] = metric.base[p] * y[p] }
        return dot(y, weighted.base)
    }

    /// direction = -H·gradient by the two-loop recursion.
    private func applyInverseHessian(_ gradient: UnsafeMutablePointer<T>) {
        let d = direction.base
        for p in 0..<count { d[p] = -gradient[p] }
        for m in s.indices.reversed() {
            alpha[m] = dot(s[m].base, d) * rho[m]
            addProduct(-alpha[m], y[m].base, to: d)
        }
        let scale = T(scale)
        if let metric {
            for p in 0..<count { d[p] *= scale * metric.base[p] }
        } else {
            for p in 0..<count { d[p] *= scale }
        }
        for m in s.indices {
            let beta = dot(y[m].base, d) * rho[m]
            addProduct(alpha[m] - beta, s[m].base, to: d)
        }
    }

    // MARK: - Vectors of `count` numbers; buffers are padded with zeros to whole vectors

    private func dot(_ a: UnsafeMutablePointer<T>, _ b: UnsafeMutablePointer<T>) -> Double {
        Double(RowKernels<T>.dot(vectors(a), vectors(b), (count + T.lanes - 1) / T.lanes))
    }

    private func vectors(_ a: UnsafeMutablePointer<T>) -> UnsafePointer<T.Vector> {
        UnsafeRawPointer(a).assumingMemoryBound(to: T.Vector.self)
    }

    private func addProduct(_ a: Double, _ b: UnsafeMutablePointer<T>, to c: UnsafeMutablePointer<T>) {
        let a = T(a)
        for p in 0..<count { c[p] += a * b[p] }
    }

    private func largest(_ a: UnsafeMutablePointer<T>) -> Double {
        var m: T = 0
        for p in 0..<count { m = max(m, abs(a[p])) }
        return Double(m)
    }

    private func sumOfAbsolutes(_ a: UnsafeMutablePointer<T>) -> Double {
        var sum = 0.0
        for p in 0..<count { sum += Double(abs(a[p])) }
        return sum
    }
}
