// Matrix: products of small dense matrices of doubles, for what regularisers do once a step with scores of nodes.
//
// What it must get right, in this order:
//   1. Loops run along rows, which stand together in memory; along columns they cost more than a sweep over a hundred samples.
//   2. The order of additions depends on the matrices' shapes alone.
//   3. Nothing is allocated: a matrix is a view of memory that somebody else keeps.

/// Memory for lists of matrices of given shapes, zeros at first.
final class MatrixMemory {
    let lists: [[Matrix]]
    private let numbers: AlignedBuffer<Double>

    init(_ shapes: [[(rows: Int, columns: Int)]]) throws(KANError) {
        numbers = try AlignedBuffer(count: shapes.joined().reduce(0) { $0 + $1.rows * $1.columns })
        var next = numbers.base
        lists = shapes.map { list in
            list.map { shape in
                defer { next += shape.rows * shape.columns }
                return Matrix(shape.rows, shape.columns, next)
            }
        }
    }
}

/// rows × columns numbers, row after row.
struct Matrix {
    let rows: Int
    let columns: Int
    let values: UnsafeMutablePointer<Double>

    init(_ rows: Int, _ columns: Int, _ values: UnsafeMutablePointer<Double>) {
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    var count: Int { rows * columns }

    func fill(_ value: Double) { values.update(repeating: value, count: count) }

    func copy(_ other: Matrix) { values.update(from: other.values, count: count) }

    /// = a·b
    func fillProduct(_ a: Matrix, _ b: Matrix) {
        fill(0)
        for r in 0..<a.rows {
            for m in 0..<a.columns { Self.add(b.row(m), times: a.row(r)[m], columns, to: row(r)) }
        }
    }

    /// += aᵀ·b
    func addProduct(transposed a: Matrix, _ b: Matrix) {
        for r in 0..<a.rows {
            for m in 0..<rows { Self.add(b.row(r), times: a.row(r)[m], columns, to: row(m)) }
        }
    }

    /// += a·bᵀ
    func addProduct(_ a: Matrix, transposed b: Matrix) {
        for r in 0..<rows {
            for m in 0..<columns { row(r)[m] += Self.dot(a.row(r), b.row(m), a.columns) }
        }
    }

    /// target = the rows of a (rows, columns), each times the factor of its own.
    @inline(__always)
    static func scaleRows(
        _ a: UnsafePointer<Double>, _ rows: Int, _ columns: Int, _ factors: UnsafePointer<Double>,
        into target: UnsafeMutablePointer<Double>
    ) {
        for r in 0..<rows {
            for e in r * columns..<(r + 1) * columns { target[e] = factors[r] * a[e] }
        }
    }

    /// = the sums of the columns of a (rows, columns), as one row.
    func fillColumnSums(_ a: UnsafePointer<Double>, rows: Int) {
        fill(0)
        for r in 0..<rows { Self.add(a, from: r * columns, columns, to: values) }
    }

    /// target += factor·source, `count` numbers from `start` and `other` on; of arrays, too.
    @inline(__always)
    static func add(
        _ source: UnsafePointer<Double>, from start: Int = 0, times factor: Double = 1, _ count: Int,
        to target: UnsafeMutablePointer<Double>, at other: Int = 0
    ) {
        let (source, target) = (source + start, target + other)
        for c in 0..<count { target[c] += factor * source[c] }
    }

    /// Σ of products of `count` numbers from `start` and `other` on.
    @inline(__always)
    static func dot(
        _ x: UnsafePointer<Double>, from start: Int = 0, _ y: UnsafePointer<Double>, at other: Int = 0, _ count: Int
    ) -> Double {
        let (x, y) = (x + start, y + other)
        var sums = SIMD8<Double>.zero
        let whole = count & ~7
        for c in stride(from: 0, to: whole, by: 8) { sums += Double.eight(x + c) * Double.eight(y + c) }
        var sum = Double.total(sums)
        for c in whole..<count { sum += x[c] * y[c] }
        return sum
    }

    @inline(__always)
    private func row(_ r: Int) -> UnsafeMutablePointer<Double> { values + r * columns }
}
