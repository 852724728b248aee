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
    /// A as `products`, and B as `sums`
    private let quadratic: AlignedBuffer<T>
    private let linear: AlignedBuffer<T>

    init(_ layer: FoldedLayer<T>) throws(KANError) {
        (rowCount, k) = (layer.wide.rowCount, layer.shape.k)
        inputs = layer.wide.inputs.count
        sums = try AlignedBuffer(count: inputs * rowCount)
        products = try AlignedBuffer(count: inputs * rowCount * (k + 2))
        quadratic = try AlignedBuffer(count: inputs * rowCount * (k + 2))
        linear = try AlignedBuffer(count: inputs * rowCount)
    }

    /// Forgets all samples and keeps the memory.
    func reset() {
        sums.fillWithZero()
        products.fillWithZero()
    }

    /// Adds the samples of a filled basis; `first` is the first of its inputs.
    @inline(never)
    func add(_ basis: WideBasis<T>, first: Int) {
        let (k, rowCount) = (k, rowCount)
        for i in 0..<basis.inputs {
            let m = sums.base + (first + i) * rowCount
            let M = products.base + (first + i) * rowCount * (k + 2)
            for s in 0..<basis.samples {
                let e = s &* basis.inputs &+ i
                let v = basis.slots + e &* WideBasis<T>.slotSize
                let row = Int(basis.first[e])
                let base = Double(v[k + 1])
                for j in 0...k {
                    let a = Double(v[j])
                    let target = M + (row &+ j) &* (k &+ 2)
                    m[row &+ j] += a
                    for h in j...k { target[h &- j] += a * Double(v[h]) }
                    target[k &+ 1] += a * base
                }
                m[rowCount &- 1] += base
                M[rowCount &* (k &+ 2) &- 1] += base * base
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

    /// Calls `body(q, mean, squares)` for every output q of input p: squares is the sum of squared deviations.
    func edges(_ layer: FoldedLayer<T>, _ p: Int, _ body: (Int, Double, Double) -> Void) {
        let width = layer.wide.outputs.count
        let (m, n) = (sums.base + p * rowCount, Double(samples))
        withWeights(layer, p) { w, Mw in
            for q in 0..<width {
                var (sum, square) = (0.0, 0.0)
                for r in 0..<rowCount {
                    sum += w[r * width + q] * m[r]
                    square += w[r * width + q] * Mw[r * width + q]
                }
                body(q, sum / n, max(0, square - sum * sum / n))
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
        let (A, B) = (quadratic.base + p * rowCount * (k + 2), linear.base + p * rowCount)
        withWeights(layer, p) { w, Mw in
            for r in 0..<rowCount {
                var b = 0.0
                for q in 0..<width {
                    let s = slope(q)
                    gradient[r * width + q] = s * (Mw[r * width + q] - mean(q) * m[r])
                    // From here on M w is not needed: slope·w takes its place.
                    Mw[r * width + q] = s * w[r * width + q]
                    b += mean(q) * Mw[r * width + q]
                }
                B[r] = T(b)
            }
            func dot(_ r: Int, _ h: Int) -> T {
                var sum = 0.0
                for q in 0..<width { sum += Mw[r * width + q] * w[h * width + q] }
                return T(sum)
            }
            for r in 0...last {
                for h in 0...k where r < last && r + h < last { A[r * (k + 2) + h] = dot(r, r + h) }
                A[r * (k + 2) + k + 1] = dot(r, last)
            }
        }
    }

    /// dR/dx of input p at a sample with values v and derivatives d of the rows from `first` on.
    @inline(__always)
    func inputPull(_ p: Int, _ first: Int, _ v: UnsafePointer<T>, _ d: UnsafePointer<T>) -> T {
        let last = rowCount - 1
        let (A, B) = (quadratic.base + p * rowCount * (k + 2), linear.base + p * rowCount)
        let (base, slope) = (v[k + 1], d[k + 1])
        var pull = slope * (A[last * (k + 2) + k + 1] * base - B[last])
        for j in 0...k {
            let row = A + (first + j) * (k + 2)
            pull += d[j] * (row[0] * v[j] + row[k + 1] * base - B[first + j]) + slope * row[k + 1] * v[j]
            for h in stride(from: j + 1, through: k, by: 1) { pull += row[h - j] * (d[j] * v[h] + d[h] * v[j]) }
        }
        return pull
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
        for block in blocks {
            let nv = (block.samples + T.lanes - 1) / T.lanes
            for start in stride(from: 0, to: block.samples, by: Workspace<T>.wideSamples) {
                let count = min(Workspace<T>.wideSamples, block.samples - start)
                let basis = wideBasis(w, block.x, nv: nv, range, start: start, samples: count, slopes: false)
                moments.add(basis, first: range.lowerBound)
            }
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

    /// Adds a regulariser's dR/dx through the edges to w.dx.
    @inline(never)
    func addInputPulls(_ w: Workspace<T>, _ rows: LayerRows<T>, _ moments: WideMoments<T>) {
        let width = w.nv * T.lanes
        let dx = UnsafeMutableRawPointer(w.dx).assumingMemoryBound(to: T.self)
        let values = UnsafeMutableRawPointer(w.pulls).assumingMemoryBound(to: T.self)
        for c in 0..<wide.chunks {
            let range = wide.inputRange(c)
            for start in stride(from: 0, to: w.samples, by: Workspace<T>.wideSamples) {
                let count = min(Workspace<T>.wideSamples, w.samples - start)
                var basis = wideBasis(w, rows.x, nv: w.nv, range, start: start, samples: count, slopes: false)
                values.update(from: basis.slots, count: count * range.count * WideBasis<T>.slotSize)
                basis = wideBasis(w, rows.x, nv: w.nv, range, start: start, samples: count, slopes: true)
                for (number, p) in range.enumerated() {
                    let target = dx + (wide.inputs[p] * width + start)
                    for s in 0..<count {
                        let e = s * range.count + number
                        target[s] += moments.inputPull(
                            p, Int(basis.first[e]), values + e * WideBasis<T>.slotSize, basis.slots + e * WideBasis<T>.slotSize)
                    }
                }
            }
        }
    }
}
