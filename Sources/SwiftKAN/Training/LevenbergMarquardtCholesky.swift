// Cholesky's factorisation of a symmetric positive definite matrix, on all threads.
//
// What it must get right, in this order:
//   1. It says so when the matrix is not positive definite, and then promises nothing about the numbers.
//   2. The same bits for any number of threads: an entry's subtractions are made by one thread, in the order of the rows.
//   3. Speed: LAPACK's reference implementation, the one that is always there, is several times slower for 1000 unknowns.
//
// A = Uᵀ U, row by row (Golub and Van Loan, Matrix Computations, §4.2.6, right-looking): `block` rows of U are made, then their
// products are subtracted from all rows below, four rows and eight columns at a time in registers.

struct Cholesky {
    private static let block = 48
    /// Columns that are worked on together: block·width numbers stay in the first-level cache.
    private static let width = 64
    private static let rowsATask = 16

    /// Replaces the upper triangle of `a` (n, n), row by row, by U; what is below the diagonal is overwritten.
    /// - Returns: false if `a` is not positive definite.
    /// - Throws: `KANError.cancelled`.
    static func factor(_ a: UnsafeMutablePointer<Double>, _ n: Int, checkpoint: Checkpoint?) throws(KANError) -> Bool {
        nonisolated(unsafe) let a = a
        for start in stride(from: 0, to: n, by: block) {
            if checkpoint?.isCancelled() == true { throw .cancelled }
            let end = min(start + block, n)
            guard factorRows(a, n, start, end) else { return false }
            let tasks = (n - end + rowsATask - 1) / rowsATask
            ThreadPool.run(tasks: tasks, threads: n - end < 200 ? 1 : Threads.count) { task in
                let first = end + task * rowsATask
                subtract(a, n, start, end, rows: first..<min(first + rowsATask, n))
            }
        }
        return true
    }

    /// b := A⁻¹ b
    static func solve(_ u: UnsafePointer<Double>, _ n: Int, _ b: UnsafeMutablePointer<Double>) {
        for r in 0..<n {
            let row = u + r * n
            b[r] /= row[r]
            for c in (r + 1)..<max(n, r + 1) { b[c] -= row[c] * b[r] }
        }
        for r in (0..<n).reversed() {
            let row = u + r * n
            b[r] = (b[r] - dot(row, UnsafeBufferPointer(start: b, count: n), from: r + 1, to: n)) / row[r]
        }
    }

    /// Σ a_c b_c for c in start ..< end.
    static func dot(_ a: UnsafePointer<Double>, _ b: UnsafeBufferPointer<Double>, from start: Int, to end: Int) -> Double {
        guard let b = b.baseAddress else { return 0 }
        var sums = SIMD8<Double>.zero
        var c = start
        while c &+ 8 <= end {
            let (u, v) = (UnsafeRawPointer(a + c), UnsafeRawPointer(b + c))
            sums = Double.multiplyAdd(u.loadUnaligned(as: SIMD8<Double>.self), v.loadUnaligned(as: SIMD8<Double>.self), sums)
            c &+= 8
        }
        var sum = sums.sum()
        while c < end {
            sum += a[c] * b[c]
            c &+= 1
        }
        return sum
    }

    /// Rows start ..< end of U, from rows that all earlier blocks have been subtracted from.
    private static func factorRows(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ start: Int, _ end: Int) -> Bool {
        for r in start..<end {
            let row = a + r * n
            for p in start..<r {
                let (other, factor) = (a + p * n, a[p * n + r])
                for c in r..<n { row[c] -= factor * other[c] }
            }
            guard row[r] > 0, row[r].isFinite else { return false }
            let scale = 1 / row[r].squareRoot()
            for c in r..<n { row[c] *= scale }
        }
        return true
    }

    /// a_rc -= Σ_p u_pr u_pc for the rows given and p in start ..< end.
    ///
    /// Columns are taken in eights that end at the last one; those left of the diagonal that are made, too, nobody reads.
    private static func subtract(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ start: Int, _ end: Int, rows: Range<Int>) {
        for last in stride(from: n - (n - 1 - rows.lowerBound) / width * width, through: n, by: width) {
            var r = rows.lowerBound
            while r < rows.upperBound {
                let count = rows.upperBound - r >= 4 ? 4 : 1
                for c in stride(from: last - (last - max(last - width, r) + 7) / 8 * 8, to: last, by: 8) {
                    if count == 4 {
                        subtractFour(a, n, start, end, r, c)
                    } else {
                        subtractOne(a, n, start, end, r, c)
                    }
                }
                r += count
            }
        }
    }

    /// Four rows, eight columns.
    @inline(__always)
    private static func subtractFour(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ start: Int, _ end: Int, _ r: Int, _ c: Int) {
        typealias Vector = SIMD8<Double>
        var (s0, s1, s2, s3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        for p in start..<end {
            let row = a + p &* n
            let u = UnsafeRawPointer(row + c).loadUnaligned(as: Vector.self)
            s0 = Double.multiplyAdd(Vector(repeating: row[r]), u, s0)
            s1 = Double.multiplyAdd(Vector(repeating: row[r &+ 1]), u, s1)
            s2 = Double.multiplyAdd(Vector(repeating: row[r &+ 2]), u, s2)
            s3 = Double.multiplyAdd(Vector(repeating: row[r &+ 3]), u, s3)
        }
        lower(a + r * n + c, by: s0)
        lower(a + (r + 1) * n + c, by: s1)
        lower(a + (r + 2) * n + c, by: s2)
        lower(a + (r + 3) * n + c, by: s3)
    }

    @inline(__always)
    private static func subtractOne(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ start: Int, _ end: Int, _ r: Int, _ c: Int) {
        var sum = SIMD8<Double>.zero
        for p in start..<end {
            let row = a + p &* n
            let u = UnsafeRawPointer(row + c).loadUnaligned(as: SIMD8<Double>.self)
            sum = Double.multiplyAdd(SIMD8(repeating: row[r]), u, sum)
        }
        lower(a + r * n + c, by: sum)
    }

    @inline(__always)
    private static func lower(_ target: UnsafeMutablePointer<Double>, by sum: SIMD8<Double>) {
        let raw = UnsafeMutableRawPointer(target)
        raw.storeBytes(of: raw.loadUnaligned(as: SIMD8<Double>.self) - sum, as: SIMD8<Double>.self)
    }
}
