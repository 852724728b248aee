// SizeMatrix: the L1 and entropy measure R(v) of a matrix of sizes, and its gradient; the formula stands at the head of Regularization.swift.
//
// What it must get right, in this order:
//   1. With g = dH/dp of an entry in a row of sum T - 1, p = v/T: dH/dv = (g - Σ g p)/T; the same for columns.
//   2. Logarithms eight at a time: one at a time they cost more than all the rest.

/// A matrix (rows × columns) of sizes and, after `penalty`, dR/dv.
struct SizeMatrix {
    let rows: Int
    let columns: Int
    var v: [Double]
    var slope: [Double] = []
    /// For every column, up to a whole vector of them: 1 / (Σv + 1), and Σ g p
    private var memory: [Double]

    init(rows: Int, columns: Int, v: [Double]) {
        (self.rows, self.columns, self.v) = (rows, columns, v)
        memory = Array(repeating: 0, count: 2 * Self.padded(columns))
    }

    private static func padded(_ columns: Int) -> Int { (columns + 7) & ~7 }

    /// R(v); fills `slope`.
    mutating func penalty(lambL1: Double, lambEntropy: Double) -> Double {
        if v.isEmpty { return 0 }
        if slope.count != v.count { slope = v }
        let (size, entropy) = Self.fill(v, rows, columns, &slope, &memory, lambL1, lambEntropy)
        return lambL1 * size + lambEntropy * entropy
    }

    /// Σv and the entropies; writes dR/dv.
    private static func fill(
        _ v: UnsafePointer<Double>, _ rows: Int, _ columns: Int, _ slope: UnsafeMutablePointer<Double>,
        _ shares: UnsafeMutablePointer<Double>, _ lambL1: Double, _ lambEntropy: Double
    ) -> (size: Double, entropy: Double) {
        let (rowWeight, columnWeight) = (1 / Double(rows), 1 / Double(columns))
        let means = shares + padded(columns)
        shares.update(repeating: 0, count: 2 * padded(columns))
        for r in 0..<rows {
            for c in 0..<columns { shares[c] += v[r * columns + c] }
        }
        for c in 0..<columns { shares[c] = 1 / (shares[c] + 1) }
        var (size, entropy) = (0.0, 0.0)
        for r in 0..<rows {
            let (row, target) = (v + r * columns, slope + r * columns)
            var total = 0.0
            for c in 0..<columns { total += row[c] }
            size += total
            let share = 1 / (total + 1)
            var (sum, mean) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
            for c in stride(from: 0, to: columns, by: 8) {
                let values = load(row + c, columns - c)
                let columnShare = load(shares + c, 8)
                let (p, q) = (values * share, values * columnShare)
                let (rowPart, rowSlope) = Self.entropy(p, rowWeight)
                let (columnPart, columnSlope) = Self.entropy(q, columnWeight)
                sum += rowPart + columnPart
                mean += rowSlope * p
                store(load(means + c, 8) + columnSlope * q, to: means + c, 8)
                store((rowSlope * share + columnSlope * columnShare) * lambEntropy + lambL1, to: target + c, columns - c)
            }
            entropy += Double.total(sum)
            let pull = lambEntropy * Double.total(mean) * share
            for c in 0..<columns { target[c] -= pull }
        }
        for c in 0..<columns { means[c] *= lambEntropy * shares[c] }
        for r in 0..<rows {
            for c in 0..<columns { slope[r * columns + c] -= means[c] }
        }
        return (size, entropy)
    }

    /// -weight·p·log₂(p + 1e-4) and its slope; 0 and finite where p is 0.
    @inline(__always)
    static func entropy(_ p: SIMD8<Double>, _ weight: Double) -> (value: SIMD8<Double>, slope: SIMD8<Double>) {
        let shifted = p + 1e-4
        let logarithm = Double.log2(shifted)
        return (p * logarithm * -weight, (logarithm + p / shifted * Double.log2e) * -weight)
    }

    /// Up to eight numbers, zeros behind them.
    @inline(__always)
    private static func load(_ p: UnsafePointer<Double>, _ count: Int) -> SIMD8<Double> {
        if count >= 8 { return Double.eight(p) }
        var values = SIMD8<Double>.zero
        for lane in 0..<count { values[lane] = p[lane] }
        return values
    }

    @inline(__always)
    private static func store(_ values: SIMD8<Double>, to p: UnsafeMutablePointer<Double>, _ count: Int) {
        if count >= 8 { return UnsafeMutableRawPointer(p).storeBytes(of: values, as: SIMD8<Double>.self) }
        for lane in 0..<count { p[lane] = values[lane] }
    }
}
