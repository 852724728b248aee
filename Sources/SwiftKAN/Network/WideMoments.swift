// WideMoments: means and deviations of a wide layer's edges without the edges' values, and their gradients.
//
// An edge is φ = w·v with v its input's rows: the basis functions and the base function. Over the samples, with m = Σ v and
// M = Σ v vᵀ of the input, Σ φ = w·m and Σ φ² = wᵀM w: two small arrays of an input serve all its edges, whatever their
// number. M is a band, since two basis functions more than k apart are never both non-zero, and a column for the base
// function. For a regulariser with R_s = slope·(φ - mean) at a sample,
//   dR/dw = slope·(M w - mean·m)   and   dR/dx = Σ_o slope·(φ - mean)·φ' = vᵀA v' - B·v',  A = Σ_o slope·w wᵀ, B = Σ_o slope·mean·w
//
// What it must get right, in this order:
//   1. The deviations and gradients that single edges would give (Statistics.swift, LayerBackward.swift), to rounding: sums are
//      in double precision.
//   2. Cost that does not grow with samples × edges.
//
// Only edges without a symbolic part.

final class WideMoments<T: KANScalar> {
    let inputs: Int
    let rowCount: Int
    let k: Int
    var samples = 0
    /// (inputs, rows)
    let sums: AlignedBuffer<Double>
    /// (inputs, rows, k + 2): row r's products with rows r … r + k, and with the base function
    let products: AlignedBuffer<Double>
    /// (inputs, first functions, k + 3, 8): A of the k + 1 functions and the base function, a column after another, and -B
    private let windows: AlignedBuffer<T>

    /// Numbers of an input's edges in the arrays below: the lanes of all vectors of outputs.
    let width: Int
    /// (inputs, width): see `evaluate`; lanes that stand for no output have 0
    let means, squares: AlignedBuffer<Double>
    /// (inputs, width): slopes of the pulls on edges, and memory for their penalty; see WidePenalty.swift
    let slopes, sizes: AlignedBuffer<Double>

    init(_ layer: FoldedLayer<T>) throws(KANError) {
        (rowCount, k) = (layer.wide.rowCount, layer.shape.k)
        inputs = layer.wide.inputs.count
        sums = try AlignedBuffer(count: inputs * rowCount)
        products = try AlignedBuffer(count: inputs * rowCount * (k + 2))
        width = layer.wide.vectors * T.lanes
        means = try AlignedBuffer(count: inputs * width)
        squares = try AlignedBuffer(count: inputs * width)
        slopes = try AlignedBuffer(count: inputs * width)
        sizes = try AlignedBuffer(count: inputs * width)
        windows = try AlignedBuffer(count: inputs * (rowCount - 1 - k) * (k + 3) * 8)
    }

    /// Has it room for the edges that `layer` has now.
    func fits(_ layer: FoldedLayer<T>) -> Bool {
        inputs == layer.wide.inputs.count && width == layer.wide.vectors * T.lanes
    }

    /// Forgets all samples and keeps the memory.
    func reset() {
        sums.fillWithZero()
        products.fillWithZero()
    }

    /// Adds the samples of a filled basis, whose inputs are those from number `start` on.
    func add(_ basis: WideBasis<T>, from start: Int) {
        switch k {
        case 1: add(One.self, basis, start)
        case 2: add(Two.self, basis, start)
        case 3: add(Three.self, basis, start)
        case 4: add(Four.self, basis, start)
        default: add(Five.self, basis, start)
        }
    }

    @inline(never)
    private func add<K: Constant>(_: K.Type, _ basis: WideBasis<T>, _ start: Int) {
        let functions = rowCount &- 1 &- K.value
        for i in 0..<basis.inputs {
            let m = sums.base + (start &+ i) &* rowCount
            let M = products.base + (start &+ i) &* rowCount &* (K.value &+ 2)
            if basis.hasRuns {
                let runs = basis.runs + i &* WideBasis<T>.runFunctions
                for f in 0..<functions where runs[f] != 0 {
                    var (rest, cell) = (runs[f], CellProducts<T, K>())
                    while rest != 0 { cell.add(basis.numbers(i, nextBit(&rest), k: K.value)) }
                    cell.store(f, last: rowCount &- 1, m, M)
                }
                continue
            }
            let first = basis.first + i &* WideBasis<T>.capacity
            var s = 0
            while s < basis.samples {
                let f = first[s]
                var cell = CellProducts<T, K>()
                repeat {
                    cell.add(basis.numbers(i, s, k: K.value))
                    s &+= 1
                } while s < basis.samples && first[s] == f
                cell.store(Int(f), last: rowCount &- 1, m, M)
            }
        }
    }

    /// The eight numbers from q on of input p in one of the arrays (inputs, width).
    @inline(__always)
    func eight(_ array: AlignedBuffer<Double>, _ p: Int, _ q: Int) -> UnsafeMutablePointer<SIMD8<Double>> {
        UnsafeMutableRawPointer(array.base + (p &* width &+ q)).assumingMemoryBound(to: SIMD8<Double>.self)
    }

    /// Makes A and B of input p ready for `addInputPulls`.
    func prepareInputPulls(_ layer: FoldedLayer<T>, _ p: Int) {
        let last = rowCount - 1
        ThreadMemory.with(SIMD8<Double>.self, count: rowCount * (k + 4)) { A in
            let (B, w) = (A + rowCount * (k + 2), A + rowCount * (k + 3))
            for e in 0..<(rowCount * (k + 3)) { A[e] = .zero }
            forEachEight(layer, p) { q, numbers, width in
                for r in 0...last { w[r] = T.eight(numbers + r &* width) }
                let (slope, mean) = (eight(slopes, p, q).pointee, eight(means, p, q).pointee)
                for r in 0...last {
                    let (pull, row) = (slope * w[r], A + r &* (k &+ 2))
                    var h = 0
                    while h <= k, r &+ h < last {
                        row[h] = Double.multiplyAdd(pull, w[r &+ h], row[h])
                        h &+= 1
                    }
                    row[k &+ 1] = Double.multiplyAdd(pull, w[last], row[k &+ 1])
                    B[r] = Double.multiplyAdd(pull, mean, B[r])
                }
            }
            ThreadMemory.with(Double.self, count: rowCount * (k + 3)) { a in
                for e in 0..<(rowCount * (k + 3)) { a[e] = Double.total(A[e]) }
                fillWindows(p, a, a + rowCount * (k + 2))
            }
        }
    }

    /// Writes A, a band of rows r with rows r … r + k and the last, and B to the windows of input p.
    private func fillWindows(_ p: Int, _ A: UnsafePointer<Double>, _ B: UnsafePointer<Double>) {
        let (last, functions) = (rowCount - 1, rowCount - 1 - k)
        for f in 0..<functions {
            let window = windows.base + (p * functions + f) * (k + 3) * 8
            for j in 0...k {
                for h in 0...k { window[h * 8 + j] = T(A[(f + min(j, h)) * (k + 2) + abs(j - h)]) }
                window[j * 8 + k + 1] = T(A[(f + j) * (k + 2) + k + 1])
                window[(k + 1) * 8 + j] = window[j * 8 + k + 1]
                window[(k + 2) * 8 + j] = -T(B[f + j])
            }
            window[(k + 1) * 8 + k + 1] = T(A[last * (k + 2) + k + 1])
            window[(k + 2) * 8 + k + 1] = -T(B[last])
        }
    }

    /// target_s += dR/dx of input p, number `number` of two bases of the same samples: values and derivatives.
    @inline(never)
    func addInputPulls(
        _ p: Int, _ number: Int, _ values: WideBasis<T>, _ slopes: WideBasis<T>, to target: UnsafeMutablePointer<T>
    ) {
        let (k, functions) = (k, rowCount - 1 - k)
        let all = UnsafeRawPointer(windows.base).assumingMemoryBound(to: SIMD8<T>.self) + p * functions * (k + 3)
        let first = values.first + number * WideBasis<T>.capacity
        for s in 0..<values.samples {
            let window = all + Int(first[s]) &* (k &+ 3)
            let v = values.numbers(number, s, k: k)
            var sum = window[k &+ 2]
            for h in 0..<(k &+ 2) { sum = T.multiplyAdd(window[h], SIMD8(repeating: v[h]), sum) }
            let product = T.multiplyAdd(slopes.numbers(number, s, k: k), sum, .zero)
            let four = product.lowHalf + product.highHalf
            let two = four.lowHalf + four.highHalf
            target[s] += two.x + two.y
        }
    }
}

/// The sums over samples that have the same first function: of the k + 1 functions and the base function, and of their products.
private struct CellProducts<T: KANScalar, K: Constant> {
    /// Products of all of them with one; of those behind the seventh, which k > 5 would have, there are none.
    private var columns = (
        SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero,
        SIMD8<Double>.zero
    )
    private var sums = SIMD8<Double>.zero

    @inline(__always)
    mutating func add(_ numbers: SIMD8<T>) {
        let v = T.doubles(numbers)
        columns.0 = Double.multiplyAdd(v, SIMD8(repeating: v[0]), columns.0)
        columns.1 = Double.multiplyAdd(v, SIMD8(repeating: v[1]), columns.1)
        columns.2 = Double.multiplyAdd(v, SIMD8(repeating: v[2]), columns.2)
        if K.value > 1 { columns.3 = Double.multiplyAdd(v, SIMD8(repeating: v[3]), columns.3) }
        if K.value > 2 { columns.4 = Double.multiplyAdd(v, SIMD8(repeating: v[4]), columns.4) }
        if K.value > 3 { columns.5 = Double.multiplyAdd(v, SIMD8(repeating: v[5]), columns.5) }
        if K.value > 4 { columns.6 = Double.multiplyAdd(v, SIMD8(repeating: v[6]), columns.6) }
        sums += v
    }

    /// Adds them to m and M of the input, whose base function is row `last`; f is the first function.
    @inline(__always)
    func store(_ f: Int, last: Int, _ m: UnsafeMutablePointer<Double>, _ M: UnsafeMutablePointer<Double>) {
        let (k, step) = (K.value, K.value &+ 2)
        withUnsafeBytes(of: columns) { bytes in
            guard let column = bytes.baseAddress?.assumingMemoryBound(to: Double.self) else { return }
            let base = column + (k &+ 1) &* 8
            for j in 0...K.value {
                let row = M + (f &+ j) &* step
                for h in j...K.value { row[h &- j] += column[h &* 8 &+ j] }
                row[k &+ 1] += base[j]
                m[f &+ j] += sums[j]
            }
            M[last &* step &+ k &+ 1] += base[k &+ 1]
            m[last] += sums[k &+ 1]
        }
    }
}

extension FoldedLayer {
    /// Adds a chunk's inputs over some blocks of samples to the moments.
    func addWideMoments(_ c: Int, _ w: Workspace<T>, _ blocks: [WideBlock<T>], to moments: WideMoments<T>) {
        let range = wide.inputRange(c)
        for block in blocks {
            let nv = (block.samples + T.lanes - 1) / T.lanes
            for start in stride(from: 0, to: block.samples, by: WideBasis<T>.capacity) {
                let samples = min(WideBasis<T>.capacity, block.samples - start)
                var basis = wideBasis(w, block.x, nv: nv, range, start: start, samples: samples, slopes: false)
                if shape.grid <= WideBasis<T>.runFunctions { basis.listRuns(shape.grid) }
                moments.add(basis, from: range.lowerBound)
            }
        }
    }
}
