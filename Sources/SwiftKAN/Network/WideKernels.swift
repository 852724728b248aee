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
        let step = basis.inputs &* WideBasis<T>.slotSize
        var (s, slots) = (0, UnsafePointer(basis.slots))
        #if SWIFTKAN_AVX512
        while s &+ 2 <= basis.samples {
            let (z0, z1) = (z + s &* vectors, z + (s &+ 1) &* vectors)
            var (a0, a1) = (VectorGroup<T>(z0, vectors), VectorGroup<T>(z1, vectors))
            var (weight, slot, first, base) = (weights, slots, UnsafePointer(basis.first + s), UnsafePointer(basis.base + s))
            for _ in 0..<basis.inputs {
                add(slot, first[0], base[0], weight, rowCount, &a0)
                add(slot + step, first[1], base[1], weight, rowCount, &a1)
                weight += rowCount &* vectors
                slot += WideBasis<T>.slotSize
                first += WideBasis<T>.capacity
                base += WideBasis<T>.capacity
            }
            a0.store(z0, vectors)
            a1.store(z1, vectors)
            slots += 2 &* step
            s = s &+ 2
        }
        #endif
        while s < basis.samples {
            let zs = z + s &* vectors
            var a = VectorGroup<T>(zs, vectors)
            var (weight, slot, first, base) = (weights, slots, UnsafePointer(basis.first + s), UnsafePointer(basis.base + s))
            for _ in 0..<basis.inputs {
                add(slot, first[0], base[0], weight, rowCount, &a)
                weight += rowCount &* vectors
                slot += WideBasis<T>.slotSize
                first += WideBasis<T>.capacity
                base += WideBasis<T>.capacity
            }
            a.store(zs, vectors)
            slots += step
            s = s &+ 1
        }
    }

    /// a += the edges of one input at a sample, by values or by slopes.
    @inline(__always)
    private static func add(
        _ value: UnsafePointer<T>, _ first: Int32, _ base: T, _ weight: UnsafePointer<Vector>, _ rowCount: Int,
        _ a: inout VectorGroup<T>
    ) {
        let (vectors, k) = (N.value, K.value)
        let row = weight + Int(first) &* vectors
        a.add(Vector(repeating: value[0]), row, vectors)
        a.add(Vector(repeating: value[1]), row + vectors, vectors)
        if k > 1 { a.add(Vector(repeating: value[2]), row + 2 &* vectors, vectors) }
        if k > 2 { a.add(Vector(repeating: value[3]), row + 3 &* vectors, vectors) }
        if k > 3 { a.add(Vector(repeating: value[4]), row + 4 &* vectors, vectors) }
        if k > 4 { a.add(Vector(repeating: value[5]), row + 5 &* vectors, vectors) }
        a.add(Vector(repeating: base), weight + (rowCount &- 1) &* vectors, vectors)
    }

    // MARK: - Gradient of the weights

    /// Does it pay to add up samples of one cell after another: `runGradient`, not `weightGradient`.
    ///
    /// Its sums fill all of 32 registers, and going from cell to cell takes as long as two or three samples.
    @inline(__always)
    static func prefersRuns(_ basis: WideBasis<T>, rowCount: Int) -> Bool {
        #if SWIFTKAN_AVX512
        let functions = rowCount &- 1 &- K.value
        return K.value <= 3 && functions <= WideBasis<T>.runFunctions && basis.samples >= 4 &* functions
        #else
        return false
        #endif
    }

    /// dw_row += Σ_s value·dz_s, input by input, samples in order.
    @inline(never)
    static func weightGradient(
        _ basis: WideBasis<T>, _ dz: UnsafePointer<Vector>, rowCount: Int,
        into gradient: UnsafeMutablePointer<Vector>
    ) {
        let (vectors, k) = (N.value, K.value)
        let step = basis.inputs &* WideBasis<T>.slotSize
        for i in 0..<basis.inputs {
            let dw = gradient + i &* (rowCount &* vectors)
            let last = dw + (rowCount &- 1) &* vectors
            let (first, values) = (basis.first + i &* WideBasis<T>.capacity, basis.base + i &* WideBasis<T>.capacity)
            var value = basis.slots + i &* WideBasis<T>.slotSize
            var base = VectorGroup<T>(last, vectors)
            for s in 0..<basis.samples {
                let row = dw + Int(first[s]) &* vectors
                let d = VectorGroup<T>(dz + s &* vectors, vectors)
                addRow(value[0], d, row, vectors)
                addRow(value[1], d, row + vectors, vectors)
                if k > 1 { addRow(value[2], d, row + 2 &* vectors, vectors) }
                if k > 2 { addRow(value[3], d, row + 3 &* vectors, vectors) }
                if k > 3 { addRow(value[4], d, row + 4 &* vectors, vectors) }
                if k > 4 { addRow(value[5], d, row + 5 &* vectors, vectors) }
                base.add(Vector(repeating: values[s]), d, vectors)
                value += step
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
        let (vectors, k) = (N.value, K.value)
        let step = basis.inputs &* WideBasis<T>.slotSize
        for i in 0..<basis.inputs {
            let dw = gradient + i &* (rowCount &* vectors)
            let last = dw + (rowCount &- 1) &* vectors
            let (run, values) = (basis.runs + i &* WideBasis<T>.runFunctions, basis.base + i &* WideBasis<T>.capacity)
            let slots = basis.slots + i &* WideBasis<T>.slotSize
            var base = VectorGroup<T>(last, vectors)
            for f in 0..<(rowCount &- 1 &- k) {
                var rest = run[f]
                if rest == 0 { continue }
                let row = dw + f &* vectors
                var (a, b) = (VectorGroup<T>(row, vectors), VectorGroup<T>(row + vectors, vectors))
                var c = k > 1 ? VectorGroup<T>(row + 2 &* vectors, vectors) : VectorGroup<T>()
                var d = k > 2 ? VectorGroup<T>(row + 3 &* vectors, vectors) : VectorGroup<T>()
                repeat {
                    let s = rest.trailingZeroBitCount
                    rest &= rest &- 1
                    let (value, z) = (slots + s &* step, VectorGroup<T>(dz + s &* vectors, vectors))
                    a.add(Vector(repeating: value[0]), z, vectors)
                    b.add(Vector(repeating: value[1]), z, vectors)
                    if k > 1 { c.add(Vector(repeating: value[2]), z, vectors) }
                    if k > 2 { d.add(Vector(repeating: value[3]), z, vectors) }
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
        var (slot, e) = (UnsafePointer(basis.slots), 0)
        for s in 0..<basis.samples {
            let d = VectorGroup<T>(dz + s &* vectors, vectors)
            var (weight, first, base) = (weights, UnsafePointer(basis.first + s), UnsafePointer(basis.base + s))
            for _ in 0..<basis.inputs {
                var a = VectorGroup<T>()
                add(slot, first[0], base[0], weight, rowCount, &a)
                pulls[e] = a.dot(d, vectors, pulls[e])
                weight += rowCount &* vectors
                slot += WideBasis<T>.slotSize
                first += WideBasis<T>.capacity
                base += WideBasis<T>.capacity
                e = e &+ 1
            }
        }
    }
}
