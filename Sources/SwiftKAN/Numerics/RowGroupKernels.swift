// RowGroupKernels: the loops of RowKernels.swift for four edges of one input at once, which read that input's rows together.
//
// What it must get right, in this order:
//   1. The bits of one edge alone: the same operations in the same order in every lane, since which edges are at hand together
//      depends on masks.
//   2. Multiply-adds bound it, not loads. An edge alone loads a vector for each; with 32 registers of a whole vector (AVX-512) two vectors
//      of four edges load six times for eight, four rows of four edges eight times for sixteen. Builds with 16 registers take a vector or
//      a row at a time.

/// Rows of four edges: of their sums, of dL/dz, of whatever there is one row an edge of.
struct RowGroup<T: KANScalar> {
    typealias Row = UnsafeMutablePointer<T.Vector>

    /// Edges of a group.
    @inline(__always)
    static var count: Int { 4 }

    let (a, b, c, d): (Row, Row, Row, Row)

    /// The rows of nv vectors with the numbers that `numbers` points to.
    @inline(__always)
    init(_ rows: Row, _ numbers: UnsafePointer<Int>, _ nv: Int) {
        (a, b) = (rows + numbers[0] &* nv, rows + numbers[1] &* nv)
        (c, d) = (rows + numbers[2] &* nv, rows + numbers[3] &* nv)
    }

    /// Four rows one after another.
    @inline(__always)
    init(_ rows: Row, _ nv: Int) {
        (a, b, c, d) = (rows, rows + nv, rows + 2 &* nv, rows + 3 &* nv)
    }
}

extension RowKernels {
    typealias Group = RowGroup<T>

    /// Calls `use(v, sums)` with Σ_b w_b · rows_b[v] of four edges for every vector v of a row, in order.
    ///
    /// - Parameter w: (4, count)
    @inline(__always)
    static func combineGroup(
        _ w: UnsafePointer<T>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int,
        _ use: (Int, _ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> Void
    ) {
        let (wa, wb, wc, wd) = (w, w + count, w + 2 &* count, w + 3 &* count)
        var v = 0
        #if SWIFTKAN_AVX512
        while v &+ 2 <= nv {
            var (a0, b0, c0, d0) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            var (a1, b1, c1, d1) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            var row = rows + v
            for b in 0..<count {
                let (r0, r1) = (row[0], row[1])
                var w = Vector(repeating: wa[b])
                a0 = T.multiplyAdd(w, r0, a0)
                a1 = T.multiplyAdd(w, r1, a1)
                w = Vector(repeating: wb[b])
                b0 = T.multiplyAdd(w, r0, b0)
                b1 = T.multiplyAdd(w, r1, b1)
                w = Vector(repeating: wc[b])
                c0 = T.multiplyAdd(w, r0, c0)
                c1 = T.multiplyAdd(w, r1, c1)
                w = Vector(repeating: wd[b])
                d0 = T.multiplyAdd(w, r0, d0)
                d1 = T.multiplyAdd(w, r1, d1)
                row += nv
            }
            use(v, a0, b0, c0, d0)
            use(v &+ 1, a1, b1, c1, d1)
            v = v &+ 2
        }
        #endif
        while v < nv {
            var (a, b, c, d) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            var row = rows + v
            for n in 0..<count {
                a = T.multiplyAdd(Vector(repeating: wa[n]), row[0], a)
                b = T.multiplyAdd(Vector(repeating: wb[n]), row[0], b)
                c = T.multiplyAdd(Vector(repeating: wc[n]), row[0], c)
                d = T.multiplyAdd(Vector(repeating: wd[n]), row[0], d)
                row += nv
            }
            use(v, a, b, c, d)
            v = v &+ 1
        }
    }

    /// z += Σ_b w_b · rows_b for four edges
    @inline(__always)
    static func addCombinations(
        _ w: UnsafePointer<T>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int, to z: Group
    ) {
        combineGroup(w, rows, count, nv) { v, a, b, c, d in
            z.a[v] += a
            z.b[v] += b
            z.c[v] += c
            z.d[v] += d
        }
    }

    /// z += Σ_e g_e · Σ_b w_eb · rows_b over four edges, one after another
    @inline(__always)
    static func addProducts(
        _ g: Group, _ w: UnsafePointer<T>, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int,
        to z: UnsafeMutablePointer<Vector>
    ) {
        combineGroup(w, rows, count, nv) { v, a, b, c, d in
            let two = T.multiplyAdd(g.b[v], b, T.multiplyAdd(g.a[v], a, z[v]))
            z[v] = T.multiplyAdd(g.d[v], d, T.multiplyAdd(g.c[v], c, two))
        }
    }

    /// dw_eb += g_e · rows_b, for four edges and every row
    ///
    /// - Parameter dw: (4, count)
    @inline(__always)
    static func addDots(
        _ g: Group, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int, to dw: UnsafeMutablePointer<T>
    ) {
        var b = 0
        #if SWIFTKAN_AVX512
        while b &+ 4 <= count {
            addFourDots(g, rows + b &* nv, count, nv, to: dw + b)
            b = b &+ 4
        }
        #endif
        while b < count {
            let row = rows + b &* nv
            var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            for v in 0..<nv {
                a0 = T.multiplyAdd(g.a[v], row[v], a0)
                a1 = T.multiplyAdd(g.b[v], row[v], a1)
                a2 = T.multiplyAdd(g.c[v], row[v], a2)
                a3 = T.multiplyAdd(g.d[v], row[v], a3)
            }
            dw[b] += T.total(a0)
            dw[count &+ b] += T.total(a1)
            dw[2 &* count &+ b] += T.total(a2)
            dw[3 &* count &+ b] += T.total(a3)
            b = b &+ 1
        }
    }

    #if SWIFTKAN_AVX512
    /// `addDots` for four rows.
    @inline(__always)
    private static func addFourDots(
        _ g: Group, _ rows: UnsafePointer<Vector>, _ count: Int, _ nv: Int, to dw: UnsafeMutablePointer<T>
    ) {
        let (r0, r1, r2, r3) = (rows, rows + nv, rows + 2 &* nv, rows + 3 &* nv)
        var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var (b0, b1, b2, b3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var (c0, c1, c2, c3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var (d0, d1, d2, d3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        for v in 0..<nv {
            let (x0, x1, x2, x3) = (r0[v], r1[v], r2[v], r3[v])
            var y = g.a[v]
            (a0, a1) = (T.multiplyAdd(y, x0, a0), T.multiplyAdd(y, x1, a1))
            (a2, a3) = (T.multiplyAdd(y, x2, a2), T.multiplyAdd(y, x3, a3))
            y = g.b[v]
            (b0, b1) = (T.multiplyAdd(y, x0, b0), T.multiplyAdd(y, x1, b1))
            (b2, b3) = (T.multiplyAdd(y, x2, b2), T.multiplyAdd(y, x3, b3))
            y = g.c[v]
            (c0, c1) = (T.multiplyAdd(y, x0, c0), T.multiplyAdd(y, x1, c1))
            (c2, c3) = (T.multiplyAdd(y, x2, c2), T.multiplyAdd(y, x3, c3))
            y = g.d[v]
            (d0, d1) = (T.multiplyAdd(y, x0, d0), T.multiplyAdd(y, x1, d1))
            (d2, d3) = (T.multiplyAdd(y, x2, d2), T.multiplyAdd(y, x3, d3))
        }
        @inline(__always)
        func add(_ edge: Int, _ x0: Vector, _ x1: Vector, _ x2: Vector, _ x3: Vector) {
            let dw = dw + edge &* count
            dw[0] += T.total(x0)
            dw[1] += T.total(x1)
            dw[2] += T.total(x2)
            dw[3] += T.total(x3)
        }
        add(0, a0, a1, a2, a3)
        add(1, b0, b1, b2, b3)
        add(2, c0, c1, c2, c3)
        add(3, d0, d1, d2, d3)
    }
    #endif
}
