// WideBasis: the values of the basis functions of a few inputs at a few samples, as the wide kernels read them.
//
// What it must get right, in this order:
//   1. The k + 1 values of a sample and input next to each other, in the order in which a sample passes its inputs: one stream for the
//      kernels. Everything else of an input is a row over the samples, made in vectors.
//   2. No branch that depends on the data, but for grids of very many or very uneven cells and samples outside the knots.

struct WideBasis<T: KANScalar> {
    /// (samples, inputs, 8): values or derivatives of the k + 1 functions, and zeros (for k > 3, NaN where x is)
    let slots: UnsafeMutablePointer<T>
    /// (inputs, capacity): the base function or its derivative
    let base: UnsafeMutablePointer<T>
    /// (inputs, capacity): the first of the k + 1 functions
    let first: UnsafeMutablePointer<Int32>
    /// (inputs, runFunctions): for every first function the samples that have it, as bits; where there are few functions
    let runs: UnsafeMutablePointer<UInt64>
    /// (capacity): the cells of the input at hand, and its numbers moved to between the knots
    private let cells: UnsafeMutablePointer<Int32>
    private let places: UnsafeMutablePointer<T>
    var samples = 0
    var inputs = 0

    /// Numbers kept of a sample and an input.
    static var slotSize: Int { 8 }
    /// Samples and inputs that there is room for. A sample is a bit of a run.
    static var capacity: Int { 4 * T.lanes }
    static var maxInputs: Int { 8 }
    /// Most functions that runs are listed of.
    static var runFunctions: Int { 16 }

    /// Vectors of memory that a basis needs.
    static var vectorCount: Int {
        let integers = (maxInputs + 1) * capacity / T.lanes + maxInputs * runFunctions * 8 / MemoryLayout<T.Vector>.stride
        return (maxInputs * (slotSize + 1) + 1) * capacity / T.lanes + integers
    }

    init(memory: UnsafeMutablePointer<T.Vector>) {
        var next = UnsafeMutableRawPointer(memory)
        func take<E>(_ count: Int, _: E.Type) -> UnsafeMutablePointer<E> {
            defer { next += count * MemoryLayout<E>.stride }
            return next.assumingMemoryBound(to: E.self)
        }
        slots = take(Self.maxInputs * Self.capacity * Self.slotSize, T.self)
        base = take(Self.maxInputs * Self.capacity, T.self)
        places = take(Self.capacity, T.self)
        first = take(Self.maxInputs * Self.capacity, Int32.self)
        cells = take(Self.capacity, Int32.self)
        runs = take(Self.maxInputs * Self.runFunctions, UInt64.self)
    }

    /// Fills in input number `number` of splines of degree K: their values, or derivatives if `slopes`.
    ///
    /// - Parameters:
    ///   - entries: of the rows of `table`'s tables, or 0.
    ///   - x: the samples' numbers, and any in the lanes up to a whole vector.
    @inline(never)
    func fill<K: Constant>(
        _: K.Type, _ number: Int, _ table: LocalBSpline<T, SIMD8<T>>, entries: Int, _ x: UnsafePointer<T.Vector>, slopes: Bool
    ) {
        let k = K.value
        // Copies: what stands behind a pointer might change with every store below.
        let local = LocalBSpline(
            cells: table.cells, knots: table.knots, low: table.low, high: table.high, polynomials: table.polynomials,
            inverse: table.inverse, first: table.first, buckets: table.buckets, bucketScale: table.bucketScale, tables: table.tables)
        let (firsts, step) = (first + number &* Self.capacity, inputs &* Self.slotSize)
        var slot = slots + number &* Self.slotSize
        @inline(__always)
        func set(_ cell: Int, _ u: T) {
            var functions = slopes ? local.derivatives(cell, u, k: k) : local.values(cell, u, k: k)
            // Tables write four lanes: a NaN must not stay behind in the others.
            if k <= 3 { functions.highHalf = .zero }
            UnsafeMutableRawPointer(slot).assumingMemoryBound(to: SIMD8<T>.self).pointee = functions
            slot += step
        }
        guard local.cells <= searchedCells, local.bucketScale > 0 else {
            let numbers = UnsafeRawPointer(x).assumingMemoryBound(to: T.self)
            for s in 0..<samples {
                let (cell, u) = local.locate(numbers[s])
                set(cell, u)
                firsts[s] = local.first[cell]
            }
            return
        }
        let vectors = UnsafeMutableRawPointer(places).assumingMemoryBound(to: T.Vector.self)
        for v in 0..<((samples &+ T.lanes &- 1) / T.lanes) {
            let e = v &* T.lanes
            vectors[v] = T.clamp(x[v], local.low, local.high)
            T.findCells(x[v], local.knots, cells: local.cells, k: k, first: firsts + e, cell: cells + e)
            if k > 3 || entries == 0 { continue }
            if entries == Sixteen.value {
                T.fillSlots(K.self, Sixteen.self, local.tables, cells + e, vectors[v], slopes: slopes, into: slot + e &* step, step: step)
            } else {
                T.fillSlots(K.self, ThirtyTwo.self, local.tables, cells + e, vectors[v], slopes: slopes, into: slot + e &* step, step: step)
            }
        }
        if k <= 3, entries > 0 { return }
        for s in 0..<samples {
            let cell = Int(cells[s])
            set(cell, (places[s] - local.knots[cell]) * local.inverse[cell])
        }
    }

    /// Lists the runs of all inputs, which have `functions` first functions.
    @inline(never)
    func listRuns(_ functions: Int) {
        for i in 0..<inputs {
            let (run, first) = (runs + i &* Self.runFunctions, first + i &* Self.capacity)
            for f in 0..<functions { run[f] = 0 }
            for s in 0..<samples {
                let f = Int(first[s])
                run[f] |= 1 &<< UInt64(truncatingIfNeeded: s)
            }
        }
    }
}
