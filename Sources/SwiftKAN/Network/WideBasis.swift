// WideBasis: the values of the basis functions of a few inputs at a few samples, as the wide kernels read them.
//
// What it must get right, in this order:
//   1. Next to each other in memory, in the order in which a sample passes its inputs: one stream for the kernels.
//   2. No branch that depends on the data, but for samples outside the knots and grids of very uneven cells.

/// A small number as a type: the compiler makes a copy of a function for every such number that it is called with.
protocol Constant {
    static var value: Int { get }
}
enum One: Constant { @inline(__always) static var value: Int { 1 } }
enum Two: Constant { @inline(__always) static var value: Int { 2 } }
enum Three: Constant { @inline(__always) static var value: Int { 3 } }
enum Four: Constant { @inline(__always) static var value: Int { 4 } }
enum Five: Constant { @inline(__always) static var value: Int { 5 } }

struct WideBasis<T: KANScalar> {
    /// (samples, inputs, 8): values or derivatives of the k + 1 functions, and then of the base function
    let slots: UnsafeMutablePointer<T>
    /// (samples, inputs): the first of the k + 1 functions
    let first: UnsafeMutablePointer<Int32>
    var samples = 0
    var inputs = 0

    /// Numbers kept of a sample and an input.
    static var slotSize: Int { 8 }

    /// Fills in input number `number` of splines of degree K: their values, or derivatives if `slopes`.
    ///
    /// - Parameter base: the base function, or its derivative, at the samples `x`.
    @inline(never)
    func fill<K: Constant>(
        _: K.Type, _ number: Int, _ table: LocalBSpline<T, SIMD8<T>>, _ x: UnsafePointer<T>, base: UnsafePointer<T>, slopes: Bool
    ) {
        let k = K.value
        // Copies: what stands behind a pointer might change with every store below.
        let local = LocalBSpline(
            cells: table.cells, knots: table.knots, low: table.low, high: table.high, polynomials: table.polynomials,
            inverse: table.inverse, first: table.first, buckets: table.buckets, bucketScale: table.bucketScale)
        let (step, firsts) = (inputs, first + number)
        var (e, slot) = (0, slots + number &* Self.slotSize)
        for s in 0..<samples {
            let (cell, u) = local.locate(x[s])
            UnsafeMutableRawPointer(slot).assumingMemoryBound(to: SIMD8<T>.self).pointee =
                slopes ? local.derivatives(cell, u, k: k) : local.values(cell, u, k: k)
            slot[k &+ 1] = base[s]
            firsts[e] = local.first[cell]
            e = e &+ step
            slot += step &* Self.slotSize
        }
    }
}
