// LocalBSpline: the k + 1 basis functions that are not zero at one point, as polynomials of the point's cell.
//
// What it must get right, in this order:
//   1. The same functions as BSpline.swift, to rounding; zero outside the knots.
//   2. Cost independent of the grid size: a bucket gives the cell up to a step or two, the polynomials of all k + 1 functions
//      are one vector each power (SIMD4 for k ≤ 3, SIMD8 for k ≤ 7).
//
// In cell c, u = (x - t_c)/(t_{c+1} - t_c) and B_{c-k+j}(x) = Σ_p P_cpj u^p, j = 0 … k.

/// The polynomials of one input. Owns nothing.
struct LocalBSpline<T: KANScalar, V: SIMD> where V.Scalar == T {
    let k: Int
    /// G + 2k cells between G + 2k + 1 knots
    let cells: Int
    let knots: UnsafePointer<T>
    /// (cells, k + 1): the coefficients of each power for the k + 1 functions
    let polynomials: UnsafePointer<V>
    /// (cells): 1 / length
    let inverse: UnsafePointer<T>
    /// (2·cells): the first cell that reaches into each bucket
    let buckets: UnsafePointer<Int32>
    /// buckets per unit of x
    var bucketScale: T

    /// The cell of x, or nil outside the knots and for NaN.
    @inline(__always)
    func cell(_ x: T) -> Int? {
        guard x >= knots[0], x < knots[cells] else { return nil }
        let bucket = min(((x - knots[0]) * bucketScale).truncated, 2 * cells - 1)
        var c = Int(buckets[bucket])
        while x >= knots[c + 1] { c += 1 }
        while x < knots[c] { c -= 1 }
        return c
    }

    /// Values of the k + 1 functions of cell c at x.
    @inline(__always)
    func values(_ x: T, _ c: Int) -> V {
        let u = (x - knots[c]) * inverse[c]
        let p = polynomials + c * (k + 1)
        var value = p[k]
        for power in stride(from: k - 1, through: 0, by: -1) { value = value * u + p[power] }
        return value
    }

    /// Derivatives of the k + 1 functions of cell c at x.
    @inline(__always)
    func derivatives(_ x: T, _ c: Int) -> V {
        let u = (x - knots[c]) * inverse[c]
        let p = polynomials + c * (k + 1)
        var value = p[k] * T(k)
        for power in stride(from: k - 1, through: 1, by: -1) { value = value * u + p[power] * T(power) }
        return value * inverse[c]
    }
}

/// The memory of the polynomials of all inputs of a layer, rebuilt where knots have changed.
final class LocalBSplineMemory<T: KANScalar, V: SIMD>: @unchecked Sendable where V.Scalar == T {
    private let grid: Int
    private let k: Int
    private let cells: Int
    private let knots: AlignedBuffer<T>
    private let inverse: AlignedBuffer<T>
    private let polynomials: AlignedBuffer<T>
    private var bucketScale: [T]
    private let bucketBase: UnsafeMutablePointer<Int32>

    init(inputs: Int, grid: Int, k: Int) throws(KANError) {
        self.grid = grid
        self.k = k
        cells = grid + 2 * k
        knots = try AlignedBuffer(count: inputs * (cells + 1))
        inverse = try AlignedBuffer(count: inputs * cells)
        polynomials = try AlignedBuffer(count: inputs * cells * (k + 1) * V.scalarCount)
        bucketScale = Array(repeating: 0, count: inputs)
        bucketBase = .allocate(capacity: inputs * 2 * cells)
        bucketBase.initialize(repeating: 0, count: inputs * 2 * cells)
        // No grid starts with NaN, so the first update sees a difference.
        knots.base.update(repeating: .nan, count: inputs * (cells + 1))
    }

    deinit { bucketBase.deallocate() }

    @inline(__always)
    func table(_ i: Int) -> LocalBSpline<T, V> {
        let p = UnsafeRawPointer(polynomials.base + i * cells * (k + 1) * V.scalarCount).assumingMemoryBound(to: V.self)
        return LocalBSpline(
            k: k, cells: cells, knots: knots.base + i * (cells + 1), polynomials: p, inverse: inverse.base + i * cells,
            buckets: bucketBase + i * 2 * cells, bucketScale: bucketScale[i])
    }

    /// Takes over the knots of input i.
    func update(_ i: Int, knots source: UnsafePointer<T>) {
        let t = knots.base + i * (cells + 1)
        var changed = false
        for m in 0...cells where !(t[m] == source[m]) { changed = true }
        guard changed else { return }
        t.update(from: source, count: cells + 1)
        let length = t[cells] - t[0]
        bucketScale[i] = length > 0 ? T(2 * cells) / length : 0
        let b = bucketBase + i * 2 * cells
        var c = 0
        for bucket in 0..<(2 * cells) {
            let edge = t[0] + length * T(bucket) / T(2 * cells)
            while c < cells - 1 && t[c + 1] <= edge { c += 1 }
            b[bucket] = Int32(c)
        }
        for c in 0..<cells { fillCell(i, c, t) }
    }

    /// Cox-de Boor on polynomials in u instead of numbers, in double precision.
    private func fillCell(_ i: Int, _ c: Int, _ t: UnsafePointer<T>) {
        let h = Double(t[c + 1]) - Double(t[c])
        inverse.base[i * cells + c] = h > 0 ? T(1 / h) : 0
        func knot(_ m: Int) -> Double { Double(t[min(max(m, 0), cells)]) }
        // q[j] holds function c - p + j of degree p, j = 0 … p, as coefficients of u.
        var q: [[Double]] = [[1]]
        for p in stride(from: 1, through: k, by: 1) {
            var next = Array(repeating: Array(repeating: 0.0, count: p + 1), count: p + 1)
            for j in 0..<p {
                // Function m of degree p - 1 rises into m of degree p and falls into m - 1.
                let m = c - (p - 1) + j
                let length = knot(m + p) - knot(m)
                let r = length > 0 ? 1 / length : 0
                for (power, coefficient) in q[j].enumerated() {
                    let rise = (knot(c) - knot(m)) * r * coefficient
                    let fall = (knot(m + p) - knot(c)) * r * coefficient
                    next[j + 1][power] += rise
                    next[j + 1][power + 1] += h * r * coefficient
                    next[j][power] += fall
                    next[j][power + 1] -= h * r * coefficient
                }
            }
            q = next
        }
        let target = polynomials.base + (i * cells + c) * (k + 1) * V.scalarCount
        for power in 0...k {
            for j in 0...k { target[power * V.scalarCount + j] = T(q[j][power]) }
        }
    }
}
