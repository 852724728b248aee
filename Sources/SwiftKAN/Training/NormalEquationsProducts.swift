// The products of J's columns, summed over samples: H += Σ_s J_sᵀ J_s, unit by unit.
//
// What it must get right, in this order:
//   1. One thread makes an entry, from the samples in their order.
//   2. The inner loop adds a multiple of one run to another: contiguous numbers, a multiple of k + 1 of them.

extension NormalEquations {
    /// Adds the products of all pairs of units over the samples at hand.
    func addProducts(_ samples: Int, _ seeds: Int, to h: UnsafeMutablePointer<Double>) throws(KANError) {
        var pairs: [(Int, Int)] = []
        for a in units.indices { for b in a..<units.count { pairs.append((a, b)) } }
        let work = samples * pairs.reduce(0) { $0 + units[$1.0].run * units[$1.1].run }
        let checkpoint = evaluator.checkpoint
        ThreadPool.run(tasks: pairs.count, threads: work < 100_000 ? 1 : Threads.count) { task in
            if checkpoint?.isCancelled() == true { return }
            add(units[pairs[task].0], units[pairs[task].1], samples, seeds, to: h)
        }
        if checkpoint?.isCancelled() == true { throw .cancelled }
    }

    private func add(
        _ a: NormalUnit, _ b: NormalUnit, _ samples: Int, _ seeds: Int, to h: UnsafeMutablePointer<Double>
    ) {
        guard let basis = basis?.base, let gradients = gradients?.base else { return }
        let P = count
        let run = b.run
        withUnsafeTemporaryAllocation(of: Double.self, capacity: run + b.width) { scratch in
            guard let values = scratch.baseAddress else { return }
            let products = values + run
            for s in 0..<samples {
                let (basisA, basisB) = (basis + s * basisStride + a.basisOffset, basis + s * basisStride + b.basisOffset)
                let row = gradients + s * seeds * gradientStride
                let corner = h + (a.column + Int(basisA[0]) * a.width) * P + b.column + Int(basisB[0]) * b.width
                for o in 0..<a.width {
                    // Σ_m g_mo g_mo' for all edges o' of b
                    if !multiply(row + a.gradientOffset + o, row + b.gradientOffset, seeds, b.width, into: products) { continue }
                    for j in 0..<b.active {
                        for e in 0..<b.width { values[j * b.width + e] = basisB[1 + j] * products[e] }
                    }
                    for j in 0..<a.active {
                        addProduct(basisA[1 + j], values, run, to: corner + (j * a.width + o) * P)
                    }
                }
            }
        }
    }

    /// products[e] = Σ_m g[m]·others[m][e]; false if all g are 0.
    @inline(__always)
    private func multiply(
        _ g: UnsafePointer<Double>, _ others: UnsafePointer<Double>, _ seeds: Int, _ width: Int,
        into products: UnsafeMutablePointer<Double>
    ) -> Bool {
        var used = false
        for m in 0..<seeds {
            let factor = g[m * gradientStride]
            if factor == 0 { continue }
            let other = others + m * gradientStride
            if used {
                for e in 0..<width { products[e] += factor * other[e] }
            } else {
                for e in 0..<width { products[e] = factor * other[e] }
            }
            used = true
        }
        return used
    }

    /// target += factor·values
    @inline(__always)
    private func addProduct(
        _ factor: Double, _ values: UnsafePointer<Double>, _ count: Int, to target: UnsafeMutablePointer<Double>
    ) {
        let (from, to) = (UnsafeRawPointer(values), UnsafeMutableRawPointer(target))
        var e = 0
        while e + 4 <= count {
            let value = from.loadUnaligned(fromByteOffset: 8 * e, as: SIMD4<Double>.self)
            let sum = to.loadUnaligned(fromByteOffset: 8 * e, as: SIMD4<Double>.self)
            to.storeBytes(of: sum + factor * value, toByteOffset: 8 * e, as: SIMD4<Double>.self)
            e += 4
        }
        while e < count {
            target[e] += factor * values[e]
            e += 1
        }
    }
}

extension NormalUnit {
    /// Columns that a sample touches.
    var run: Int { active * width }
}
