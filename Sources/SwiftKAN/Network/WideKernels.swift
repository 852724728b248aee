// WideKernels: the three inner loops of the wide form: forward, gradient of the weights, gradient of the inputs.
//
// What it must get right, in this order:
//   1. A sample's result does not depend on its neighbours: the same operations in the same order for every sample, whether
//      one or two are at hand.
//   2. Outputs stay in registers while a sample passes several inputs; two samples at once where there are 32 registers of a
//      whole vector each, since one alone waits for the latency of its multiply-adds.
//   3. No test, no multiplication and no overflow check per weight: number of vectors and k are constants in every copy.
//
// A group is 1 … 4 vectors of outputs. Weights of a group stand as (inputs, rows, vectors), z and dz as (samples, vectors).
// Of a sample and an input, `slots` holds the k + 1 values and then the base function's, 8 numbers in all; `first` the first
// of the k + 1 rows. Both stand as (samples, inputs).

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
            var weight = weights
            var e0 = s &* basis.inputs
            var e1 = e0 &+ basis.inputs
            for _ in 0..<basis.inputs {
                add(basis, e0, weight, rowCount, &a0)
                add(basis, e1, weight, rowCount, &a1)
                weight += rowCount &* vectors
                e0 = e0 &+ 1
                e1 = e1 &+ 1
            }
            a0.store(z0, vectors)
            a1.store(z1, vectors)
            s = s &+ 2
        }
        #endif
        while s < basis.samples {
            let zs = z + s &* vectors
            var a = VectorGroup<T>(zs, vectors)
            var weight = weights
            var e = s &* basis.inputs
            for _ in 0..<basis.inputs {
                add(basis, e, weight, rowCount, &a)
                weight += rowCount &* vectors
                e = e &+ 1
            }
            a.store(zs, vectors)
            s = s &+ 1
        }
    }

    /// a += the edges of one input at the sample and input number e, by values or by slopes.
    @inline(__always)
    private static func add(
        _ basis: WideBasis<T>, _ e: Int, _ weight: UnsafePointer<Vector>, _ rowCount: Int, _ a: inout VectorGroup<T>
    ) {
        let (vectors, k) = (N.value, K.value)
        let value = basis.slots + e &* WideBasis<T>.slotSize
        let row = weight + Int(basis.first[e]) &* vectors
        a.add(Vector(repeating: value[0]), row, vectors)
        a.add(Vector(repeating: value[1]), row + vectors, vectors)
        if k > 1 { a.add(Vector(repeating: value[2]), row + 2 &* vectors, vectors) }
        if k > 2 { a.add(Vector(repeating: value[3]), row + 3 &* vectors, vectors) }
        if k > 3 { a.add(Vector(repeating: value[4]), row + 4 &* vectors, vectors) }
        if k > 4 { a.add(Vector(repeating: value[5]), row + 5 &* vectors, vectors) }
        a.add(Vector(repeating: value[k &+ 1]), weight + (rowCount &- 1) &* vectors, vectors)
    }

    // MARK: - Gradient of the weights

    /// dw_row += Σ_s value·dz_s, input by input, samples in order.
    @inline(never)
    static func weightGradient(
        _ basis: WideBasis<T>, _ dz: UnsafePointer<Vector>, rowCount: Int,
        into gradient: UnsafeMutablePointer<Vector>
    ) {
        let (vectors, k) = (N.value, K.value)
        for i in 0..<basis.inputs {
            let dw = gradient + i &* (rowCount &* vectors)
            let last = dw + (rowCount &- 1) &* vectors
            var base = VectorGroup<T>(last, vectors)
            for s in 0..<basis.samples {
                let e = s &* basis.inputs &+ i
                let value = basis.slots + e &* WideBasis<T>.slotSize
                let row = dw + Int(basis.first[e]) &* vectors
                let d = VectorGroup<T>(dz + s &* vectors, vectors)
                addRow(value[0], d, row, vectors)
                addRow(value[1], d, row + vectors, vectors)
                if k > 1 { addRow(value[2], d, row + 2 &* vectors, vectors) }
                if k > 2 { addRow(value[3], d, row + 3 &* vectors, vectors) }
                if k > 3 { addRow(value[4], d, row + 4 &* vectors, vectors) }
                if k > 4 { addRow(value[5], d, row + 5 &* vectors, vectors) }
                base.add(Vector(repeating: value[k &+ 1]), d, vectors)
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
        for s in 0..<basis.samples {
            let d = VectorGroup<T>(dz + s &* vectors, vectors)
            var weight = weights
            for i in 0..<basis.inputs {
                let e = s &* basis.inputs &+ i
                var a = VectorGroup<T>()
                add(basis, e, weight, rowCount, &a)
                pulls[e] = a.dot(d, vectors, pulls[e])
                weight += rowCount &* vectors
            }
        }
    }
}
