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

    static func reciprocalStride(grid: Int, k: Int) -> Int { grid + 2 * k }
    static func reciprocalCount(grid: Int, k: Int) -> Int { k * reciprocalStride(grid: grid, k: k) }
    /// Vectors of scratch memory that `rows` needs.
    static func scratchCount(grid: Int, k: Int) -> Int { grid + 2 * k + 1 }

    static func fillReciprocals(knots: UnsafePointer<T>, grid: Int, k: Int, into reciprocals: UnsafeMutablePointer<T>) {
        guard k > 0 else { return }
        let stride = reciprocalStride(grid: grid, k: k)
        for p in 1...k {
            for m in 0...(grid + 2 * k - p) where m < stride {
                let d = knots[m + p] - knots[m]
                reciprocals[(p - 1) * stride + m] = d > 0 ? 1 / d : 0
            }
        }
    }

    /// basis[b·nv + v] = B_b at the samples of x[v], for b < G + k, v < nv; `derivative` likewise if not nil.
    @inline(__always)
    func rows(
        x: UnsafePointer<T.Vector>, nv: Int, basis: UnsafeMutablePointer<T.Vector>,
        derivative: UnsafeMutablePointer<T.Vector>?, scratch q: UnsafeMutablePointer<T.Vector>
    ) {
        let cells = grid + 2 * k
        let (low, high) = (knots[0], knots[cells])
        let stride = cells
        for v in 0..<nv {
            let raw = x[v]
            var previous = T.atLeast(raw, knots[0])
            for m in 0..<cells {
                let last = k == 0 && m == cells - 1
                let next = last ? T.above(raw, knots[m + 1]) : T.atLeast(raw, knots[m + 1])
                q[m] = previous - next
                previous = next
            }
            if k == 0 {
                // x - x is 0 except for NaN and ±∞, which must reach the result.
                for m in 0..<cells {
                    basis[m * nv + v] = q[m] + (raw - raw)
                    if let derivative { derivative[m * nv + v] = raw - raw }
                }
                continue
            }
            let xc = T.clamp(raw, low, high)
            for p in 1..<max(k, 1) {
                raise(q, xc, p, stride, cells - p)
            }
            let r = reciprocals + (k - 1) * stride
            if let derivative {
                let degree = T(k)
                for m in 0..<(cells - k) {
                    derivative[m * nv + v] = q[m] * (degree * r[m]) - q[m + 1] * (degree * r[m + 1])
                }
            }
            raise(q, xc, k, stride, cells - k)
            for m in 0..<(cells - k) { basis[m * nv + v] = q[m] }
        }
    }

    /// One level of Cox-de Boor in place: q holds degree p - 1 and receives degree p, `count` functions.
    @inline(__always)
    private func raise(
        _ q: UnsafeMutablePointer<T.Vector>, _ x: T.Vector, _ p: Int, _ stride: Int, _ count: Int
    ) {
        let r = reciprocals + (p - 1) * stride
        var left = (x - knots[0]) * r[0] * q[0]
        for m in 0..<count {
            let right = (x - knots[m + 1]) * r[m + 1] * q[m + 1]
            q[m] = left + (q[m + 1] - right)
            left = right
        }
    }
}
