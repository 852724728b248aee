// FitFamily: functions that are searched in the same way, because the same changes of (a, b) can be undone by c and d.
//
// What it must get right, in this order:
//   1. A place never lies outside the domain because of how it is written: distances to a pole are kept as logarithms.
//   2. As few numbers to search for as the function has: one for powers, logarithms and exponentials.
//   3. The arguments a·x + b differ by more than rounding, or chance would choose among places.
//
// With u = (x - middle)/half in -1 … 1:
//
//     family       functions                       t                        searched    because
//     shift        xᵖ, |x|                         u + ρ                    ρ           f(st) = sᵖ·f(t)
//     oneSided     1/xᵖ, √x, x^1.5, 1/√x, log x    distance from an end     log gap     the same, and the pole or branch
//                                                  of the data + gap                    point is outside the data
//     exponential  exp x                           α·u                      α           exp(t + s) = eˢ·exp(t)
//     wave         sin, cos                        α·u + β                  α, β        β is linear in the scan
//     open         tanh, arctan, gaussian, added   α·u + β                  α, β
//     window       tan, arcsin, arccos, arctanh    between the domain's     logits      no pole inside the data
//                                                  ends, two gaps
// The logits of `window` are those of the share of the domain that the data take, and of the share of the rest on their left.
// Near an end of the domain they count in the logarithm of the distance, far from it in the logarithm of α.
//
//     step         sgn                             x - threshold            threshold   a sum of two constants
//     line, constant                                                        nothing

enum FitFamily: Sendable {
    case constant, line, step, exponential, wave
    case shift
    /// Does the function exist on both sides of its pole.
    case oneSided(twoSided: Bool)
    /// Is f(-t) = ±f(t) or a constant more, so that α > 0 is enough.
    case open(mirrored: Bool)
    /// t between these.
    case window(low: Double, high: Double)

    init(_ function: EdgeFunction) {
        guard case .library(let function) = function else {
            self = .open(mirrored: false)
            return
        }
        switch function {
        case .x: self = .line
        case .xPow2, .xPow3, .xPow4, .xPow5, .abs: self = .shift
        case .inverse, .inversePow2, .inversePow3, .inversePow4, .inversePow5: self = .oneSided(twoSided: true)
        case .sqrt, .xPowHalf, .xPowThreeHalves, .inverseSqrt, .inversePowHalf, .log: self = .oneSided(twoSided: false)
        case .exp: self = .exponential
        case .sin, .cos: self = .wave
        case .tanh, .arctan, .gaussian: self = .open(mirrored: true)
        case .tan: self = .window(low: -.pi / 2, high: .pi / 2)
        case .arcsin, .arccos, .arctanh: self = .window(low: -1, high: 1)
        case .sgn: self = .step
        case .zero: self = .constant
        }
    }

    /// May the function go up and down many times.
    var isTurning: Bool {
        switch self {
        case .wave, .open(mirrored: false): true
        default: false
        }
    }

    // MARK: - From numbers to places

    /// The place of the numbers searched for; `end` says from which end of the data gaps count (oneSided only).
    func point(_ theta: (Double, Double), end: Double, _ samples: FitSamples) -> FitPoint? {
        guard theta.0.isFinite, theta.1.isFinite else { return nil }
        let inverse = 1 / samples.half
        var p = FitPoint(theta: theta, origin: samples.middle, scale: inverse, A: 1, B: 0)
        switch self {
        case .constant, .line, .step: return nil
        case .shift:
            guard abs(theta.0) < 1e5 else { return nil }
            (p.B, p.dB.0) = (theta.0, 1)
        case .oneSided:
            guard theta.0 > -36, theta.0 < 11 else { return nil }
            (p.origin, p.scale) = end < 0 ? (samples.low, inverse) : (samples.high, -inverse)
            p.B = Double.exp(theta.0)
            p.dB.0 = p.B
        case .exponential:
            guard abs(theta.0) > 1e-5, abs(theta.0) < 700 else { return nil }
            (p.A, p.dA.0) = (theta.0, 1)
        case .wave, .open:
            guard abs(theta.0) > 1e-5 else { return nil }
            (p.A, p.B, p.parameters) = (theta.0, theta.1, 2)
            (p.dA.0, p.dB.1) = (1, 1)
        case .window(let low, let high):
            // Data that took less than 10⁻⁹ of the domain would have arguments a·x + b of a few bits.
            guard theta.0 > -20.7, theta.0 < 36, abs(theta.1) < 36 else { return nil }
            let (share, rest) = (logistic(theta.0), logistic(-theta.0))
            let (left, right) = (logistic(theta.1), logistic(-theta.1))
            let (length, free) = (high - low, (high - low) * rest)
            p.A = length * share / 2
            p.B = (low + high) / 2 + free * (left - right) / 2
            p.dA.0 = length * share * rest / 2
            (p.dB, p.parameters) = ((-p.dA.0 * (left - right), free * left * right), 2)
        }
        return p
    }

    func point(_ theta: (Double, Double), like p: FitPoint, _ samples: FitSamples) -> FitPoint? {
        point(theta, end: p.scale < 0 ? 1 : -1, samples)
    }

    private func logistic(_ x: Double) -> Double { 1 / (1 + Double.exp(-x)) }

    // MARK: - From places to a and b

    /// a and b of a place, and of all that mean the same function the plainest: a = ±1 for powers and logarithms, b = 0 for the
    /// exponential (if that does not overflow), a > 0 and |b| ≤ π/2 for waves and tan, a > 0 where f is even or odd.
    func affine(_ p: FitPoint, _ samples: FitSamples) -> (a: Double, b: Double) {
        var (a, b) = (p.A * p.scale, p.B - p.A * p.scale * p.origin)
        switch self {
        case .constant, .line, .step: return (1, 0)
        case .shift: (a, b) = (1, p.B * samples.half - samples.middle)
        case .oneSided(let twoSided):
            let gap = p.B * samples.half
            if p.scale > 0 {
                (a, b) = (1, gap - samples.low)
            } else if twoSided {
                (a, b) = (1, -(samples.high + gap))
            } else {
                (a, b) = (-1, samples.high + gap)
            }
        case .exponential:
            if abs(a) * max(abs(samples.low), abs(samples.high)) <= 20 { b = 0 }
        case .wave:
            if a < 0 { (a, b) = (-a, -b) }
            b -= Double.pi * (b / Double.pi).rounded()
        case .open(let mirrored):
            if mirrored && a < 0 { (a, b) = (-a, -b) }
        case .window(let low, _):
            if low < -1 { b -= Double.pi * (b / Double.pi).rounded() }
        }
        // What rounding leaves of a zero.
        if abs(b) < 1e-14 * abs(a) * max(abs(samples.low), abs(samples.high)) { b = 0 }
        return (a, b)
    }
}
