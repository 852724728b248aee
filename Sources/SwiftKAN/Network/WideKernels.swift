// WideKernels: the three inner loops of the wide form: forward, gradient of the weights, gradient of the inputs.
//
// What it must get right, in this order:
//   1. A sample's result does not depend on its neighbours: the same operations in the same order for every sample, whether
//      one or two are at hand.
//   2. Outputs stay in registers while a sample passes several inputs, or a cell's weights while its samples pass; two samples at once
//      where there are 32 registers of a whole vector each, since one alone waits for the latency of its multiply-adds.
//   3. No test, no multiplication and no overflow check per weight: number of vectors and k are constants in every copy.
//
// A group is 1 … 4 vectors of outputs. Weights of a group stand as (inputs, rows, vectors), z and dz as (samples, vectors).
// For values, base function and first rows see WideBasis.swift.

/// The kernels for groups of N vectors and splines of degree K.
enum WideKernels<T: KANScalar, N: Constant, K: Constant> {
    typealias Vector = T.Vector

    // MARK: - Forward

    /// z_s += Σ_i Σ_row value·weight
    ///
    /// - Parameter rowCount: rows of an input's weights; the last is the base function's.
    @inline(never)
    static func forward(
        _ basis: WideBasis<T>, _ weights: UnsafePointer<Vector>, rowCount: Int,
        into z: UnsafeMutablePointer<Vector>
    ) {
        let vectors = N.value
        var s = 0
        #if SWIFTKAN_AVX512
        while s &+ 2 <= basis.samples {
            let (z0, z1) = (z + s &* vectors, z + (s &+ 1) &* vectors)
            var (a0, a1) = (VectorGroup<T>(z0, vectors), VectorGroup<T>(z1, vectors))
            var (weight, value, first, base) = (weights, basis.functions + s, basis.first + s, basis.base + s)
            for _ in 0..<basis.inputs {
                add(value, first[0], base[0], weight, rowCount, &a0)
                add(value + 1, first[1], base[1], weight, rowCount, &a1)
                weight += rowCount &* vectors
                value += WideBasis<T>.inputStep
                first += WideBasis<T>.capacity
                base += WideBasis<T>.capacity
            }
            a0.store(z0, vectors)
            a1.store(z1, vectors)
            s = s &+ 2
        }
        #endif
        while s < basis.samples {
            let zs = z + s &* vectors
            var a = VectorGroup<T>(zs, vectors)
            var (weight, value, first, base) = (weights, basis.functions + s, basis.first + s, basis.base + s)
            for _ in 0..<basis.inputs {
                add(value, first[0], base[0], weight, rowCount, &a)
                weight += rowCount &* vectors
                value += WideBasis<T>.inputStep
                first += WideBasis<T>.capacity
                base += WideBasis<T>.capacity
            }
            a.store(zs, vectors)
            s = s &+ 1
        }
    }

    /// The same bits, input by input and cell by cell: a cell's weights stay in registers while its samples pass, whose z is read and
    /// written for every input instead. The 20 multiply-adds of a sample (k = 3, 4 vectors) need 9 loads and 4 stores; above, 24 loads.
    /// Needs the basis' runs, and k ≤ 3.
    @inline(never)
    static func runForward(
        _ basis: WideBasis<T>, _ weights: UnsafePointer<Vector>, rowCount: Int,
        into z: UnsafeMutablePointer<Vector>
    ) {
        let (vectors, k, next) = (N.value, K.value, WideBasis<T>.capacity)
        for i in 0..<basis.inputs {
            let weight = weights + i &* (rowCount &* vectors)
            let (functions, values) = (basis.functions + i &* WideBasis<T>.inputStep, basis.base + i &* WideBasis<T>.capacity)
            let run = basis.runs + i &* WideBasis<T>.runFunctions
            let base = VectorGroup<T>(weight + (rowCount &- 1) &* vectors, vectors)
            for f in 0..<(rowCount &- 1 &- k) {
                var rest = run[f]
                if rest == 0 { continue }
                let row = weight + f &* vectors
                let (a, b) = (VectorGroup<T>(row, vectors), VectorGroup<T>(row + vectors, vectors))
                let c = k > 1 ? VectorGroup<T>(row + 2 &* vectors, vectors) : VectorGroup<T>()
                let d = k > 2 ? VectorGroup<T>(row + 3 &* vectors, vectors) : VectorGroup<T>()
                if rest.nonzeroBitCount & 1 == 1 {
                    let s = nextBit(&rest)
                    let (value, z0) = (functions + s, z + s &* vectors)
                    var a0 = VectorGroup<T>(z0, vectors)
                    a0.add(Vector(repeating: value[0]), a, vectors)
                    a0.add(Vector(repeating: value[next]), b, vectors)
                    if k > 1 { a0.add(Vector(repeating: value[2 &* next]), c, vectors) }
                    if k > 2 { a0.add(Vector(repeating: value[3 &* next]), d, vectors) }
                    a0.add(Vector(repeating: values[s]), base, vectors)
                    a0.store(z0, vectors)
                }
                while rest != 0 {
                    let (s, t) = (nextBit(&rest), nextBit(&rest))
                    let (v0, v1, z0, z1) = (functions + s, functions + t, z + s &* vectors, z + t &* vectors)
                    var (a0, a1) = (VectorGroup<T>(z0, vectors), VectorGroup<T>(z1, vectors))
                    a0.add(Vector(repeating: v0[0]), a, vectors)
                    a1.add(Vector(repeating: v1[0]), a, vectors)
                    a0.add(Vector(repeating: v0[next]), b, vectors)
                    a1.add(Vector(repeating: v1[next]), b, vectors)
                    if k > 1 {
                        a0.add(Vector(repeating: v0[2 &* next]), c, vectors)
                        a1.add(Vector(repeating: v1[2 &* next]), c, vectors)
                    }
                    if k > 2 {
                        a0.add(Vector(repeating: v0[3 &* next]), d, vectors)
                        a1.add(Vector(repeating: v1[3 &* next]), d, vectors)
                    }
                    a0.add(Vector(repeating: values[s]), base, vectors)
                    a1.add(Vector(repeating: values[t]), base, vectors)
                    a0.store(z0, vectors)
                    a1.store(z1, vectors)
                }
            }
        }
    }

    /// a += the edges of one input at a sample, by values or by slopes.
    @inline(__always)
    private static func add(
        _ value: UnsafePointer<T>, _ first: Int32, _ base: T, _ weight: UnsafePointer<Vector>, _ rowCount: Int,
        _ a: inout VectorGroup<T>
    ) {
        let (vectors, k, next) = (N.value, K.value, WideBasis<T>.capacity)
        let row = weight + Int(first) &* vectors
        a.add(Vector(repeating: value[0]), row, vectors)
        a.add(Vector(repeating: value[next]), row + vectors, vectors)
        if k > 1 { a.add(Vector(repeating: value[2 &* next]), row + 2 &* vectors, vectors) }
        if k > 2 { a.add(Vector(repeating: value[3 &* next]), row + 3 &* vectors, vectors) }
        if k > 3 { a.add(Vector(repeating: value[4 &* next]), row + 4 &* vectors, vectors) }
        if k > 4 { a.add(Vector(repeating: value[5 &* next]), row + 5 &* vectors, vectors) }
        a.add(Vector(repeating: base), weight + (rowCount &- 1) &* vectors, vectors)
    }

    // MARK: - Gradient of the weights

    /// dw_row += Σ_s value·dz_s, input by input, samples in order.
    @inline(never)
    static func weightGradient(
        _ basis: WideBasis<T>, _ dz: UnsafePointer<Vector>, rowCount: Int,
        into gradient: UnsafeMutablePointer<Vector>
    ) {
        let (vectors, k, next) = (N.value, K.value, WideBasis<T>.capacity)
        for i in 0..<basis.inputs {
            let dw = gradient + i &* (rowCount &* vectors)
            let last = dw + (rowCount &- 1) &* vectors
            let (first, values) = (basis.first + i &* WideBasis<T>.capacity, basis.base + i &* WideBasis<T>.capacity)
            let functions = basis.functions + i &* WideBasis<T>.inputStep
            var base = VectorGroup<T>(last, vectors)
            for s in 0..<basis.samples {
                let value = functions + s
                let row = dw + Int(first[s]) &* vectors
                let d = VectorGroup<T>(dz + s &* vectors, vectors)
                addRow(value[0], d, row, vectors)
                addRow(value[next], d, row + vectors, vectors)
                if k > 1 { addRow(value[2 &* next], d, row + 2 &* vectors, vectors) }
                if k > 2 { addRow(value[3 &* next], d, row + 3 &* vectors, vectors) }
                if k > 3 { addRow(value[4 &* next], d, row + 4 &* vectors, vectors) }
                if k > 4 { addRow(value[5 &* next], d, row + 5 &* vectors, vectors) }
                base.add(Vector(repeating: values[s]), d, vectors)
            }
            base.store(last, vectors)
        }
    }

    /// The same, cell by cell: the rows of a cell stay in registers while its samples pass. Needs the basis' runs, and k ≤ 3.
    @inline(never)
    static func runGradient(
        _ basis: WideBasis<T>, _ dz: UnsafePointer<Vector>, rowCount: Int,
        into gradient: UnsafeMutablePointer<Vector>
    ) {
        let (vectors, k, next) = (N.value, K.value, WideBasis<T>.capacity)
        for i in 0..<basis.inputs {
            let dw = gradient + i &* (rowCount &* vectors)
            let last = dw + (rowCount &- 1) &* vectors
            let (run, values) = (basis.runs + i &* WideBasis<T>.runFunctions, basis.base + i &* WideBasis<T>.capacity)
            let functions = basis.functions + i &* WideBasis<T>.inputStep
            var base = VectorGroup<T>(last, vectors)
            for f in 0..<(rowCount &- 1 &- k) {
                var rest = run[f]
                if rest == 0 { continue }
                let row = dw + f &* vectors
                var (a, b) = (VectorGroup<T>(row, vectors), VectorGroup<T>(row + vectors, vectors))
                var c = k > 1 ? VectorGroup<T>(row + 2 &* vectors, vectors) : VectorGroup<T>()
                var d = k > 2 ? VectorGroup<T>(row + 3 &* vectors, vectors) : VectorGroup<T>()
                repeat {
                    let s = nextBit(&rest)
                    let (value, z) = (functions + s, VectorGroup<T>(dz + s &* vectors, vectors))
                    a.add(Vector(repeating: value[0]), z, vectors)
                    b.add(Vector(repeating: value[next]), z, vectors)
                    if k > 1 { c.add(Vector(repeating: value[2 &* next]), z, vectors) }
                    if k > 2 { d.add(Vector(repeating: value[3 &* next]), z, vectors) }
                    base.add(Vector(repeating: values[s]), z, vectors)
                } while rest != 0
                a.store(row, vectors)
                b.store(row + vectors, vectors)
                if k > 1 { c.store(row + 2 &* vectors, vectors) }
                if k > 2 { d.store(row + 3 &* vectors, vectors) }
            }
            base.store(last, vectors)
        }
    }

    @inline(__always)
    private static func addRow(_ v: T, _ d: VectorGroup<T>, _ row: UnsafeMutablePointer<Vector>, _ vectors: Int) {
        var sum = VectorGroup<T>(row, vectors)
        sum.add(Vector(repeating: v), d, vectors)
        sum.store(row, vectors)
    }

    // MARK: - Gradient of the inputs

    /// pulls_si += Σ_o dz_so · dφ_io/dx, whose lanes are yet to be summed up.
    ///
    /// - Parameter pulls: (samples, inputs)
    @inline(never)
    static func inputGradient(
        _ basis: WideBasis<T>, _ dz: UnsafePointer<Vector>, _ weights: UnsafePointer<Vector>, rowCount: Int,
        into pulls: UnsafeMutablePointer<Vector>
    ) {
        let vectors = N.value
        var e = 0
        for s in 0..<basis.samples {
            let d = VectorGroup<T>(dz + s &* vectors, vectors)
            var (weight, value, first, base) = (weights, basis.functions + s, basis.first + s, basis.base + s)
            for _ in 0..<basis.inputs {
                var a = VectorGroup<T>()
                add(value, first[0], base[0], weight, rowCount, &a)
                pulls[e] = a.dot(d, vectors, pulls[e])
                weight += rowCount &* vectors
                value += WideBasis<T>.inputStep
                first += WideBasis<T>.capacity
                base += WideBasis<T>.capacity
                e = e &+ 1
            }
        }
    }
}
