// InverseHessian: the matrix of a quasi-Newton method, its product with a vector and its change by two vectors.
//
// What it must get right: symmetric to the bit, and the same bits for any number of threads: rows are shared out, and a row is a
// sum in one order.

final class InverseHessian {
    /// H ← inverse·H + hh·Hy(Hy)ᵀ + hs·(s(Hy)ᵀ + Hy sᵀ) + ss·s sᵀ
    struct Change {
        var inverse, hh, hs, ss: Double
    }

    private let count: Int
    /// Numbers from one row to the next, whole vectors.
    private let stride: Int
    private let matrix: AlignedBuffer<Double>
    private let first, second, third: AlignedBuffer<Double>
    private static var rowsPerTask: Int { 32 }

    init(count: Int) throws(KANError) {
        self.count = count
        stride = (count + Double.lanes - 1) / Double.lanes * Double.lanes
        matrix = try AlignedBuffer(count: count * stride)
        first = try AlignedBuffer(count: stride)
        second = try AlignedBuffer(count: stride)
        third = try AlignedBuffer(count: stride)
    }

    func setIdentity() {
        matrix.fillWithZero()
        for r in 0..<count { matrix.base[r * stride + r] = 1 }
    }

    func scale(_ factor: Double) {
        for e in 0..<(count * stride) { matrix.base[e] *= factor }
    }

    /// H·v
    func times(_ v: [Double]) -> [Double] {
        load(v, into: first)
        let nv = stride / Double.lanes
        return rows { [matrix, first] r in RowKernels<Double>.dot(matrix.vectors + r * nv, first.vectors, nv) }
    }

    /// Changes H and sets direction = -H·gradient.
    func update(_ change: Change, _ hy: [Double], _ s: [Double], gradient: [Double], direction: inout [Double]) {
        load(hy, into: first)
        load(s, into: second)
        load(gradient, into: third)
        let nv = stride / Double.lanes
        let inverse = Double.Vector(repeating: change.inverse)
        let (hy, s, g) = (first.vectors, second.vectors, third.vectors)
        direction = rows { [matrix, first, second] r in
            let row = matrix.vectors + r * nv
            // Products in an order that is the same for (r, c) and (c, r).
            let (h, t) = (first.base[r], second.base[r])
            let (hh, hs) = (Double.Vector(repeating: change.hh), Double.Vector(repeating: change.hs))
            let ss = Double.Vector(repeating: change.ss)
            var sum = Double.Vector.zero
            for v in 0..<nv {
                let mixed = hy[v] * t + s[v] * h
                let new = row[v] * inverse + hh * (hy[v] * h) + hs * mixed + ss * (s[v] * t)
                row[v] = new
                sum += new * g[v]
            }
            return -sum.sum()
        }
    }

    private func load(_ v: [Double], into buffer: AlignedBuffer<Double>) {
        for c in 0..<count { buffer.base[c] = v[c] }
    }

    /// A number for each row, rows shared among threads.
    private func rows(_ body: (Int) -> Double) -> [Double] {
        var result = [Double](repeating: 0, count: count)
        let tasks = (count + Self.rowsPerTask - 1) / Self.rowsPerTask
        result.withUnsafeMutableBufferPointer { result in
            guard let base = result.baseAddress else { return }
            ThreadPool.run(tasks: tasks, threads: count < 256 ? 1 : Threads.count) { task in
                for r in (task * Self.rowsPerTask)..<min(self.count, (task + 1) * Self.rowsPerTask) { base[r] = body(r) }
            }
        }
        return result
    }
}
