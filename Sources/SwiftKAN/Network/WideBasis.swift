// WideBasis: the values of the basis functions of a few inputs at a few samples, as the wide kernels read them.
//
// What it must get right, in this order:
//   1. Everything is a row over the samples: a row for each of an input's k + 1 functions, for its base function and for the number of the
//      first function. Rows have one length, so that the kernels find all of a sample's numbers from one address. They are made in vectors,
//      but for the functions of builds and grids that have no tables (CellTables.swift).
//   2. No branch that depends on the data, but for grids of very many or very uneven cells and samples outside the knots.

struct WideBasis<T: KANScalar> {
    /// (inputs, 6, capacity): values or derivatives of the k + 1 functions
    let functions: UnsafeMutablePointer<T>
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
    /// Are the runs listed.
    private(set) var hasRuns = false

    /// Rows of functions that an input has room for: k ≤ 5.
    static var functionRows: Int { 6 }
    /// Numbers from an input's first function to the next input's.
    static var inputStep: Int { functionRows * capacity }
    /// Samples and inputs that there is room for. A sample is a bit of a run.
    static var capacity: Int { 4 * T.lanes }
    static var maxInputs: Int { 8 }
    /// Most functions that runs are listed of.
    static var runFunctions: Int { 16 }

    /// Vectors of memory that a basis needs.
    static var vectorCount: Int {
        let integers = (maxInputs + 1) * capacity / T.lanes + maxInputs * runFunctions * 8 / MemoryLayout<T.Vector>.stride
        return (maxInputs * (functionRows + 1) + 1) * capacity / T.lanes + integers
    }

    init(memory: UnsafeMutablePointer<T.Vector>) {
        var next = UnsafeMutableRawPointer(memory)
        func take<E>(_ count: Int, _: E.Type) -> UnsafeMutablePointer<E> {
            defer { next += count * MemoryLayout<E>.stride }
            return next.assumingMemoryBound(to: E.self)
        }
        functions = take(Self.maxInputs * Self.inputStep, T.self)
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
        let (firsts, rows) = (first + number &* Self.capacity, functions + number &* Self.inputStep)
        @inline(__always)
        func set(_ s: Int, _ cell: Int, _ u: T) {
            let values = slopes ? local.derivatives(cell, u, k: k) : local.values(cell, u, k: k)
            let row = rows + s
            row[0] = values[0]
            row[Self.capacity] = values[1]
            if k > 1 { row[2 &* Self.capacity] = values[2] }
            if k > 2 { row[3 &* Self.capacity] = values[3] }
            if k > 3 { row[4 &* Self.capacity] = values[4] }
            if k > 4 { row[5 &* Self.capacity] = values[5] }
        }
        guard local.cells <= searchedCells, local.bucketScale > 0 else {
            let numbers = UnsafeRawPointer(x).assumingMemoryBound(to: T.self)
            for s in 0..<samples {
                let (cell, u) = local.locate(numbers[s])
                set(s, cell, u)
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
            let target = UnsafeMutableRawPointer(rows + e).assumingMemoryBound(to: T.Vector.self)
            let step = Self.capacity / T.lanes
            if entries == Sixteen.value {
                T.lookUpFunctions(
                    K.self, Sixteen.self, local.tables, cells + e, vectors[v], slopes: slopes, into: target, step: step)
            } else {
                T.lookUpFunctions(
                    K.self, ThirtyTwo.self, local.tables, cells + e, vectors[v], slopes: slopes, into: target, step: step)
            }
        }
        if k <= 3, entries > 0 { return }
        for s in 0..<samples {
            let cell = Int(cells[s])
            set(s, cell, (places[s] - local.knots[cell]) * local.inverse[cell])
        }
    }

    /// The k + 1 functions of input number `number` at sample s, and the base function; zeros behind them.
    @inline(__always)
    func numbers(_ number: Int, _ s: Int, k: Int) -> SIMD8<T> {
        let (row, last) = (functions + (number &* Self.inputStep &+ s), base[number &* Self.capacity &+ s])
        @inline(__always)
        func lane(_ j: Int) -> T { j <= k ? row[j &* Self.capacity] : (j == k &+ 1 ? last : 0) }
        return SIMD8(lane(0), lane(1), lane(2), lane(3), lane(4), lane(5), k == 5 ? last : 0, 0)
    }

    /// Can the kernels that take a cell's samples one after another be used: a cell's weights fill 20 of 32 registers.
    @inline(__always)
    static func hasRunKernels(k: Int) -> Bool {
        #if SWIFTKAN_AVX512
        return k <= 3
        #else
        return false
        #endif
    }

    /// Do they pay: going from cell to cell takes as long as two or three samples.
    @inline(__always)
    static func runsPay(functions: Int, k: Int, samples: Int) -> Bool {
        hasRunKernels(k: k) && functions <= runFunctions && samples >= 4 * functions
    }

    /// Lists the runs of all inputs, which have `functions` first functions, at most `runFunctions`.
    @inline(never)
    mutating func listRuns(_ functions: Int) {
        hasRuns = true
        for i in 0..<inputs {
            SwiftKAN.listRuns(first + i &* Self.capacity, samples, functions: functions, into: runs + i &* Self.runFunctions)
        }
    }
}
