// The three inner loops of training: combinations of rows, products of combinations, and dot products of rows.
//
// What it must get right, in this order:
//   1. The order of additions in a lane depends on nothing but the number of rows: results do not change with the
//      number of vectors in a row, hence not with the batch.
//   2. Enough independent chains of additions: four vectors (or four rows) at a time hide the latency of an addition.
//
// A row is nv vectors of samples; rows stand one after another, row b at `rows + b·nv`.

enum RowKernels<T: KANScalar> {
    typealias Vector = T.Vector

    /// Calls `use(v, Σ_b w_b · rows_b[v])` for every vector v of a row.
    @inline(__always)
    static func combine(
        _ w: UnsafePointer<T>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int, _ use: (Int, Vector) -> Void
    ) {
        var v = 0
        while v + 4 <= nv {
            var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            var row = rows + v
            for b in 0..<count {
                let c = Vector(repeating: w[b])
                a0 = T.multiplyAdd(c, row[0], a0)
                a1 = T.multiplyAdd(c, row[1], a1)
                a2 = T.multiplyAdd(c, row[2], a2)
                a3 = T.multiplyAdd(c, row[3], a3)
                row += nv
            }
            use(v, a0)
            use(v + 1, a1)
            use(v + 2, a2)
            use(v + 3, a3)
            v += 4
        }
        while v < nv {
            var a = Vector.zero
            var row = rows + v
            for b in 0..<count {
                a = T.multiplyAdd(Vector(repeating: w[b]), row[0], a)
                row += nv
            }
            use(v, a)
            v += 1
        }
    }

    /// z += Σ_b w_b · rows_b
    @inline(__always)
    static func addCombination(
        _ w: UnsafePointer<T>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int,
        to z: UnsafeMutablePointer<Vector>
    ) {
        combine(w, rows, count, nv) { v, sum in z[v] += sum }
    }

    /// edge = Σ_b w_b · rows_b
    @inline(__always)
    static func setCombination(
        _ w: UnsafePointer<T>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int, to edge: UnsafeMutablePointer<Vector>
    ) {
        combine(w, rows, count, nv) { v, sum in edge[v] = sum }
    }

    /// z += g · Σ_b w_b · rows_b
    @inline(__always)
    static func addProduct(
        _ g: UnsafePointer<Vector>, _ w: UnsafePointer<T>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int,
        to z: UnsafeMutablePointer<Vector>
    ) {
        combine(w, rows, count, nv) { v, sum in z[v] = T.multiplyAdd(g[v], sum, z[v]) }
    }

    /// dw_b += g · rows_b, for every row
    @inline(__always)
    static func addDots(
        _ g: UnsafePointer<Vector>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int,
        to dw: UnsafeMutablePointer<T>
    ) {
        var b = 0
        while b + 4 <= count {
            let r0 = rows + b * nv
            let (r1, r2, r3) = (r0 + nv, r0 + 2 * nv, r0 + 3 * nv)
            var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            for v in 0..<nv {
                let gv = g[v]
                a0 = T.multiplyAdd(gv, r0[v], a0)
                a1 = T.multiplyAdd(gv, r1[v], a1)
                a2 = T.multiplyAdd(gv, r2[v], a2)
                a3 = T.multiplyAdd(gv, r3[v], a3)
            }
            dw[b] += T.total(a0)
            dw[b + 1] += T.total(a1)
            dw[b + 2] += T.total(a2)
            dw[b + 3] += T.total(a3)
            b += 4
        }
        while b < count {
            dw[b] += dot(g, rows + b * nv, nv)
            b += 1
        }
    }

    /// Σ_s a_s · b_s
    @inline(__always)
    static func dot(_ a: UnsafePointer<Vector>, _ b: UnsafePointer<Vector>, _ nv: Int) -> T {
        var sum = Vector.zero
        for v in 0..<nv { sum = T.multiplyAdd(a[v], b[v], sum) }
        return T.total(sum)
    }

    /// Σ_s g_s · a_s over the samples where g is not 0; a may be infinite or NaN at the others.
    @inline(__always)
    static func dotWhereNotZero(_ g: UnsafePointer<Vector>, _ a: UnsafePointer<Vector>, _ nv: Int) -> T {
        var sum = Vector.zero
        for v in 0..<nv { sum = T.multiplyAdd(g[v], T.zeroWhereZero(a[v], g[v]), sum) }
        return T.total(sum)
    }

    /// Σ_s a_s
    @inline(__always)
    static func sum(_ a: UnsafePointer<Vector>, _ nv: Int) -> T {
        var sum = Vector.zero
        for v in 0..<nv { sum += a[v] }
        return T.total(sum)
    }

    @inline(__always)
    static func fill(_ a: UnsafeMutablePointer<Vector>, _ value: Vector, _ nv: Int) {
        for v in 0..<nv { a[v] = value }
    }
}
