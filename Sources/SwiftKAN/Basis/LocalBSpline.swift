// LocalBSpline: the k + 1 basis functions that can be non-zero at one point, as polynomials of the point's cell.
//
// What it must get right, in this order:
//   1. The same functions as BSpline.swift, to rounding; zero outside the knots, NaN at NaN.
//   2. Cost independent of the grid size: a bucket gives the cell up to a step or two, the polynomials of all k + 1 functions
//      are one vector each power: of 4 for k ≤ 3, of 8 for k ≤ 7.
//   3. No case at the ends: every cell has k + 1 functions in a row, first … first + k, that the grid does have; those that
//      are zero in the cell have polynomials of zeros. What lies outside the knots is one more cell, all zeros.
//
// In cell c, u = (x - t_c)/(t_{c+1} - t_c) and B_{first+j}(x) = Σ_p P_cpj u^p, j = 0 … k.

/// The polynomials of one input; V has a lane for each of the k + 1 functions. Owns nothing.
struct LocalBSpline<T: KANScalar, V: KANVector> where V.Scalar == T {
    /// G + 2k cells between G + 2k + 1 knots; cell number `cells` is everywhere else
    let cells: Int
    let knots: UnsafePointer<T>
    /// The first knot and the last one.
    var low, high: T
    /// (cells + 1, k + 1): the coefficients of each power for the k + 1 functions
    let polynomials: UnsafePointer<V>
    /// (cells + 1): 1 / length
    let inverse: UnsafePointer<T>
    /// (cells + 1): the first function
    let first: UnsafePointer<Int32>
    /// (4·cells + 2): for x near the middle of a bucket, a cell at or before the first one that reaches into it
    let buckets: UnsafePointer<Int32>
    /// buckets per unit of x; 0 for knots that are not a grid
    var bucketScale: T
    /// The same polynomials as `CellTables.swift` has them, where it does.
    let tables: UnsafePointer<T>

    /// The cell of x and the place in it, u.
    @inline(__always)
    func locate(_ x: T) -> (cell: Int, u: T) {
        guard x >= low, x < high else { return (cells, x.isNaN ? x : 0) }
        var c = Int(buckets[T.rounded((x - low) * bucketScale)])
        c = c &+ (x >= knots[c &+ 1] ? 1 : 0)
        while x >= knots[c &+ 1] { c = c &+ 1 }
        return (c, (x - knots[c]) * inverse[c])
    }

}

extension LocalBSpline where V == SIMD8<T> {
    /// Values of the k + 1 functions of cell c at u.
    @inline(__always)
    func values(_ c: Int, _ u: T, k: Int) -> V {
        let p = polynomials + c &* (k &+ 1)
        let u = V(repeating: u)
        var value = p[k]
        var power = k &- 1
        while power >= 0 {
            value = T.multiplyAdd(value, u, p[power])
            power = power &- 1
        }
        return value
    }

    /// Derivatives with respect to x of the k + 1 functions of cell c at u.
    @inline(__always)
    func derivatives(_ c: Int, _ u: T, k: Int) -> V {
        let p = polynomials + c &* (k &+ 1)
        let place = V(repeating: u)
        var value = T.multiplyAdd(p[k], V(repeating: T(k)), .zero)
        var power = k &- 1
        while power >= 1 {
            value = T.multiplyAdd(value, place, T.multiplyAdd(p[power], V(repeating: T(power)), .zero))
            power = power &- 1
        }
        // The polynomial of degree 0 does not see u; NaN has to come through it too.
        return T.multiplyAdd(value, V(repeating: inverse[c] + u * 0), .zero)
    }
}

/// The memory of the polynomials of all inputs of a layer, rebuilt where knots have changed.
final class LocalBSplineMemory<T: KANScalar, V: KANVector>: @unchecked Sendable where V.Scalar == T {
    private let grid: Int
    private let k: Int
    private let cells: Int
    private let knots: AlignedBuffer<T>
    private let inverse: AlignedBuffer<T>
    private let polynomials: AlignedBuffer<T>
    private let bucketScale: AlignedBuffer<T>
    let layout: CellTables
    private let tables: AlignedBuffer<T>
    private let buckets: UnsafeMutablePointer<Int32>
    private let first: UnsafeMutablePointer<Int32>

    init(inputs: Int, grid: Int, k: Int) throws(KANError) {
        self.grid = grid
        self.k = k
        cells = grid + 2 * k
        knots = try AlignedBuffer(count: inputs * (cells + 1))
        inverse = try AlignedBuffer(count: inputs * (cells + 1))
        polynomials = try AlignedBuffer(count: inputs * (cells + 1) * (k + 1) * V.scalarCount)
        bucketScale = try AlignedBuffer(count: inputs)
        layout = CellTables(cells: cells, k: k, most: T.tableEntries)
        tables = try AlignedBuffer(count: inputs * layout.count)
        buckets = .allocate(capacity: inputs * (4 * cells + 2))
        buckets.initialize(repeating: 0, count: inputs * (4 * cells + 2))
        first = .allocate(capacity: inputs * (cells + 1))
        first.initialize(repeating: 0, count: inputs * (cells + 1))
        // No grid starts with NaN, so the first update sees a difference.
        knots.base.update(repeating: .nan, count: inputs * (cells + 1))
    }

    deinit {
        buckets.deallocate()
        first.deallocate()
    }

    @inline(__always)
    func table(_ i: Int) -> LocalBSpline<T, V> {
        let p = UnsafeRawPointer(polynomials.base + i * (cells + 1) * (k + 1) * V.scalarCount).assumingMemoryBound(to: V.self)
        let t = knots.base + i * (cells + 1)
        return LocalBSpline(
            cells: cells, knots: t, low: t[0], high: bucketScale.base[i] > 0 ? t[cells] : t[0], polynomials: p,
            inverse: inverse.base + i * (cells + 1), first: first + i * (cells + 1), buckets: buckets + i * (4 * cells + 2),
            bucketScale: bucketScale.base[i], tables: tables.base + i * layout.count)
    }

    /// Buckets per unit of x of knots of this length; finite for the shortest, where fewer lead to an earlier bucket. 0 if it is no length.
    static func bucketScale(cells: Int, length: Double) -> T {
        length > 0 && length.isFinite ? min(T(Double(4 * cells) / length), .greatestFiniteMagnitude) : 0
    }

    /// Takes over the knots of input i.
    func update(_ i: Int, knots source: UnsafePointer<T>) {
        let t = knots.base + i * (cells + 1)
        var same = true
        for m in 0...cells { same = same && t[m] == source[m] }
        if same { return }
        t.update(from: source, count: cells + 1)
        let (low, length) = (Double(t[0]), Double(t[cells]) - Double(t[0]))
        // Infinite knots, which users can write, have no buckets: everything is outside them.
        bucketScale.base[i] = Self.bucketScale(cells: cells, length: length)
        let b = buckets + i * (4 * cells + 2)
        var c = 0
        for bucket in 0..<(4 * cells + 2) {
            // Begun a little early, so that rounding in `locate` can only lead to a cell before the right one.
            let edge = low + length / Double(4 * cells) * (Double(bucket) - 0.51)
            while c < cells - 1 && Double(t[c + 1]) <= edge { c += 1 }
            b[bucket] = Int32(c)
        }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * (k + 1) * (k + 1)) { room in
            guard let room = room.baseAddress else { return }
            for c in 0..<cells { fillCell(i, c, t, room) }
        }
        if layout.entries > 0 { fillTables(i, t) }
    }

    private func fillTables(_ i: Int, _ t: UnsafePointer<T>) {
        let target = tables.base + i * layout.count
        for c in 0...cells {
            let p = polynomials.base + (i * (cells + 1) + c) * (k + 1) * V.scalarCount
            for power in 0...k {
                for j in 0...k { target[layout.polynomial(power, j) + c] = p[power * V.scalarCount + j] }
            }
            target[layout.knots + c] = t[c]
            target[layout.inverse + c] = inverse.base[i * (cells + 1) + c]
        }
    }

    /// Cox-de Boor on polynomials in u instead of numbers, in double precision.
    ///
    /// - Parameter room: (2, k + 1, k + 1)
    private func fillCell(_ i: Int, _ c: Int, _ t: UnsafePointer<T>, _ room: UnsafeMutablePointer<Double>) {
        let h = Double(t[c + 1]) - Double(t[c])
        inverse.base[i * (cells + 1) + c] = h > 0 ? T(1 / h) : 0
        func knot(_ m: Int) -> Double { Double(t[min(max(m, 0), cells)]) }
        let width = k + 1
        // q[j·width + power]: function c - p + j of degree p, j = 0 … p, as coefficients of u.
        var (q, next) = (room, room + width * width)
        q[0] = 1
        for p in stride(from: 1, through: k, by: 1) {
            next.update(repeating: 0, count: width * width)
            for j in 0..<p {
                // Function m of degree p - 1 rises into m of degree p and falls into m - 1.
                let m = c - (p - 1) + j
                let length = knot(m + p) - knot(m)
                let r = length > 0 ? 1 / length : 0
                for power in 0..<p {
                    let coefficient = q[j * width + power]
                    let rise = (knot(c) - knot(m)) * r * coefficient
                    let fall = (knot(m + p) - knot(c)) * r * coefficient
                    next[(j + 1) * width + power] += rise
                    next[(j + 1) * width + power + 1] += h * r * coefficient
                    next[j * width + power] += fall
                    next[j * width + power + 1] -= h * r * coefficient
                }
            }
            (q, next) = (next, q)
        }
        let target = polynomials.base + (i * (cells + 1) + c) * width * V.scalarCount
        // Functions 0 … G + k - 1 exist.
        let start = min(max(c - k, 0), grid - 1)
        first[i * (cells + 1) + c] = Int32(start)
        target.update(repeating: 0, count: width * V.scalarCount)
        for j in 0...k where c - k + j >= start && c - k + j <= start + k {
            for power in 0...k { target[power * V.scalarCount + c - k + j - start] = T(q[j * width + power]) }
        }
    }
}
