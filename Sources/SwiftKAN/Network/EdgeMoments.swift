// EdgeMoments: means and sums of squared deviations of edges, taken while a forward sweep has their values in the nearest cache.
//
// What it must get right, in this order:
//   1. Moments are merged about means (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983), never as
//      E[v²] - E[v]²: a deviation far below the mean keeps its digits.
//   2. Lanes beyond a block's samples do not count.

/// Sums over the vectors of a row about the row's first value, so that one pass is enough and nothing cancels that two would keep.
struct RowMoments<T: KANScalar> {
    private var first = T.Vector.zero
    /// Σ d and Σ d² of d = value - first, lane by lane
    private var sum = T.Vector.zero
    private var squares = T.Vector.zero

    @inline(__always)
    init() {}

    /// The sums over a row of the block at hand.
    @inline(__always)
    init(_ row: UnsafePointer<T.Vector>, _ w: Workspace<T>) {
        let (last, valid) = (w.nv &- 1, w.valid[w.nv &- 1])
        for v in 0...last { add(row[v], v, last: last, valid) }
    }

    /// Adds vector v of a row whose last one counts where `valid` is 1.
    @inline(__always)
    mutating func add(_ values: T.Vector, _ v: Int, last: Int, _ valid: T.Vector) {
        if v == 0 { first = T.Vector(repeating: values[0]) }
        var d = values - first
        if v == last { d *= valid }
        sum += d
        squares = T.multiplyAdd(d, d, squares)
    }

    /// Mean, and sum of squared deviations from it, of a row of all vectors of a block.
    @inline(__always)
    func total(_ w: Workspace<T>) -> (mean: Double, squares: Double) {
        let (sum, squares) = (Double(T.total(sum)), Double(T.total(squares)))
        let part = sum * w.share
        let mean = Double(first[0]) + part
        let about = squares - sum * part
        // ∞ - ∞ where squares are larger than T can hold.
        if about.isNaN && mean.isFinite { return (mean, .infinity) }
        return (mean, about < 0 ? 0 : about)
    }
}

/// The numbers of `Moments`, which sweeps take out once a layer: an object would be counted at every edge, by all threads at once.
struct MomentRows {
    let mean, squares, counts: UnsafeMutablePointer<Double>

    @inline(__always)
    func merge(_ q: Int, _ n: Double, _ otherMean: Double, _ otherSquares: Double) {
        guard n > 0 else { return }
        if counts[q] == 0 {
            (mean[q], squares[q], counts[q]) = (otherMean, otherSquares, n)
            return
        }
        let total = counts[q] + n
        let delta = otherMean - mean[q]
        let share = n / total
        mean[q] += delta * share
        squares[q] += otherSquares + delta * delta * (counts[q] * share)
        counts[q] = total
    }
}

/// Where a forward sweep adds the edges of a narrow layer without symbolic ones, whose values are in the nearest cache then.
struct EdgeMoments {
    /// The numeric part of edges, and the whole of them, which is the same here.
    let numerical, edges: MomentRows?

    /// Adds the values of an edge at the block's samples.
    @inline(__always)
    func add<T: KANScalar>(_ values: RowMoments<T>, _ w: Workspace<T>, to edge: Int) {
        let (mean, squares) = values.total(w)
        numerical?.merge(edge, Double(w.samples), mean, squares)
        edges?.merge(edge, Double(w.samples), mean, squares)
    }
}
