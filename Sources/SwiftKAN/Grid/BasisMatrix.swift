// BasisMatrix: values of all B-splines of one input at many points, in double precision, for least-squares fits.
//
// What it must get right: the same functions as training's (BSpline.swift), whatever the network's own type.

struct BasisMatrix {
    private let grid: Int
    private let k: Int
    private let knots: AlignedBuffer<Double>
    private let reciprocals: AlignedBuffer<Double>
    private let isSimple: Bool
    private let rowsMemory: AlignedBuffer<Double>
    private static var block: Int { 16 }  // vectors

    var columns: Int { grid + k }

    /// - Parameter source: (G + 1 + 2k) knots.
    init<T: KANScalar>(knots source: UnsafePointer<T>, grid: Int, k: Int) throws(KANError) {
        self.grid = grid
        self.k = k
        let count = grid + 1 + 2 * k
        knots = try AlignedBuffer(count: count)
        for m in 0..<count { knots.base[m] = Double(source[m]) }
        reciprocals = try AlignedBuffer(count: BSplineTable<Double>.reciprocalCount(grid: grid, k: k))
        isSimple = BSplineTable.fillReciprocals(knots: knots.base, grid: grid, k: k, into: reciprocals.base)
        let vectors = Self.block * (1 + grid + k) + BSplineTable<Double>.scratchCount(grid: grid, k: k)
        rowsMemory = try AlignedBuffer(count: vectors * Double.lanes)
    }

    /// (points, columns), row-major.
    mutating func rows(at points: [Double]) -> [Double] {
        var matrix = [Double](repeating: 0, count: points.count * columns)
        let table = BSplineTable<Double>(
            grid: grid, k: k, knots: knots.base, reciprocals: reciprocals.base, isSimple: isSimple)
        let x = rowsMemory.vectors
        let basis = x + Self.block
        let scratch = basis + Self.block * columns
        let scalars = UnsafeMutableRawPointer(x).assumingMemoryBound(to: Double.self)
        let values = UnsafeMutableRawPointer(basis).assumingMemoryBound(to: Double.self)
        let samples = Self.block * Double.lanes
        for start in stride(from: 0, to: points.count, by: samples) {
            let count = min(samples, points.count - start)
            let nv = (count + Double.lanes - 1) / Double.lanes
            for s in 0..<(nv * Double.lanes) { scalars[s] = points[start + min(s, count - 1)] }
            table.rows(x: x, nv: nv, basis: basis, derivative: nil, scratch: scratch)
            for b in 0..<columns {
                for s in 0..<count { matrix[(start + s) * columns + b] = values[b * nv * Double.lanes + s] }
            }
        }
        return matrix
    }

    /// (nb, outputs): the coefficients (…, nb) of some outputs, function by function.
    static func columns(_ coef: [Double], of outputs: [Int], _ nb: Int) -> [Double] {
        (0..<nb).flatMap { b in outputs.map { coef[$0 * nb + b] } }
    }

    /// (rows, outputs) = matrix (rows, nb) · coef (nb, outputs), for matrices that are 0 but for a few numbers of a row.
    static func product(_ matrix: [Double], _ coef: [Double], _ rows: Int, _ nb: Int) -> [Double] {
        let outputs = coef.count / nb
        return [Double](unsafeUninitializedCapacity: rows * outputs) { values, count in
            values.initialize(repeating: 0)
            count = rows * outputs
            for r in 0..<rows {
                for b in 0..<nb where matrix[r &* nb &+ b] != 0 {
                    let factor = matrix[r &* nb &+ b]
                    for o in 0..<outputs { values[r &* outputs &+ o] += factor * coef[b &* outputs &+ o] }
                }
            }
        }
    }
}
