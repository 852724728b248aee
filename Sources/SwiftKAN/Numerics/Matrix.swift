// Matrix: products of small dense matrices of doubles, for what regularisers do once a step with scores of nodes.
//
// What it must get right, in this order:
//   1. Loops run along rows, which stand together in memory; along columns they cost more than a sweep over a hundred samples.
//   2. The order of additions depends on the matrices' shapes alone.

/// rows × columns numbers, row after row.
struct Matrix {
    let rows: Int
    let columns: Int
    var values: [Double]

    init(_ rows: Int, _ columns: Int, _ values: [Double]) { (self.rows, self.columns, self.values) = (rows, columns, values) }

    init(zeros rows: Int, _ columns: Int) { self.init(rows, columns, Array(repeating: 0, count: rows * columns)) }

    /// a·b
    static func * (a: Matrix, b: Matrix) -> Matrix {
        var c = Matrix(zeros: a.rows, b.columns)
        for r in 0..<a.rows {
            for m in 0..<a.columns { add(b.values, row: m, times: a.values[r * a.columns + m], b.columns, to: &c.values, row: r) }
        }
        return c
    }

    /// aᵀ·b
    func transposedTimes(_ b: Matrix) -> Matrix {
        var c = Matrix(zeros: columns, b.columns)
        for r in 0..<rows {
            for m in 0..<columns { Self.add(b.values, row: r, times: values[r * columns + m], b.columns, to: &c.values, row: m) }
        }
        return c
    }

    /// a·bᵀ
    func timesTransposed(_ b: Matrix) -> Matrix {
        var c = Matrix(zeros: rows, b.rows)
        for r in 0..<rows {
            for m in 0..<b.rows { c.values[r * b.rows + m] = Self.dot(values, r, b.values, m, columns) }
        }
        return c
    }

    static func += (a: inout Matrix, b: Matrix) {
        for e in a.values.indices { a.values[e] += b.values[e] }
    }

    /// Every row times the factor of its own.
    func scalingRows(_ factors: [Double]) -> Matrix {
        var c = self
        for r in 0..<rows {
            for e in r * columns..<(r + 1) * columns { c.values[e] *= factors[r] }
        }
        return c
    }

    /// Adds `row` to every row.
    mutating func addToRows(_ row: [Double]) {
        for r in 0..<rows { Self.add(row, row: 0, times: 1, columns, to: &values, row: r) }
    }

    /// Σ of products of row r of both, for every r.
    func rowDots(_ b: Matrix) -> [Double] { (0..<rows).map { Self.dot(values, $0, b.values, $0, columns) } }

    /// The sums of columns.
    var columnSums: [Double] {
        var sums = Array(repeating: 0.0, count: columns)
        for r in 0..<rows { Self.add(values, row: r, times: 1, columns, to: &sums, row: 0) }
        return sums
    }

    /// target row += factor·source row
    @inline(__always)
    private static func add(
        _ source: UnsafePointer<Double>, row: Int, times factor: Double, _ count: Int, to target: UnsafeMutablePointer<Double>,
        row other: Int
    ) {
        let (from, to) = (source + row * count, target + other * count)
        for c in 0..<count { to[c] += factor * from[c] }
    }

    /// Σ of products of two rows.
    @inline(__always)
    private static func dot(_ a: UnsafePointer<Double>, _ r: Int, _ b: UnsafePointer<Double>, _ m: Int, _ count: Int) -> Double {
        let (x, y) = (a + r * count, b + m * count)
        var sums = SIMD8<Double>.zero
        let whole = count & ~7
        for c in stride(from: 0, to: whole, by: 8) { sums += Double.eight(x + c) * Double.eight(y + c) }
        var sum = Double.total(sums)
        for c in whole..<count { sum += x[c] * y[c] }
        return sum
    }
}
