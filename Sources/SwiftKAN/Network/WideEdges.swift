// WideEdges: from the moments of a wide layer's inputs to the deviations of its edges, and back to the gradient of the weights.
//
// With w the weights of an edge, and m and M its input's moments (WideMoments.swift), over n samples
//   mean = w·m/n,  Σ (φ - mean)² = wᵀM w - n·mean²,  dR/dw = slope·(M w - mean·m)
// M is a band and a column. Kernels have a copy for every k, and zeros around the weights, so that every row of the band is as long.
//
// What it must get right, in this order:
//   1. A deviation that is nothing but rounding is 0.
//   2. Deviations in double precision: wᵀM w and n·mean² are close where an edge varies little.

extension WideMoments {
    /// Below this part of (k + 2)·Σ_r w_r²·M_rr, which Σ φ² cannot exceed since k + 2 rows at most are not 0 at a sample,
    /// Σ (φ - mean)² is rounding: that of its own terms, or a deviation that φ in numbers of type T does not resolve. The pull on an
    /// input divides by the deviation, which would blow it up.
    private var rounding: Double {
        max(max(64, Double(samples).squareRoot()) * Double.ulpOfOne, 256 * Double(T.ulpOfOne) * Double(T.ulpOfOne))
    }

    /// Means and sums of squared deviations of all edges of input p, into `means` and `squares`.
    func evaluate(_ layer: FoldedLayer<T>, _ p: Int) {
        switch k {
        case 1: evaluate(One.self, layer, p)
        case 2: evaluate(Two.self, layer, p)
        case 3: evaluate(Three.self, layer, p)
        case 4: evaluate(Four.self, layer, p)
        default: evaluate(Five.self, layer, p)
        }
    }

    @inline(never)
    private func evaluate<K: Constant>(_: K.Type, _ layer: FoldedLayer<T>, _ p: Int) {
        let (last, step, n) = (rowCount &- 1, K.value &+ 2, Double(samples))
        let (m, M) = (sums.base + p &* rowCount, products.base + p &* rowCount &* step)
        let (means, squares, least) = (eight(means, p, 0), eight(squares, p, 0), rounding * Double(step))
        ThreadMemory.with(SIMD8<Double>.self, count: last + K.value) { w in
            for e in 0..<K.value { w[last &+ e] = .zero }
            forEachEight(layer, p) { q, numbers, width in
                for r in 0..<last { w[r] = T.eight(numbers + r &* width) }
                let base = T.eight(numbers + last &* width)
                // wᵀM w is the diagonal and twice what stands beside it.
                var (diagonal, beside) = (base * base * M[last &* step &+ step &- 1], SIMD8<Double>.zero)
                var mean = base * m[last]
                for r in 0..<last {
                    let (own, row) = (w[r], M + r &* step)
                    var sum = base * row[step &- 1]
                    for h in 1...K.value { sum = Double.multiplyAdd(w[r &+ h], SIMD8(repeating: row[h]), sum) }
                    beside = Double.multiplyAdd(own, sum, beside)
                    diagonal = Double.multiplyAdd(own, own * row[0], diagonal)
                    mean = Double.multiplyAdd(own, SIMD8(repeating: m[r]), mean)
                }
                let average = mean / n
                let rest = diagonal + (beside + beside) - mean * average
                squares[q / 8] = rest.replacing(with: 0, where: rest .<= diagonal * least)
                means[q / 8] = average
            }
        }
    }

    /// Adds dR/dw of input p to the gradient of the weights of `count` inputs, of which it is number `number`: see `unfoldWide`.
    ///
    /// In numbers of type T, as the gradient is; they lose as much as edges' values less their mean would.
    func addWeightPulls(
        _ layer: FoldedLayer<T>, _ p: Int, number: Int, of count: Int, to gradient: UnsafeMutablePointer<T.Vector>
    ) {
        switch k {
        case 1: addWeightPulls(One.self, layer, p, number, count, gradient)
        case 2: addWeightPulls(Two.self, layer, p, number, count, gradient)
        case 3: addWeightPulls(Three.self, layer, p, number, count, gradient)
        case 4: addWeightPulls(Four.self, layer, p, number, count, gradient)
        default: addWeightPulls(Five.self, layer, p, number, count, gradient)
        }
    }

    @inline(never)
    private func addWeightPulls<K: Constant>(
        _: K.Type, _ layer: FoldedLayer<T>, _ p: Int, _ number: Int, _ count: Int, _ gradient: UnsafeMutablePointer<T.Vector>
    ) {
        let (last, k, groups) = (rowCount &- 1, K.value, layer.wide.groups)
        let (slopes, means) = (UnsafePointer(slopes.base + p &* self.width), UnsafePointer(means.base + p &* self.width))
        withBands(K.self, p) { bands, base, m in
            ThreadMemory.with(T.Vector.self, count: last + 2 * k) { zeros in
                let w = zeros + k
                for e in 0..<k { (zeros[e], w[last &+ e]) = (.zero, .zero) }
                for g in 0..<groups {
                    let (start, width) = (layer.wide.start(g), layer.wide.width(g))
                    for v in 0..<width {
                        let source = layer.wideWeights(g, p) + v
                        let target = gradient + (rowCount &* (start &* count &+ number &* width) &+ v)
                        let (slope, mean) = (T.vector(slopes, start &+ v), T.vector(means, start &+ v))
                        for r in 0..<last { w[r] = source[r &* width] }
                        let own = source[last &* width]
                        var ofBase = own * base[last]
                        for r in 0..<last {
                            let (band, near) = (bands + r &* (2 &* k &+ 1), zeros + r)
                            var sum = own * base[r]
                            for h in 0...(2 &* K.value) { sum = T.multiplyAdd(near[h], T.Vector(repeating: band[h]), sum) }
                            ofBase = T.multiplyAdd(w[r], T.Vector(repeating: base[r]), ofBase)
                            let deviation = T.multiplySubtract(mean, T.Vector(repeating: m[r]), sum)
                            target[r &* width] = T.multiplyAdd(slope, deviation, target[r &* width])
                        }
                        let deviation = T.multiplySubtract(mean, T.Vector(repeating: m[last]), ofBase)
                        target[last &* width] = T.multiplyAdd(slope, deviation, target[last &* width])
                    }
                }
            }
        }
    }

    /// Calls `body` with M and m of input p in numbers of type T: (rows, 2k + 1) the products of row r with rows r - k … r + k, (rows)
    /// those with the base function, (rows) m.
    @inline(__always)
    private func withBands<K: Constant>(
        _: K.Type, _ p: Int, _ body: (UnsafePointer<T>, UnsafePointer<T>, UnsafePointer<T>) -> Void
    ) {
        let (k, last, step) = (K.value, rowCount - 1, K.value + 2)
        let (m, M) = (sums.base + p * rowCount, products.base + p * rowCount * step)
        ThreadMemory.with(T.self, count: rowCount * (2 * k + 3)) { bands in
            let base = bands + rowCount * (2 * k + 1)
            for r in 0..<last {
                let band = bands + (r * (2 * k + 1) + k)
                for h in 0...k {
                    band[h] = T(M[r * step + h])
                    band[-h] = r >= h ? T(M[(r - h) * step + h]) : 0
                }
            }
            for r in 0..<rowCount { (base[r], base[rowCount + r]) = (T(M[r * step + k + 1]), T(m[r])) }
            body(bands, base, base + rowCount)
        }
    }

    /// Calls `body(q, numbers, width)` for all edges of input p, eight at a time: the number of the first one, where their weights
    /// stand, and numbers from one row to the next.
    @inline(__always)
    func forEachEight(_ layer: FoldedLayer<T>, _ p: Int, _ body: (Int, UnsafePointer<T>, Int) -> Void) {
        for g in 0..<layer.wide.groups {
            let (start, width) = (layer.wide.start(g) &* T.lanes, layer.wide.width(g) &* T.lanes)
            let numbers = UnsafeRawPointer(layer.wideWeights(g, p)).assumingMemoryBound(to: T.self)
            var lane = 0
            while lane < width {
                body(start &+ lane, numbers + lane, width)
                lane &+= 8
            }
        }
    }
}

extension KANScalar {
    /// Vector `v` of an array of doubles, in numbers of this type.
    @inline(__always)
    fileprivate static func vector(_ p: UnsafePointer<Double>, _ v: Int) -> Vector {
        var result = Vector.zero
        withUnsafeMutableBytes(of: &result) { bytes in
            for lane in stride(from: 0, to: lanes, by: 8) {
                let eight = UnsafeRawPointer(p + (v &* lanes &+ lane)).loadUnaligned(as: SIMD8<Double>.self)
                bytes.storeBytes(of: numbers(eight), toByteOffset: lane * MemoryLayout<Self>.stride, as: SIMD8<Self>.self)
            }
        }
        return result
    }
}
