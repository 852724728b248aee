// CubicBSpline: the rows of BSpline.swift for k = 3 and increasing knots, which is what nearly all networks have.
//
// What it must get right, in this order:
//   1. The functions of BSpline.swift, to rounding; exactly zero outside the knots; NaN stays NaN.
//   2. One pass over the knots with everything in registers. Cox-de Boor level by level, as BSpline.swift has it, goes through
//      memory three times and spends more instructions on addresses than on numbers.
//   3. A lane's operations do not depend on how many vectors a row has.
//
// At knot j, with the notation of BSpline.swift and B^p written b_p:
//   b1_{j-1} = max(0, min(w1_{j-1}, 1 - w1_j))
//   b2_{j-2} = w2_{j-2}·b1_{j-2} + (1 - w2_{j-1})·b1_{j-1}
//   b3_{j-3} = w3_{j-3}·b2_{j-3} + (1 - w3_{j-2})·b2_{j-2}

/// The splines of one vector of samples that end near the knot at hand.
private struct CubicSweep<T: KANScalar> {
    private let x: T.Vector
    /// x - t_j and the two before it
    private var d0, d1, d2: T.Vector
    /// w1_j, w2_{j-1}, w3_{j-2}
    private var w1, w2, w3: T.Vector
    /// b1_{j-1}, b2_{j-2}, and 3·b2_{j-2} / (t_{j+1} - t_{j-2})
    private var b1, b2, slope: T.Vector
    /// b3_{j-3} and its derivative
    private(set) var value, derivative: T.Vector

    /// Before knot 0, where all splines are 0.
    @inline(__always)
    init(_ x: T.Vector) {
        self.x = x
        (d0, d1, d2, w1, w2, w3) = (.zero, .zero, .zero, .zero, .zero, .zero)
        (b1, b2, slope, value, derivative) = (.zero, .zero, .zero, .zero, .zero)
    }

    /// Goes on to knot j.
    @inline(__always)
    mutating func next(_ knot: T, _ r1: T, _ r2: T, _ r3: T) {
        (d2, d1) = (d1, d0)
        d0 = x - knot
        let (hat, parabola, before, u2, u3) = (b1, b2, slope, w2, w3)
        let w = d0 * r1
        b1 = T.hat(w1, 1 - w)
        w1 = w
        w2 = d1 * r2
        b2 = T.multiplyAdd(u2, hat, T.multiplySubtract(w2, b1, b1))
        w3 = d2 * r3
        value = T.multiplyAdd(u3, parabola, T.multiplySubtract(w3, b2, b2))
        slope = b2 * (3 * r3)
        derivative = before - slope
    }
}

extension BSplineTable {
    /// `rows` for k = 3 and increasing knots.
    @inline(__always)
    func cubicRows(
        x: UnsafePointer<T.Vector>, nv: Int, basis: UnsafeMutablePointer<T.Vector>,
        derivative: UnsafeMutablePointer<T.Vector>?
    ) {
        let cells = grid + 6
        let stride = Self.reciprocalStride(grid: grid, k: 3)
        let (t, r1, r2, r3) = (knots, reciprocals, reciprocals + stride, reciprocals + 2 * stride)
        let (low, high) = (t[0], t[cells])
        var v = 0
        // Two vectors at a time: the chains of one fill the gaps of the other, and a knot is fetched once for both. Before knot 3
        // no cubic is whole; what is read of r2 and r3 before their beginning (of the row before) meets splines that are 0.
        while v + 2 <= nv {
            var (a, b) = (CubicSweep<T>(T.clamp(x[v], low, high)), CubicSweep<T>(T.clamp(x[v + 1], low, high)))
            for j in 0..<3 {
                a.next(t[j], r1[j], r2[j - 1], r3[j - 2])
                b.next(t[j], r1[j], r2[j - 1], r3[j - 2])
            }
            var value = basis + v
            if var slope = derivative.map({ $0 + v }) {
                for j in 3..<cells {
                    a.next(t[j], r1[j], r2[j - 1], r3[j - 2])
                    b.next(t[j], r1[j], r2[j - 1], r3[j - 2])
                    (value[0], value[1], slope[0], slope[1]) = (a.value, b.value, a.derivative, b.derivative)
                    value += nv
                    slope += nv
                }
            } else {
                for j in 3..<cells {
                    a.next(t[j], r1[j], r2[j - 1], r3[j - 2])
                    b.next(t[j], r1[j], r2[j - 1], r3[j - 2])
                    (value[0], value[1]) = (a.value, b.value)
                    value += nv
                }
            }
            v += 2
        }
        if v < nv {
            var a = CubicSweep<T>(T.clamp(x[v], low, high))
            for j in 0..<cells {
                a.next(t[j], r1[j], r2[j - 1], r3[j - 2])
                guard j >= 3 else { continue }
                basis[(j - 3) * nv + v] = a.value
                if let derivative { derivative[(j - 3) * nv + v] = a.derivative }
            }
        }
    }
}
