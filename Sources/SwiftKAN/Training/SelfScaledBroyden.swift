// SelfScaledBroyden: quasi-Newton methods with the whole inverse Hessian, which they scale before each update: SSBFGS and SSBroyden
// (Kiyani et al., arXiv 2501.16371, section 2, after Al-Baali, J. Comput. Appl. Math. 2005).
//
// What it must get right, in this order:
//   1. Parameters are always at the last accepted point when it returns or is interrupted.
//   2. H stays symmetric and positive definite: a pair without positive curvature is left out.
//   3. The same bits for any number of threads: a row of H is one thread's.
//
// Notation: s = x_{m+1} - x_m, y = ∇f_{m+1} - ∇f_m, d = -H·∇f, s = t·d, so that H⁻¹s = -t·∇f_m. With v = √(yᵀHy)·(s/yᵀs - Hy/yᵀHy)
//   H ← 1/τ·(H - Hy(Hy)ᵀ/yᵀHy + φ·v vᵀ) + s sᵀ/yᵀs.
// b = sᵀH⁻¹s/yᵀs. SSBFGS: φ = 1, τ = min(1, 1/b). SSBroyden: with h = yᵀHy/yᵀs, a = b·h - 1, c = √(a/(1 + a)),
//   ρ = min(1, h(1 - c)),  θ = max((ρ - 1)/a, min(1/ρ, (1 - b)/b)),  σ = 1 + θa,  φ = (1 - θ)/(1 + θa),
//   τ = min(1, 1/b)·min(σ^(-1/(n-1)), 1/θ) for θ > 0,  τ = min(min(1, 1/b)·σ^(-1/(n-1)), σ) otherwise.

final class SelfScaledBroyden<T: KANScalar> {
    private let options: FitOptions
    private let network: KAN<T>
    /// The parameters that train, and which of the state they are; H is (active, active).
    private var active: [Int] = []
    private var hessian: InverseHessian?
    private var isFirst = true
    private let origin: AlignedBuffer<T>
    /// Gradients of the start of a line search, of the two ends of its bracket, and of the trial.
    private let gradients: [AlignedBuffer<T>]
    private var direction, s, y, g: [Double]

    /// More parameters than this would ask for more than half a gigabyte.
    static var largestCount: Int { 8000 }

    init(_ network: KAN<T>, _ options: FitOptions) throws(KANError) {
        self.options = options
        self.network = network
        let P = network.architecture.parameterCount
        origin = try AlignedBuffer(count: P)
        var gradients: [AlignedBuffer<T>] = []
        for _ in 0..<4 { gradients.append(try AlignedBuffer(count: P)) }
        self.gradients = gradients
        (direction, s, y, g) = ([], [], [], [])
        try restart()
    }

    /// Forgets all curvature: to be called when the coordinates change, as a new grid makes the coefficients do.
    func reset() { isFirst = true }

    private func restart() throws(KANError) {
        isFirst = true
        let now = network.activeParameters
        guard now.count <= Self.largestCount else {
            throw .invalid(
                "opt '\(options.optimizer == .ssbfgs ? "SSBFGS" : "SSBroyden")' keeps a matrix of the square of \(now.count) parameters; at most "
                    + "\(Self.largestCount) are allowed: use 'LBFGS', or a smaller width or grid")
        }
        if hessian == nil || now.count != active.count { hessian = try InverseHessian(count: now.count) }
        active = now
        let zeros = [Double](repeating: 0, count: active.count)
        (direction, s, y, g) = (zeros, zeros, zeros, zeros)
    }

    /// One step: up to `maxIter` iterations.
    ///
    /// - Parameter evaluate: the objective at the present parameters; writes its gradient to the buffer given.
    /// - Returns: the objective at the accepted point, and whether no iteration could improve it.
    func step(
        lr: Double, evaluate: (UnsafeMutablePointer<T>) throws(KANError) -> ObjectiveValue
    ) throws(KANError) -> (value: ObjectiveValue, total: Double, converged: Bool) {
        let (x, P) = (network.state, network.architecture.parameterCount)
        let first = try evaluate(gradients[0].base)
        var current = point(0, first, 0)
        guard current.f.isFinite else { return (first, current.f, false) }
        guard !active.isEmpty, largestSlope(0) > options.toleranceGrad, let hessian else { return (first, current.f, true) }
        var (evaluations, moved) = (1, false)
        for inner in 0..<options.maxIter {
            load(gradients[current.gradient], into: &g)
            if isFirst {
                hessian.setIdentity()
                for c in g.indices { direction[c] = -g[c] }
            }
            current.slope = dot(g, direction)
            current.t = 0
            if !(current.slope < 0) {
                if isFirst { break }
                isFirst = true
                continue
            }
            let t = isFirst ? min(1, 1 / g.reduce(0) { $0 + abs($1) }) * lr : lr
            let size = direction.reduce(0) { max($0, abs($1)) }
            origin.base.update(from: x, count: P)
            let (accepted, used): (LinePoint, Int)
            do throws(KANError) {
                (accepted, used) = try LineSearch.run(start: current, t: t, directionSize: size) {
                    (t, keep) throws(KANError) in
                    move(x, t)
                    let buffer = (0..<gradients.count).first { !keep.contains($0) } ?? 0
                    return point(buffer, try evaluate(gradients[buffer].base), t)
                }
            } catch {
                x.update(from: origin.base, count: P)
                throw error
            }
            move(x, accepted.t)
            evaluations += used
            let (before, slope) = (current.f, current.slope)
            current = accepted
            guard accepted.t != 0 else {
                // Along steepest descent there is nothing left to try.
                if isFirst { break }
                isFirst = true
                continue
            }
            moved = true
            for c in g.indices {
                let new = Double(gradients[current.gradient].base[active[c]])
                s[c] = accepted.t * direction[c]
                y[c] = new - g[c]
                g[c] = new
            }
            try update(hessian, quadratic: -accepted.t * slope * accepted.t)
            if inner == options.maxIter - 1 || evaluations >= options.maxEval * 2 { break }
            if largestSlope(current.gradient) <= options.toleranceGrad { break }
            if size * abs(accepted.t) <= options.toleranceChange || abs(current.f - before) < options.toleranceChange { break }
        }
        return (current.value, current.f, !moved)
    }

    /// Takes the pair (s, y) into H and sets the next direction.
    ///
    /// - Parameter quadratic: sᵀH⁻¹s
    private func update(_ hessian: InverseHessian, quadratic: Double) throws(KANError) {
        let (ys, yy) = (dot(y, s), dot(y, y))
        if isFirst, ys > 0, (ys / yy).isFinite { hessian.scale(ys / yy) }
        let hy = hessian.times(y)
        let yhy = dot(y, hy)
        var change = InverseHessian.Change(inverse: 1, hh: 0, hs: 0, ss: 0)
        if ys > options.toleranceYs, yhy > 0, (1 / ys).isFinite, (yhy / ys).isFinite {
            // After the first step H was scaled, and H⁻¹s with it.
            let b = isFirst ? dot(s, s) * yy / (ys * ys) : quadratic / ys
            let (tau, phi) = options.optimizer == .ssbfgs ? (min(1, 1 / b), 1) : Self.broyden(b, yhy / ys, s.count)
            if tau > 0, (1 / tau).isFinite, phi.isFinite {
                let inverse = 1 / tau
                change = InverseHessian.Change(
                    inverse: inverse, hh: inverse * (phi - 1) / yhy, hs: -inverse * phi / ys,
                    ss: inverse * phi * yhy / (ys * ys) + 1 / ys)
            }
        }
        isFirst = false
        hessian.update(change, hy, s, gradient: g, direction: &direction)
    }

    /// τ and φ of SSBroyden; n is the number of parameters.
    static func broyden(_ b: Double, _ h: Double, _ n: Int) -> (tau: Double, phi: Double) {
        let first = min(1, 1 / b)
        // a is 0 where s and Hy are parallel; then φ does not matter.
        let a = max(b * h - 1, 0)
        guard a > 1e-12 else { return (first, 1) }
        let c = (a / (1 + a)).squareRoot()
        let rho = min(1, h * (1 - c))
        let theta = max((rho - 1) / a, min(1 / rho, (1 - b) / b))
        let sigma = 1 + theta * a
        let root = n > 1 ? Double.exp(-Double.log(sigma) / Double(n - 1)) : 1
        let tau = theta > 0 ? first * min(root, 1 / theta) : min(first * root, sigma)
        return (tau, (1 - theta) / (1 + theta * a))
    }

    // MARK: - Vectors

    /// A point of the line; what is not finite counts as infinitely high.
    private func point(_ buffer: Int, _ value: ObjectiveValue, _ t: Double) -> LinePoint {
        var slope = 0.0
        for (c, p) in active.enumerated() { slope += Double(gradients[buffer].base[p]) * direction[c] }
        let f = value.loss + options.objective.lamb * value.reg
        let finite = f.isFinite && slope.isFinite
        return LinePoint(t: t, f: finite ? f : .infinity, slope: finite ? slope : .infinity, gradient: buffer, value: value)
    }

    /// x = origin + t·d
    private func move(_ x: UnsafeMutablePointer<T>, _ t: Double) {
        for (c, p) in active.enumerated() { x[p] = T(Double(origin.base[p]) + t * direction[c]) }
    }

    private func load(_ gradient: AlignedBuffer<T>, into g: inout [Double]) {
        for (c, p) in active.enumerated() { g[c] = Double(gradient.base[p]) }
    }

    private func largestSlope(_ gradient: Int) -> Double {
        active.reduce(0) { max($0, abs(Double(gradients[gradient].base[$1]))) }
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for c in a.indices { sum += a[c] * b[c] }
        return sum
    }
}

extension KAN {
    /// The parameters that training changes and that are not masked: positions in the state, rising.
    var activeParameters: [Int] {
        var result: [Int] = []
        for shape in layers {
            if affineTrainable { result += shape.nodeBias..<(shape.nodeBias + 2 * shape.nodes + 2 * shape.outputs) }
            for edge in 0..<shape.edges {
                if state[shape.mask + edge] != 0 {
                    let coef = shape.coef + edge * shape.basisCount
                    if state[shape.scaleSp + edge] != 0 { result += coef..<(coef + shape.basisCount) }
                    if scaleBaseTrainable && baseFunction != .zero { result.append(shape.scaleBase + edge) }
                    if scaleSpTrainable { result.append(shape.scaleSp + edge) }
                }
                if symbolicEnabled, state[shape.symbolicMask + edge] != 0 {
                    result += (shape.affine + 4 * edge)..<(shape.affine + 4 * edge + 4)
                }
            }
        }
        return result.sorted()
    }
}
