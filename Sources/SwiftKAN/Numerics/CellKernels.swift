// CellKernels: the edges of an input at a vector of samples, each of which needs k + 1 of the edge's coefficients only.
//
// The coefficients of an edge are in one register or two, and every lane picks those of its sample's cell. That takes k + 1 multiply-adds
// with as many picks, where RowGroupKernels.swift takes G + k multiply-adds; only AVX-512 has an instruction for tables of this size.
//
// What it must get right, in this order:
//   1. The bits of `RowKernels.combine` over all rows, which adds products with zeros besides.
//   2. Four edges at a time or one: the same operations in the same order in every lane.

/// The first numbers of an edge's weights: its coefficients, and whatever stands behind them.
private struct CoefficientTable<T: KANScalar, Registers: Constant> {
    private let low, high: T.Vector

    @inline(__always)
    init(_ w: UnsafePointer<T>) {
        let raw = UnsafeRawPointer(w)
        low = raw.loadUnaligned(as: T.Vector.self)
        high = Registers.value > 1 ? (raw + MemoryLayout<T.Vector>.size).loadUnaligned(as: T.Vector.self) : low
    }

    @inline(__always)
    func pick(_ index: T.Vector) -> T.Vector { Registers.value > 1 ? T.pick(low, high, index) : T.pick(low, index) }
}

/// The k + 1 functions of every sample's cell at the samples of a row of nv vectors.
struct CellRows<T: KANScalar> {
    /// (k + 1) rows, and one of the base function
    let functions: UnsafePointer<T.Vector>
    /// (1): the number of the first function, as `T.indexes` makes it
    let first: UnsafePointer<T.Vector>
    let nv: Int
    let hasBase: Bool

    /// z += the values of four edges.
    ///
    /// - Parameters:
    ///   - w: (4, count): their weights; `Registers` vectors can be read from each edge's.
    ///   - Registers: vectors that hold the coefficients of an edge.
    @inline(__always)
    func addFour<K: Constant, Registers: Constant>(
        _: K.Type, _: Registers.Type, _ w: UnsafePointer<T>, _ count: Int, to z: RowGroup<T>
    ) {
        typealias Table = CoefficientTable<T, Registers>
        let (wa, wb, wc, wd) = (w, w + count, w + 2 &* count, w + 3 &* count)
        let (ta, tb, tc, td) = (Table(wa), Table(wb), Table(wc), Table(wd))
        let last = count &- 1
        let (la, lb) = (T.Vector(repeating: wa[last]), T.Vector(repeating: wb[last]))
        let (lc, ld) = (T.Vector(repeating: wc[last]), T.Vector(repeating: wd[last]))
        for v in 0..<nv {
            var index = first[v]
            var (a, b, c, d) = (T.Vector.zero, T.Vector.zero, T.Vector.zero, T.Vector.zero)
            var row = functions + v
            for j in 0...K.value {
                if j > 0 { index = T.next(index) }
                a = T.multiplyAdd(ta.pick(index), row[0], a)
                b = T.multiplyAdd(tb.pick(index), row[0], b)
                c = T.multiplyAdd(tc.pick(index), row[0], c)
                d = T.multiplyAdd(td.pick(index), row[0], d)
                row += nv
            }
            if hasBase {
                a = T.multiplyAdd(la, row[0], a)
                b = T.multiplyAdd(lb, row[0], b)
                c = T.multiplyAdd(lc, row[0], c)
                d = T.multiplyAdd(ld, row[0], d)
            }
            z.a[v] += a
            z.b[v] += b
            z.c[v] += c
            z.d[v] += d
        }
    }

    /// z += the values of one edge, of `count` weights.
    @inline(__always)
    func addOne<K: Constant, Registers: Constant>(
        _: K.Type, _: Registers.Type, _ w: UnsafePointer<T>, _ count: Int, to z: UnsafeMutablePointer<T.Vector>
    ) {
        let (table, last) = (CoefficientTable<T, Registers>(w), T.Vector(repeating: w[count &- 1]))
        for v in 0..<nv {
            var index = first[v]
            var (sum, row) = (T.Vector.zero, functions + v)
            for j in 0...K.value {
                if j > 0 { index = T.next(index) }
                sum = T.multiplyAdd(table.pick(index), row[0], sum)
                row += nv
            }
            if hasBase { sum = T.multiplyAdd(last, row[0], sum) }
            z[v] += sum
        }
    }
}
