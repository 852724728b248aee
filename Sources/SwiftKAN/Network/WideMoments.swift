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
    private let sums: AlignedBuffer<Double>
    /// (inputs, rows, k + 2): row r's products with rows r … r + k, and with the base function
    private let products: AlignedBuffer<Double>
    /// (inputs, first functions, k + 3, 8): A of the k + 1 functions and the base function, a column after another, and -B
    private let windows: AlignedBuffer<T>

    /// (inputs, outputs): see `evaluate`
    let means: AlignedBuffer<Double>
    let squares: AlignedBuffer<Double>

    init(_ layer: FoldedLayer<T>) throws(KANError) {
        (rowCount, k) = (layer.wide.rowCount, layer.shape.k)
        inputs = layer.wide.inputs.count
        sums = try AlignedBuffer(count: inputs * rowCount)
        products = try AlignedBuffer(count: inputs * rowCount * (k + 2))
        means = try AlignedBuffer(count: inputs * layer.wide.outputs.count)
        squares = try AlignedBuffer(count: inputs * layer.wide.outputs.count)
        windows = try AlignedBuffer(count: inputs * (rowCount - 1 - k) * (k + 3) * 8)
    }

    /// Has it room for the edges that `layer` has now.
    func fits(_ layer: FoldedLayer<T>) -> Bool {
        inputs == layer.wide.inputs.count && means.count == inputs * layer.wide.outputs.count
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

    /// M w of input p for `width` outputs, from and to (rows, width).
    @inline(__always)
    private func multiply(_ p: Int, _ w: UnsafePointer<Double>, _ width: Int, into out: UnsafeMutablePointer<Double>) {
        let (last, M) = (rowCount - 1, products.base + p * rowCount * (k + 2))
        func add(_ c: Double, _ from: Int, _ to: Int) {
            guard c != 0 else { return }
            let (source, target) = (w + from * width, out + to * width)
            for q in 0..<width { target[q] += c * source[q] }
        }
        for e in 0..<(rowCount * width) { out[e] = 0 }
        for r in 0..<last {
            let row = M + r * (k + 2)
            add(row[0], r, r)
            for h in stride(from: 1, through: min(k, last - 1 - r), by: 1) {
                add(row[h], r + h, r)
                add(row[h], r, r + h)
            }
            add(row[k + 1], last, r)
            add(row[k + 1], r, last)
        }
        add(M[last * (k + 2) + k + 1], last, last)
    }

    /// Means and sums of squared deviations of all edges of input p, into `means` and `squares`.
    func evaluate(_ layer: FoldedLayer<T>, _ p: Int) {
        let width = layer.wide.outputs.count
        let (m, n) = (sums.base + p * rowCount, Double(samples))
        let (mean, square) = (means.base + p * width, squares.base + p * width)
        withWeights(layer, p) { w, Mw in
            for q in 0..<width { (mean[q], square[q]) = (0, 0) }
            for r in 0..<rowCount {
                let (row, product) = (w + r * width, Mw + r * width)
                for q in 0..<width { mean[q] += row[q] * m[r] }
                for q in 0..<width { square[q] += row[q] * product[q] }
            }
            for q in 0..<width {
                square[q] = max(0, square[q] - mean[q] * mean[q] / n)
                mean[q] /= n
            }
        }
    }

    /// Calls `body` with w and M w of input p, both (rows, outputs).
    private func withWeights(
        _ layer: FoldedLayer<T>, _ p: Int, _ body: (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
    ) {
        let width = layer.wide.outputs.count
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * rowCount * width) { memory in
            guard let w = memory.baseAddress else { return }
            layer.copyWeights(p, to: w)
            multiply(p, w, width, into: w + rowCount * width)
            body(w, w + rowCount * width)
        }
    }

    /// Makes A and B of input p ready, and adds dR/dw to `gradient`.
    ///
    /// - Parameters:
    ///   - slope: of output q's edge; mean: its mean.
    ///   - gradient: (rows, outputs)
    func prepare(
        _ layer: FoldedLayer<T>, _ p: Int, slope: (Int) -> Double, mean: (Int) -> Double,
        into gradient: UnsafeMutablePointer<Double>
    ) {
        let width = layer.wide.outputs.count
        let (last, m) = (rowCount - 1, sums.base + p * rowCount)
        withWeights(layer, p) { w, Mw in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: rowCount * (k + 3) + 2 * width) { memory in
                guard let A = memory.baseAddress else { return }
                let B = A + rowCount * (k + 2)
                let (slopes, means) = (B + rowCount, B + rowCount + width)
                for q in 0..<width { (slopes[q], means[q]) = (slope(q), mean(q)) }
                for r in 0..<rowCount {
                    let (row, product, d) = (w + r * width, Mw + r * width, gradient + r * width)
                    for q in 0..<width { d[q] = slopes[q] * (product[q] - means[q] * m[r]) }
                    // From here on M w is not needed: slope·w takes its place.
                    for q in 0..<width { product[q] = slopes[q] * row[q] }
                    var b = 0.0
                    for q in 0..<width { b += means[q] * product[q] }
                    B[r] = b
                }
                func dot(_ r: Int, _ h: Int) -> Double {
                    var sum = SIMD8<Double>.zero
                    var q = 0
                    while q + 8 <= width {
                        let a = UnsafeRawPointer(Mw + (r * width + q)).loadUnaligned(as: SIMD8<Double>.self)
                        let b = UnsafeRawPointer(w + (h * width + q)).loadUnaligned(as: SIMD8<Double>.self)
                        sum = Double.multiplyAdd(a, b, sum)
                        q += 8
                    }
                    var total = Double.total(sum)
                    while q < width {
                        total += Mw[r * width + q] * w[h * width + q]
                        q += 1
                    }
                    return total
                }
                for r in 0...last {
                    for h in 0...k where r < last && r + h < last { A[r * (k + 2) + h] = dot(r, r + h) }
                    A[r * (k + 2) + k + 1] = dot(r, last)
                }
                fillWindows(p, A, B)
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
    /// The weights of the input that is number p of those that have edges, as (rows, outputs).
    func copyWeights(_ p: Int, to target: UnsafeMutablePointer<Double>) {
        let width = wide.outputs.count
        for g in 0..<wide.groups {
            let (first, step) = (wide.start(g) * T.lanes, wide.width(g) * T.lanes)
            let source = UnsafeRawPointer(wideWeights(g, p)).assumingMemoryBound(to: T.self)
            for r in 0..<wide.rowCount {
                for q in first..<min(first + step, width) { target[r * width + q] = Double(source[r * step + q - first]) }
            }
        }
    }

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

    /// Adds a regulariser's gradient with respect to the weights of chunk c to that of the parameters, and prepares `moments` for
    /// `addInputPulls`.
    func addWidePulls(
        _ c: Int, _ pulls: Pulls<T>, _ moments: WideMoments<T>, state: UnsafePointer<T>, into gradient: UnsafeMutablePointer<T>?
    ) {
        let (width, nb) = (wide.outputs.count, shape.basisCount)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, wide.rowCount * width)) { memory in
            guard let d = memory.baseAddress else { return }
            for p in wide.inputRange(c) {
                let first = wide.inputs[p] * shape.outputs
                moments.prepare(
                    self, p,
                    slope: { Double(pulls.numericalSlope[first + wide.outputs[$0]] + pulls.edgeSlope[first + wide.outputs[$0]]) },
                    mean: { Double(pulls.numericalMean[first + wide.outputs[$0]]) }, into: d)
                guard let gradient else { continue }
                for q in 0..<width {
                    let edge = first + wide.outputs[q]
                    let mask = state[shape.mask + edge]
                    guard mask != 0 else { continue }
                    let scale = mask * state[shape.scaleSp + edge]
                    var dscale: T = 0
                    for b in 0..<nb {
                        let db = T(d[b * width + q])
                        gradient[shape.coef + edge * nb + b] += scale * db
                        dscale += state[shape.coef + edge * nb + b] * db
                    }
                    gradient[shape.scaleSp + edge] += mask * dscale
                    if baseFunction != .zero { gradient[shape.scaleBase + edge] += mask * T(d[nb * width + q]) }
                }
            }
        }
    }
}
