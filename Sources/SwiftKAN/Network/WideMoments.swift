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

/// Eight edges of an input: those from number `first` on, `lane` and following of the vectors of a group.
private struct EightEdges {
    let first, group, lane: Int
}

final class WideMoments<T: KANScalar> {
    let inputs: Int
    let rowCount: Int
    let k: Int
    var samples = 0
    /// (inputs, rows)
    private let sums: AlignedBuffer<Double>
    /// (inputs, rows, k + 2): row r's products with rows r … r + k, and with the base function
    private let products: AlignedBuffer<Double>
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

    /// Doubles that the windows of `inputs` inputs take.
    func windowCount(_ inputs: Int) -> Int { inputs * (rowCount - 1 - k) * (k + 3) * 8 }

    /// Adds the samples of a filled basis to windows, (inputs, first functions, k + 3, 8) numbers: with v' the values of the k + 1
    /// functions and the base function, the products of v' with each number of v', and v' itself.
    @inline(never)
    func add(_ basis: WideBasis<T>, to windows: UnsafeMutablePointer<Double>) {
        let (k, functions) = (k, rowCount - 1 - k)
        let all = UnsafeMutableRawPointer(windows).assumingMemoryBound(to: SIMD8<Double>.self)
        for i in 0..<basis.inputs {
            let first = basis.first + i &* WideBasis<T>.capacity
            let window = all + i &* functions &* (k &+ 3)
            for s in 0..<basis.samples {
                let v = T.doubles(basis.numbers(i, s, k: k))
                let target = window + Int(first[s]) &* (k &+ 3)
                for h in 0..<(k &+ 2) { target[h] = Double.multiplyAdd(v, SIMD8(repeating: v[h]), target[h]) }
                target[k &+ 2] += v
            }
        }
    }

    /// Adds windows to the sums of inputs `range`.
    func merge(_ windows: UnsafePointer<Double>, _ range: Range<Int>) {
        let functions = rowCount - 1 - k
        for (number, p) in range.enumerated() {
            let m = sums.base + p * rowCount
            let M = products.base + p * rowCount * (k + 2)
            for f in 0..<functions {
                let window = windows + (number * functions + f) * (k + 3) * 8
                for j in 0...k {
                    let target = M + (f + j) * (k + 2)
                    for h in j...k { target[h - j] += window[h * 8 + j] }
                    target[k + 1] += window[(k + 1) * 8 + j]
                    m[f + j] += window[(k + 2) * 8 + j]
                }
                m[rowCount - 1] += window[(k + 2) * 8 + k + 1]
                M[rowCount * (k + 2) - 1] += window[(k + 1) * 8 + k + 1]
            }
        }
    }

    /// Calls `body(r, (M w)_r)` for every row r of input p and eight of its edges, whose rows of weights are w.
    @inline(__always)
    private func multiply(_ p: Int, _ w: UnsafePointer<SIMD8<Double>>, _ body: (Int, SIMD8<Double>) -> Void) {
        let (last, step, M) = (rowCount &- 1, k &+ 2, products.base + p * rowCount * (k + 2))
        var base = w[last] * M[last &* step &+ k &+ 1]
        for r in 0..<last {
            let row = M + r &* step
            var sum = Double.multiplyAdd(w[last], SIMD8(repeating: row[k &+ 1]), w[r] * row[0])
            var h = 1
            while h <= k, r &+ h < last {
                sum = Double.multiplyAdd(w[r &+ h], SIMD8(repeating: row[h]), sum)
                h &+= 1
            }
            h = 1
            while h <= k, h <= r {
                sum = Double.multiplyAdd(w[r &- h], SIMD8(repeating: row[h &- h &* step]), sum)
                h &+= 1
            }
            base = Double.multiplyAdd(w[r], SIMD8(repeating: row[k &+ 1]), base)
            body(r, sum)
        }
        body(last, base)
    }

    /// Calls `body(edges, w)` for all edges of input p, eight at a time: which they are, and their rows of weights.
    @inline(__always)
    private func forEachEight(_ layer: FoldedLayer<T>, _ p: Int, _ body: (EightEdges, UnsafePointer<SIMD8<Double>>) -> Void) {
        withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: rowCount) { memory in
            guard let w = memory.baseAddress else { return }
            for g in 0..<layer.wide.groups {
                let (start, step) = (layer.wide.start(g) * T.lanes, layer.wide.width(g) * T.lanes)
                let source = UnsafeRawPointer(layer.wideWeights(g, p)).assumingMemoryBound(to: T.self)
                for lane in stride(from: 0, to: step, by: 8) {
                    for r in 0..<rowCount {
                        w[r] = T.doubles(UnsafeRawPointer(source + (r &* step &+ lane)).loadUnaligned(as: SIMD8<T>.self))
                    }
                    body(EightEdges(first: start + lane, group: g, lane: lane), w)
                }
            }
        }
    }

    /// The eight numbers from q on of input p in one of the arrays (inputs, width).
    @inline(__always)
    func eight(_ array: AlignedBuffer<Double>, _ p: Int, _ q: Int) -> UnsafeMutablePointer<SIMD8<Double>> {
        UnsafeMutableRawPointer(array.base + (p &* width &+ q)).assumingMemoryBound(to: SIMD8<Double>.self)
    }

    /// Below this part of (Σ_r |w_r|·√M_rr)², which Σ φ² cannot exceed, Σ (φ - mean)² is rounding: that of its own terms, or a deviation
    /// that φ in numbers of type T does not resolve. The pull on an input divides by the deviation, which would blow it up.
    private var rounding: Double {
        max(max(64, Double(samples).squareRoot()) * Double.ulpOfOne, 256 * Double(T.ulpOfOne) * Double(T.ulpOfOne))
    }

    /// Means and sums of squared deviations of all edges of input p, into `means` and `squares`.
    func evaluate(_ layer: FoldedLayer<T>, _ p: Int) {
        let (m, n, rounding) = (sums.base + p * rowCount, Double(samples), rounding)
        let M = products.base + p * rowCount * (k + 2)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: rowCount) { memory in
            guard let root = memory.baseAddress else { return }
            for r in 0..<rowCount { root[r] = M[r * (k + 2) + (r == rowCount - 1 ? k + 1 : 0)].squareRoot() }
            forEachEight(layer, p) { edges, w in
                let q = edges.first
                var (mean, square, size) = (SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero)
                multiply(p, w) { r, product in
                    mean = Double.multiplyAdd(w[r], SIMD8(repeating: m[r]), mean)
                    square = Double.multiplyAdd(w[r], product, square)
                    size = Double.multiplyAdd(w[r].replacing(with: -w[r], where: w[r] .< 0), SIMD8(repeating: root[r]), size)
                }
                let rest = square - mean * mean / n
                eight(squares, p, q).pointee = rest.replacing(with: 0, where: rest .<= size * size * rounding)
                eight(means, p, q).pointee = mean / n
            }
        }
    }

    /// Adds dR/dw of input p to the gradient of the weights of `count` inputs, of which it is number `number`: see `unfoldWide`.
    func addWeightPulls(
        _ layer: FoldedLayer<T>, _ p: Int, number: Int, of count: Int, to gradient: UnsafeMutablePointer<T.Vector>
    ) {
        let m = sums.base + p * rowCount
        forEachEight(layer, p) { edges, w in
            let (start, width) = (layer.wide.start(edges.group), layer.wide.width(edges.group))
            let target = UnsafeMutableRawPointer(gradient + rowCount * (start * count + number * width))
                .assumingMemoryBound(to: T.self) + edges.lane
            let (slope, mean) = (eight(slopes, p, edges.first).pointee, eight(means, p, edges.first).pointee)
            multiply(p, w) { r, product in
                let row = UnsafeMutableRawPointer(target + r &* width &* T.lanes)
                let pull = T.numbers(slope * (product - mean * m[r]))
                row.storeBytes(of: row.loadUnaligned(as: SIMD8<T>.self) + pull, as: SIMD8<T>.self)
            }
        }
    }

    /// Makes A and B of input p ready for `addInputPulls`.
    func prepareInputPulls(_ layer: FoldedLayer<T>, _ p: Int) {
        let last = rowCount - 1
        withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: rowCount * (k + 3)) { memory in
            guard let A = memory.baseAddress else { return }
            let B = A + rowCount * (k + 2)
            for e in 0..<(rowCount * (k + 3)) { A[e] = .zero }
            forEachEight(layer, p) { edges, w in
                let (slope, mean) = (eight(slopes, p, edges.first).pointee, eight(means, p, edges.first).pointee)
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
            withUnsafeTemporaryAllocation(of: Double.self, capacity: rowCount * (k + 3)) { totals in
                guard let a = totals.baseAddress else { return }
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

extension FoldedLayer {
    /// Adds a chunk's inputs over some blocks of samples to the moments.
    func addWideMoments(_ c: Int, _ w: Workspace<T>, _ blocks: [WideBlock<T>], to moments: WideMoments<T>) {
        let range = wide.inputRange(c)
        let count = moments.windowCount(range.count)
        withUnsafeTemporaryAllocation(byteCount: max(1, count) * MemoryLayout<Double>.stride, alignment: 64) { memory in
            guard let windows = memory.baseAddress?.bindMemory(to: Double.self, capacity: count) else { return }
            windows.update(repeating: 0, count: count)
            for block in blocks {
                let nv = (block.samples + T.lanes - 1) / T.lanes
                for start in stride(from: 0, to: block.samples, by: WideBasis<T>.capacity) {
                    let samples = min(WideBasis<T>.capacity, block.samples - start)
                    moments.add(
                        wideBasis(w, block.x, nv: nv, range, start: start, samples: samples, slopes: false), to: windows)
                }
            }
            moments.merge(windows, range)
        }
    }
}
