// H from dense rows of J, for networks in which a sample touches a good part of the columns.
//
// What it must get right, in this order:
//   1. The same matrix as NormalEquationsProducts.swift to rounding, and the same bits for any number of threads: an entry is made by
//      one task, over the rows in their order.
//   2. Speed: the zeros of J cost multiplications, but runs of 4 to 20 numbers cost far more time each. With 512-bit vectors a
//      product takes about a thirtieth of the time that one of a short run takes, so that this way is taken where J has at most 16
//      times as many numbers squared as numbers that are not 0.

extension NormalEquations {
    /// Rows of J that are made at a time: about 1 MB.
    static func denseRows(_ stride: Int) -> Int { max(64, min(512, (1 << 17) / stride)) }

    /// Is this the faster way?
    var isDense: Bool {
        let active = units.reduce(0) { $0 + $1.run }
        return count > 0 && count * count <= 16 * active * active
    }

    /// Adds the products over the samples at hand to `h` (DenseProducts.rows(count), stride); `j` is memory for `denseRows` rows.
    func addDense(
        _ samples: Int, _ seeds: Int, _ stride: Int, _ j: UnsafeMutablePointer<Double>, to h: UnsafeMutablePointer<Double>
    ) throws(KANError) {
        guard let basis = basis?.base, let gradients = gradients?.base else { return }
        let (total, atOnce) = (samples * seeds, Self.denseRows(stride))
        let (basisStride, gradientStride, units) = (basisStride, gradientStride, units)
        for first in Swift.stride(from: 0, to: total, by: atOnce) {
            if evaluator.checkpoint?.isCancelled() == true { throw .cancelled }
            let rows = min(atOnce, total - first)
            let threads = rows * count * count < 500_000 ? 1 : Threads.count
            ThreadPool.run(tasks: (rows + 63) / 64, threads: threads) { task in
                for r in (task * 64)..<min(task * 64 + 64, rows) {
                    let row = j + r * stride
                    row.update(repeating: 0, count: stride)
                    let values = basis + (first + r) / seeds * basisStride
                    let slopes = gradients + (first + r) * gradientStride
                    for unit in units {
                        let b = values + unit.basisOffset
                        let g = slopes + unit.gradientOffset
                        let start = row + unit.column + Int(b[0]) * unit.width
                        for k in 0..<unit.active {
                            let value = b[1 + k]
                            for e in 0..<unit.width { start[k * unit.width + e] = value * g[e] }
                        }
                    }
                }
            }
            DenseProducts.add(j, rows: rows, stride: stride, count: count, to: h, threads: threads)
        }
    }
}

/// H += JᵀJ, the upper triangle, in tiles of 4 rows and 16 columns that stay in registers.
enum DenseProducts {
    /// Numbers from row to row, of J and of H: columns come in sixteens.
    static func stride(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    /// Rows of H that memory is needed for.
    static func rows(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    /// Rows of J whose columns stay in the first-level cache.
    private static var block: Int { 64 }

    static func add(
        _ j: UnsafePointer<Double>, rows: Int, stride width: Int, count: Int, to h: UnsafeMutablePointer<Double>, threads: Int
    ) {
        ThreadPool.run(tasks: (count + 15) / 16, threads: threads) { task in
            for start in Swift.stride(from: 0, to: rows, by: block) {
                let end = min(start + block, rows)
                for c in Swift.stride(from: task * 16, to: width, by: 16) {
                    for r in Swift.stride(from: task * 16, to: task * 16 + 16, by: 4) {
                        addTile(j, width, start, end, r, c, h + r * width + c)
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func addTile(
        _ j: UnsafePointer<Double>, _ width: Int, _ start: Int, _ end: Int, _ r: Int, _ c: Int, _ h: UnsafeMutablePointer<Double>
    ) {
        typealias Vector = SIMD8<Double>
        var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var (b0, b1, b2, b3) = (a0, a1, a2, a3)
        for p in start..<end {
            let row = j + p * width
            let raw = UnsafeRawPointer(row + c)
            let u = raw.loadUnaligned(as: Vector.self)
            let v = raw.loadUnaligned(fromByteOffset: 64, as: Vector.self)
            let (x0, x1) = (Vector(repeating: row[r]), Vector(repeating: row[r + 1]))
            let (x2, x3) = (Vector(repeating: row[r + 2]), Vector(repeating: row[r + 3]))
            a0 = Double.multiplyAdd(x0, u, a0)
            b0 = Double.multiplyAdd(x0, v, b0)
            a1 = Double.multiplyAdd(x1, u, a1)
            b1 = Double.multiplyAdd(x1, v, b1)
            a2 = Double.multiplyAdd(x2, u, a2)
            b2 = Double.multiplyAdd(x2, v, b2)
            a3 = Double.multiplyAdd(x3, u, a3)
            b3 = Double.multiplyAdd(x3, v, b3)
        }
        store(h, a0, b0)
        store(h + width, a1, b1)
        store(h + 2 * width, a2, b2)
        store(h + 3 * width, a3, b3)
    }

    @inline(__always)
    private static func store(_ target: UnsafeMutablePointer<Double>, _ a: SIMD8<Double>, _ b: SIMD8<Double>) {
        let raw = UnsafeMutableRawPointer(target)
        raw.storeBytes(of: raw.loadUnaligned(as: SIMD8<Double>.self) + a, as: SIMD8<Double>.self)
        raw.storeBytes(
            of: raw.loadUnaligned(fromByteOffset: 64, as: SIMD8<Double>.self) + b, toByteOffset: 64, as: SIMD8<Double>.self)
    }
}
