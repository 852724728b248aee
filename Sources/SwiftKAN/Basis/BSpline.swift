// The B-spline basis of one input: values and derivatives of all its functions for a block of samples.
//
// What it must get right, in this order:
//   1. pykan's functions (spline.py, B_batch): Cox-de Boor on the given knots, 0/0 counting as 0; zero outside them.
//   2. Partition of unity between t_0 and t_G, both ends included; for k = 0 the last cell is closed for that.
//   3. No branch on the data and no gather: every function is evaluated in every lane, which for the grids of
//      small networks costs less than finding the k + 1 that are not zero.
//
// Notation (de Boor, A Practical Guide to Splines, ch. IX): knots t_m, m = 0 … G + 2k, of which t_k … t_{G+k} are the grid;
//   B_m^0(x) = 1 for t_m ≤ x < t_{m+1}, else 0;   w_m^p(x) = (x - t_m) / (t_{m+p} - t_m)
//   B_m^p = w_m^p B_m^{p-1} + (1 - w_{m+1}^p) B_{m+1}^{p-1}
//   d/dx B_m^k = k/(t_{m+k} - t_m) B_m^{k-1} - k/(t_{m+k+1} - t_{m+1}) B_{m+1}^{k-1}

/// Knots of one input and the reciprocals 1/(t_{m+p} - t_m), p = 1 … k, that evaluation needs. Owns nothing.
struct BSplineTable<T: KANScalar> {
    let grid: Int
    let k: Int
    let knots: UnsafePointer<T>
    /// Row p - 1 holds the reciprocals of order p; rows have `reciprocalStride` entries; 0 stands for 1/0.
    let reciprocals: UnsafePointer<T>
    /// Do the knots strictly increase.
    let isSimple: Bool

    static func reciprocalStride(grid: Int, k: Int) -> Int { grid + 2 * k }
    static func reciprocalCount(grid: Int, k: Int) -> Int { k * reciprocalStride(grid: grid, k: k) }
    /// Vectors of scratch memory that `rows` needs.
    static func scratchCount(grid: Int, k: Int) -> Int { grid + 2 * k + 1 }

    /// - Returns: whether the knots strictly increase.
    static func fillReciprocals(
        knots: UnsafePointer<T>, grid: Int, k: Int, into reciprocals: UnsafeMutablePointer<T>
    ) -> Bool {
        guard k > 0 else { return false }
        var simple = true
        let stride = reciprocalStride(grid: grid, k: k)
        for p in 1...k {
            for m in 0...(grid + 2 * k - p) where m < stride {
                // A distance whose reciprocal overflows counts as none: 0·∞ must not reach the splines.
                let reciprocal = 1 / (knots[m + p] - knots[m])
                let usable = reciprocal > 0 && reciprocal.isFinite
                reciprocals[(p - 1) * stride + m] = usable ? reciprocal : 0
                if !usable { simple = false }
            }
        }
        return simple
    }

    /// basis[b·nv + v] = B_b at the samples of x[v], for b < G + k, v < nv; `derivative` likewise if not nil.
    @inline(never)
    func rows(
        x: UnsafePointer<T.Vector>, nv: Int, basis: UnsafeMutablePointer<T.Vector>,
        derivative: UnsafeMutablePointer<T.Vector>?, scratch q: UnsafeMutablePointer<T.Vector>
    ) {
        if k == 0 { return cellRows(x: x, nv: nv, basis: basis, derivative: derivative) }
        if k == 3 && isSimple { return cubicRows(x: x, nv: nv, basis: basis, derivative: derivative) }
        let cells = grid + 2 * k
        let (low, high) = (knots[0], knots[cells])
        for v in 0..<nv {
            let xc = T.clamp(x[v], low, high)
            if isSimple { startWithHats(q, xc, cells) } else { startWithCells(q, x[v], xc, cells) }
            // x - x is 0, but NaN where x is: that must reach the result.
            q[0] += xc - xc
            for p in 2..<max(k, 2) { raise(q, xc, p, cells - p) }
            let (b, d) = (basis + v, derivative.map { $0 + v })
            if k == 1 {
                storeLinear(q, x[v], cells, nv, b, d)
            } else {
                if let d { storeDerivative(q, cells - k, nv, d) }
                storeRaised(q, xc, cells - k, nv, b)
            }
        }
    }

    /// k = 0: 1 in the cell of x; the last cell is closed.
    @inline(__always)
    private func cellRows(
        x: UnsafePointer<T.Vector>, nv: Int, basis: UnsafeMutablePointer<T.Vector>,
        derivative: UnsafeMutablePointer<T.Vector>?
    ) {
        for v in 0..<nv {
            let nothing = x[v] - x[v]
            var previous = T.atLeast(x[v], knots[0])
            for m in 0..<grid {
                let next = m == grid - 1 ? T.above(x[v], knots[m + 1]) : T.atLeast(x[v], knots[m + 1])
                basis[m * nv + v] = previous - next + nothing
                if let derivative { derivative[m * nv + v] = nothing }
                previous = next
            }
        }
    }

    /// Degree 1 for increasing knots: B_m^1 = max(0, min(w_m, 1 - w_{m+1})), continuous, so no cell need be found.
    @inline(__always)
    private func startWithHats(_ q: UnsafeMutablePointer<T.Vector>, _ x: T.Vector, _ cells: Int) {
        var w = (x - knots[0]) * reciprocals[0]
        for m in 0..<(cells - 1) {
            let next = (x - knots[m + 1]) * reciprocals[m + 1]
            q[m] = T.hat(w, 1 - next)
            w = next
        }
    }

    /// Degree 1 for knots that may coincide, from the cells (degree 0).
    @inline(__always)
    private func startWithCells(
        _ q: UnsafeMutablePointer<T.Vector>, _ x: T.Vector, _ xc: T.Vector, _ cells: Int
    ) {
        var previous = T.atLeast(x, knots[0])
        for m in 0..<cells {
            let next = T.atLeast(x, knots[m + 1])
            q[m] = previous - next
            previous = next
        }
        raise(q, xc, 1, cells - 1)
    }

    /// One level of Cox-de Boor in place: q holds degree p - 1 and receives degree p, `count` functions.
    @inline(__always)
    private func raise(_ q: UnsafeMutablePointer<T.Vector>, _ x: T.Vector, _ p: Int, _ count: Int) {
        let r = reciprocals + (p - 1) * (grid + 2 * k)
        var left = (x - knots[0]) * r[0] * q[0]
        for m in 0..<count {
            let w = (x - knots[m + 1]) * r[m + 1]
            let right = w * q[m + 1]
            q[m] = left + (q[m + 1] - right)
            left = right
        }
    }

    /// The last level, into rows.
    @inline(__always)
    private func storeRaised(
        _ q: UnsafeMutablePointer<T.Vector>, _ x: T.Vector, _ count: Int, _ nv: Int, _ basis: UnsafeMutablePointer<T.Vector>
    ) {
        let r = reciprocals + (k - 1) * (grid + 2 * k)
        var left = (x - knots[0]) * r[0] * q[0]
        for m in 0..<count {
            let w = (x - knots[m + 1]) * r[m + 1]
            let right = w * q[m + 1]
            basis[m * nv] = left + (q[m + 1] - right)
            left = right
        }
    }

    /// d/dx of degree k from degree k - 1, into rows.
    @inline(__always)
    private func storeDerivative(
        _ q: UnsafeMutablePointer<T.Vector>, _ count: Int, _ nv: Int, _ derivative: UnsafeMutablePointer<T.Vector>
    ) {
        let r = reciprocals + (k - 1) * (grid + 2 * k)
        let degree = T(k)
        var left = q[0] * (degree * r[0])
        for m in 0..<count {
            let right = q[m + 1] * (degree * r[m + 1])
            derivative[m * nv] = left - right
            left = right
        }
    }

    /// k = 1: q holds the result; its derivative is 1/(t_{m+1} - t_m) in the first cell and -1/(t_{m+2} - t_{m+1}) in the second.
    @inline(__always)
    private func storeLinear(
        _ q: UnsafeMutablePointer<T.Vector>, _ x: T.Vector, _ cells: Int, _ nv: Int,
        _ basis: UnsafeMutablePointer<T.Vector>, _ derivative: UnsafeMutablePointer<T.Vector>?
    ) {
        for m in 0..<(cells - 1) { basis[m * nv] = q[m] }
        guard let derivative else { return }
        var (left, middle) = (T.atLeast(x, knots[0]), T.atLeast(x, knots[1]))
        for m in 0..<(cells - 1) {
            let right = T.atLeast(x, knots[m + 2])
            derivative[m * nv] = (left - middle) * reciprocals[m] - (middle - right) * reciprocals[m + 1]
            (left, middle) = (middle, right)
        }
    }
}
