// The forms of the symbolic functions that avoid singularities: no pole, and a number for every number.
//
// What it must get right, in this order:
//   1. No NaN and no infinity but by overflow, the derivative being that of the piece x lies in.
//   2. pykan's pieces (kan/utils.py, `f_inv` … `f_exp`), where pykan's are not plainly a mistake.
//   3. The plain function elsewhere, to the last bit.
//
//     f              bounded form, with h = yTh                                       at the threshold
//     1/xᵖ, p odd    (h/x₀)·x       for |x| < x₀ = h^(-1/p)                            continuous
//     1/xᵖ, p even   h              for |x| < x₀ = h^(-1/p)                            continuous
//     √x             h·x            for |x| < x₀ = 1/h², else sgn(x)·√|x|              continuous
//     x^1.5          |x|^1.5                                                           smooth
//     1/√x           h              for |x| < x₀ = 1/h², else 1/√|x|                   continuous
//     log x          -h             for |x| < x₀ = e⁻ʰ, else log|x|                    continuous
//     exp x          h              for x > log h                                      continuous
//     tan x          (h/δ)·(distance to the pole) within δ = arctan(1/h) of a pole     continuous
//     arctanh x      sgn(x)·h       for |x| > 1 - δ, δ = 1 - tanh h + 10⁻⁴             jumps
//     arcsin, arccos the values at ±1 beyond ±1                                        continuous
//
// Differences from pykan: its √x has the line (x₀/h)·x, which jumps from 10⁻⁵ to 0.1 for h = 10; the slope that meets
// √x₀ = x₀·h is h. Its x^1.5 fails. Its derivatives of arcsin, arccos, arctanh are NaN beyond ±1, infinite at ±1 for
// the first two; ours are those of the constant piece, 0, from ±1 on.

extension SymbolicFunction {
    /// Evaluates the bounded form; false, with nothing done, if the function is its own bounded form.
    @inline(__always)
    func evaluateBounded<T: KANScalar>(_ row: SymbolicRow<T>, yTh h: T) -> Bool {
        switch self {
        case .inverse:
            let x0 = 1 / h, slope = h / x0
            row.map { x in x.magnitude < x0 ? slope * x : 1 / x } derivative: { x, y in
                x.magnitude < x0 ? slope : -y / x
            }
        case .inversePow3:
            let x0 = inverseRoot(h, 3), slope = h / x0
            row.map { x in x.magnitude < x0 ? slope * x : 1 / (x * x * x) } derivative: { x, y in
                x.magnitude < x0 ? slope : -3 * y / x
            }
        case .inversePow5:
            let x0 = inverseRoot(h, 5), slope = h / x0
            row.map { x in x.magnitude < x0 ? slope * x : 1 / ((x * x) * (x * x) * x) } derivative: { x, y in
                x.magnitude < x0 ? slope : -5 * y / x
            }
        case .inversePow2:
            let x0 = inverseRoot(h, 2)
            row.map { x in x.magnitude < x0 ? h : 1 / (x * x) } derivative: { x, y in
                x.magnitude < x0 ? 0 : -2 * y / x
            }
        case .inversePow4:
            let x0 = inverseRoot(h, 4)
            row.map { x in x.magnitude < x0 ? h : 1 / ((x * x) * (x * x)) } derivative: { x, y in
                x.magnitude < x0 ? 0 : -4 * y / x
            }
        case .sqrt, .xPowHalf:
            let x0 = 1 / (h * h)
            row.map { x in
                x.magnitude < x0 ? h * x : sign(x) * x.magnitude.squareRoot()
            } derivative: { x, y in
                x.magnitude < x0 ? h : 0.5 / y.magnitude
            }
        case .xPowThreeHalves:
            row.map { x in x.magnitude * x.magnitude.squareRoot() } derivative: { x, _ in
                1.5 * sign(x) * x.magnitude.squareRoot()
            }
        case .inverseSqrt, .inversePowHalf:
            let x0 = 1 / (h * h)
            row.map { x in x.magnitude < x0 ? h : 1 / x.magnitude.squareRoot() } derivative: { x, y in
                x.magnitude < x0 ? 0 : -0.5 * y / x
            }
        case .log:
            let x0 = T.exp(-h)
            row.map { x in x.magnitude < x0 ? -h : T.log(x.magnitude) } derivative: { x, _ in
                x.magnitude < x0 ? 0 : 1 / x
            }
        case .exp:
            let x0 = T.log(h)
            row.map { x in x > x0 ? h : T.exp(x) } derivative: { x, y in x > x0 ? 0 : y }
        case .tan: evaluateBoundedTan(row, h)
        case .arctanh:
            let x0 = 1 - (1 - T.tanh(h) + 1e-4)
            row.map { x in x.magnitude > x0 ? sign(x) * h : T.atanh(x) } derivative: { x, _ in
                x.magnitude > x0 ? 0 : 1 / ((1 - x) * (1 + x))
            }
        case .arcsin:
            row.map { x in T.asin(clamped(x)) } derivative: { x, _ in
                x.magnitude >= 1 ? 0 : 1 / ((1 - x) * (1 + x)).squareRoot()
            }
        case .arccos:
            row.map { x in T.acos(clamped(x)) } derivative: { x, _ in
                x.magnitude >= 1 ? 0 : -1 / ((1 - x) * (1 + x)).squareRoot()
            }
        case .x, .xPow2, .xPow3, .xPow4, .xPow5, .abs, .sin, .cos, .tanh, .sgn, .arctan, .zero, .gaussian:
            return false
        }
        return true
    }

    /// Within δ of a pole, t = tan x exceeds h and the distance to the pole is arctan(1/t), with its sign. So neither
    /// x modulo π, which loses digits of large x, nor a second threshold is needed.
    @inline(__always)
    private func evaluateBoundedTan<T: KANScalar>(_ row: SymbolicRow<T>, _ h: T) {
        let slope = h / T.atan(1 / h)
        row.map { x in
            let t = T.tan(x)
            return t.magnitude > h ? slope * T.atan(1 / t) : t
        } derivative: { x, _ in
            let t = T.tan(x)
            return t.magnitude > h ? -slope : 1 + t * t
        }
    }
}

/// h^(-1/p), by way of Double so that Float's threshold is the nearest there is.
private func inverseRoot<T: KANScalar>(_ h: T, _ p: Double) -> T {
    T(Double.exp(-Double.log(Double(h)) / p))
}

/// The nearest number in [-1, 1]; NaN stays NaN.
@inline(__always)
private func clamped<T: KANScalar>(_ x: T) -> T { x > 1 ? 1 : (x < -1 ? -1 : x) }
