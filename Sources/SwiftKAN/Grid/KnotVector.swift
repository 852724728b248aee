// KnotVector: how grids are made: from samples, from a coarser grid, and their extension at either end.
//
// What it must get right, in this order:
//   1. Knots never decrease and a grid never has length 0: a constant feature gets a grid around its value. Two knots are
//      equal or far enough apart to divide by their distance.
//   2. pykan's knots for the same samples (KANLayer.py, update_grid_from_samples; spline.py, extend_grid).

enum KnotVector {
    /// Fills the k knots before and after the grid, which stands at knots[k … k + grid], at its mean spacing.
    static func extend<T: KANScalar>(_ knots: UnsafeMutablePointer<T>, grid: Int, k: Int) {
        let h = (knots[k + grid] - knots[k]) / T(grid)
        for m in 0..<k {
            knots[k - 1 - m] = knots[k - m] - h
            knots[k + grid + 1 + m] = knots[k + grid + m] + h
        }
    }

    /// The grid (G + 1 knots) for sorted samples: grid_eps·uniform + (1 - grid_eps)·quantiles.
    ///
    /// - Parameters:
    ///   - margin: how far the grid reaches beyond the outermost samples, as a part of their range.
    ///   - weights: of the samples, for quantiles of a weighted sample; nil: 1 each.
    static func fromSamples<T: KANScalar>(_ sorted: [T], grid: Int, gridEps: T, margin: T = 0, weights: [Double]? = nil) -> [T] {
        let n = sorted.count
        var adaptive = [T]()
        if let weights {
            adaptive = quantiles(sorted, weights, grid)
        } else {
            adaptive = (0..<grid).map { sorted[min(n - 1, Int(Double(n) / Double(grid) * Double($0)))] }
        }
        adaptive.append(sorted[n - 1])
        if margin > 0 {
            let room = margin * (sorted[n - 1] - sorted[0])
            adaptive[0] -= room
            adaptive[grid] += room
        }
        let (low, high) = (adaptive[0], adaptive[grid])
        let h = (high - low) / T(grid)
        // A constant feature, or one whose range is lost in rounding: any grid around it serves, this one has room.
        guard h > 4 * max(abs(low), abs(high)).ulp else {
            let half = max(1, abs(low)) / 2
            return (0...grid).map { low - half + T($0) * (2 * half / T(grid)) }
        }
        return joined((0...grid).map { gridEps * (low + h * T($0)) + (1 - gridEps) * adaptive[$0] })
    }

    /// Are the distances between the knots finite, those of the k knots to come at either end included.
    static func isWithinNumbers<T: KANScalar>(_ grid: [T], k: Int) -> Bool {
        let last = grid.count - 1
        let length = grid[last] - grid[0]
        let end = T(k) * (length / T(last))
        return (length + 2 * end).isFinite && (grid[last] + end).isFinite && (grid[0] - end).isFinite
    }

    /// The first sample, and those where the sum of weights passes 1/G, 2/G, … of the whole.
    private static func quantiles<T: KANScalar>(_ sorted: [T], _ weights: [Double], _ grid: Int) -> [T] {
        let total = weights.reduce(0, +)
        var result = [sorted[0]]
        var (sum, s) = (0.0, 0)
        for m in 1..<max(grid, 1) {
            while s < sorted.count - 1, sum + weights[s] <= total * Double(m) / Double(grid) {
                sum += weights[s]
                s += 1
            }
            result.append(sorted[s])
        }
        return result
    }

    /// The knots with those made equal that only rounding keeps apart: activations such as silu(-700) ≈ 10⁻³⁰² give knots
    /// whose distance has no finite reciprocal, or one that overflows in a product.
    private static func joined<T: KANScalar>(_ knots: [T]) -> [T] {
        var result = knots
        let smallest = (knots[knots.count - 1] - knots[0]) * 1e-30
        for m in 1..<max(knots.count, 1) where result[m] - result[m - 1] <= smallest { result[m] = result[m - 1] }
        return result
    }

    /// The grid of `newGrid` intervals that divides an old one evenly, counted in old intervals (pykan's refinement).
    static func refined<T: KANScalar>(_ old: UnsafePointer<T>, grid: Int, to newGrid: Int) -> [T] {
        joined((0...newGrid).map { m in
            // Position m·grid/newGrid in units of old intervals; whole positions give the old knots exactly.
            let (cell, remainder) = (m * grid).quotientAndRemainder(dividingBy: newGrid)
            if remainder == 0 { return old[cell] }
            let t = T(remainder) / T(newGrid)
            return old[cell] * (1 - t) + old[cell + 1] * t
        })
    }

    /// A grid of `newGrid` intervals that covers the samples from `low` to `high` too, where the old one does not: its part of the old
    /// knots, the extended ones included, divided evenly as `refined` does. Beyond the extended knots a spline is 0, and the
    /// grid need not reach.
    ///
    /// - Parameter old: the old knots, grid + 1 of them and k at either end.
    /// - Returns: nil where the old grid covers all, or is not one: a state that was loaded may be anything.
    static func reaching<T: KANScalar>(
        _ old: UnsafePointer<T>, grid: Int, k: Int, to newGrid: Int, low: T, high: T
    ) -> [T]? {
        let last = grid + 2 * k
        let (first, end) = (max(min(low, old[k]), old[0]), min(max(high, old[k + grid]), old[last]))
        guard first < old[k] || end > old[k + grid] else { return nil }
        /// Where x lies, in units of old intervals from the first extended knot.
        func position(_ x: T) -> Double {
            let cell = (0..<last).last { old[$0] <= x } ?? 0
            let part = Double((x - old[cell]) / (old[cell + 1] - old[cell]))
            return Double(cell) + (part > 0 ? min(part, 1) : 0)
        }
        let from = first < old[k] ? position(first) : Double(k)
        let to = end > old[k + grid] ? position(end) : Double(k + grid)
        var result = (0...newGrid).map { (m) -> T in
            let place = from + (to - from) * Double(m) / Double(newGrid)
            let cell = min(Int(place), last - 1)
            let t = T(place - Double(cell))
            return old[cell] * (1 - t) + old[cell + 1] * t
        }
        (result[0], result[newGrid]) = (first, end)
        guard zip(result, result.dropFirst()).allSatisfy({ $0 <= $1 }), (end - first).isFinite else { return nil }
        return joined(result)
    }
}
