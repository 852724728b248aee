// The strong-Wolfe line search of torch's L-BFGS (Nocedal & Wright, Numerical Optimization, algorithms 3.5 and 3.6, with cubic
// interpolation (3.59) and torch's safeguards), so that the same start gives pykan's trajectory.
//
// What it must get right, in this order:
//   1. It returns the best point it has seen that satisfies the first Wolfe condition, or the start itself.
//   2. A trial where the objective is not finite counts as very high: the bracket shrinks away from it.
//   3. The order and number of evaluations of torch's `_strong_wolfe`, but that it goes on where torch would return the start because
//      the bracket is short: close to an exact fit all steps are, and the descent in them is what is left to gain.
//
// Notation: φ(t) = f(x + t·d), φ'(t) = ∇f(x + t·d)·d.

/// φ at one t, and which stored gradient belongs to it.
struct LinePoint {
    var t: Double
    var f: Double
    var slope: Double
    /// Index of the gradient's buffer.
    var gradient: Int
    var value: ObjectiveValue
}

/// Which stored gradients are still needed, by the indices of their buffers (0 … 62).
struct KeptGradients {
    private let bits: Int

    init(_ a: LinePoint, _ b: LinePoint? = nil, _ c: LinePoint? = nil) {
        bits = 1 << a.gradient | 1 << (b ?? a).gradient | 1 << (c ?? a).gradient
    }

    func contains(_ buffer: Int) -> Bool { bits >> buffer & 1 == 1 }
}

/// The two ends between which a minimum lies.
private struct Bracket {
    var first, second: LinePoint

    subscript(end: Int) -> LinePoint {
        get { end == 0 ? first : second }
        set { if end == 0 { first = newValue } else { second = newValue } }
    }
}

struct LineSearch {
    static let c1 = 1e-4
    static let c2 = 0.9
    static let toleranceChange = 1e-9
    static let maxEvaluations = 25

    /// Minimum of the cubic through two points with slopes, kept within bounds; the middle where there is none.
    static func cubic(_ p: LinePoint, _ q: LinePoint, bounds: (Double, Double)? = nil) -> Double {
        let (low, high) = bounds ?? (min(p.t, q.t), max(p.t, q.t))
        let d1 = p.slope + q.slope - 3 * (p.f - q.f) / (p.t - q.t)
        let square = d1 * d1 - p.slope * q.slope
        guard square >= 0 else { return (low + high) / 2 }
        let d2 = square.squareRoot()
        let t: Double
        if p.t <= q.t {
            t = q.t - (q.t - p.t) * ((q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2))
        } else {
            t = p.t - (p.t - q.t) * ((p.slope + d2 - d1) / (p.slope - q.slope + 2 * d2))
        }
        guard !t.isNaN else { return (low + high) / 2 }
        return min(max(t, low), high)
    }

    /// Finds t > 0 with f(t) ≤ f(0) + c1·t·f'(0) and |f'(t)| ≤ c2·|f'(0)|.
    ///
    /// - Parameters:
    ///   - start: φ at 0.
    ///   - t: the first trial.
    ///   - directionSize: max |d|.
    ///   - evaluate: φ at t; its gradient goes to a buffer that is not in use by `keep`.
    /// - Returns: the accepted point and the number of evaluations.
    static func run<E: Error>(
        start: LinePoint, t first: Double, directionSize: Double,
        evaluate: (Double, KeptGradients) throws(E) -> LinePoint
    ) throws(E) -> (LinePoint, Int) {
        var t = first
        var new = try evaluate(t, KeptGradients(start))
        var evaluations = 1
        var previous = start
        var iteration = 0
        var bracket = Bracket(first: start, second: start)
        var done = false

        func tooHigh(_ p: LinePoint) -> Bool { p.f > start.f + c1 * p.t * start.slope }

        // Bracketing phase: step out until a minimum lies between two points.
        while iteration < maxEvaluations {
            if tooHigh(new) || (iteration > 1 && new.f >= previous.f) {
                bracket = Bracket(first: previous, second: new)
                break
            }
            if abs(new.slope) <= -c2 * start.slope {
                bracket = Bracket(first: new, second: new)
                done = true
                break
            }
            if new.slope >= 0 {
                bracket = Bracket(first: previous, second: new)
                break
            }
            let bounds = (t + 0.01 * (t - previous.t), t * 10)
            let next = cubic(previous, new, bounds: bounds)
            previous = new
            t = next
            new = try evaluate(t, KeptGradients(start, previous))
            evaluations += 1
            iteration += 1
        }
        if iteration == maxEvaluations { bracket = Bracket(first: start, second: new) }

        // Zoom phase: shrink the bracket.
        var insufficientProgress = false
        var (low, high) = bracket.first.f <= bracket.second.f ? (0, 1) : (1, 0)
        while !done && iteration < maxEvaluations {
            let width = abs(bracket.second.t - bracket.first.t) * directionSize
            if width < toleranceChange && bracket[low].t != 0 { break }
            t = cubic(bracket.first, bracket.second)
            let (left, right) = (min(bracket.first.t, bracket.second.t), max(bracket.first.t, bracket.second.t))
            let margin = 0.1 * (right - left)
            if min(right - t, t - left) < margin {
                // Two trials at the edge in a row: move in by a tenth.
                if insufficientProgress || t >= right || t <= left {
                    t = abs(t - right) < abs(t - left) ? right - margin : left + margin
                    insufficientProgress = false
                } else {
                    insufficientProgress = true
                }
            } else {
                insufficientProgress = false
            }
            new = try evaluate(t, KeptGradients(start, bracket.first, bracket.second))
            evaluations += 1
            iteration += 1
            if tooHigh(new) || new.f >= bracket[low].f {
                bracket[high] = new
                (low, high) = bracket.first.f <= bracket.second.f ? (0, 1) : (1, 0)
            } else {
                if abs(new.slope) <= -c2 * start.slope {
                    done = true
                } else if new.slope * (bracket[high].t - bracket[low].t) >= 0 {
                    bracket[high] = bracket[low]
                }
                bracket[low] = new
            }
        }
        return (bracket[low], evaluations)
    }
}
