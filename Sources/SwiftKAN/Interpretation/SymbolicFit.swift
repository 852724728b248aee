// SymbolicFit: which c·f(a·x + b) + d comes nearest to the samples (x, y) of one edge, f being given.
//
// What it must get right, in this order:
//   1. Never NaN: an (a, b) that leaves the domain of f at any sample, or puts a pole between samples, is no candidate.
//   2. Scale-free: x in 10⁻³ … 10³ and y in 10⁻⁶ … 10⁶ fit as well as if all were about 1.
//   3. Memory of a constant size beside the samples, whose number may be 10⁷.
//   4. One answer where many are the same function (c·log(ax) = c·log a + c·log x): the plainest, see `FitFamily.affine`.
//
// The way there (pykan's fit_params, kan/utils.py, evaluates 3 × 101 × 101 pairs (a, b) on all samples instead):
//
//     scan      candidates suited to the family of f (FitFamily), on some 100 samples; c and d in closed form
//     refine    the best few by Levenberg-Marquardt in (a, b) alone, c and d projected out (FitRefinement), on some 300
//     polish    the best of these on all samples
//     result    a and b as the network will use them; c, d and R² once more from them on all samples
//
// Variable projection: Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, with Kaufman's Jacobian (BIT 15 (1975) 49).

/// c·f(a·x + b) + d and how good it is.
public struct SymbolicFitResult: Sendable {
    public var a = 1.0, b = 0.0, c = 0.0, d = 0.0
    /// 1 - Σ(y - c·f(a·x + b) - d)² / Σ(y - ȳ)², between 0 and 1; 0 if y is constant or no (a, b) is allowed.
    public var r2 = 0.0
}

/// The fit of symbolic functions to the samples of one edge.
public enum SymbolicFit {
    /// Fits each of `functions` to (x[s], y[s]), s in 0 ..< `count`.
    ///
    /// - Parameters:
    ///   - aRange, bRange: a and b in the units of x that are looked at besides those that the samples' own scale suggests,
    ///     which are a·x + b in -10 … 10.
    ///   - poll: called on this thread about every 20 ms, so that a fit of many samples can be ended; anything but
    ///     `.proceed` cancels it.
    /// - Throws: `KANError.invalid` if there are no samples, or one of them or of the ranges' ends is not finite;
    ///   `KANError.cancelled`.
    /// - Complexity: a constant, about 0.2 ms a function, and some ten evaluations of f for each sample.
    public static func fit(
        _ functions: [EdgeFunction], x: UnsafePointer<Double>, y: UnsafePointer<Double>, count: Int,
        aRange: (Double, Double) = (-10, 10), bRange: (Double, Double) = (-10, 10), poll: (() -> CallbackAnswer)? = nil
    ) throws(KANError) -> [SymbolicFitResult] {
        for (name, range) in [("a_range", aRange), ("b_range", bRange)]
        where !(range.0.isFinite && range.1.isFinite && range.0 <= range.1) {
            throw .invalid("\(name) is (\(range.0), \(range.1)); it must be two finite numbers, lower first")
        }
        guard let poll else { return try fit(functions, x, y, count, aRange, bRange, nil) }
        return try withoutActuallyEscaping(poll) { (poll) throws(KANError) in
            try fit(functions, x, y, count, aRange, bRange, Checkpoint { poll() == .proceed ? .proceed : .cancel })
        }
    }

    private static func fit(
        _ functions: [EdgeFunction], _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ count: Int,
        _ aRange: (Double, Double), _ bRange: (Double, Double), _ checkpoint: Checkpoint?
    ) throws(KANError) -> [SymbolicFitResult] {
        let samples = try FitSamples(x: x, y: y, count: count, checkpoint: checkpoint)
        let reach = FitReach(samples, aRange: aRange, bRange: bRange)
        var results = Array(repeating: SymbolicFitResult(), count: functions.count)
        results.withUnsafeMutableBufferPointer { results in
            nonisolated(unsafe) let results = results
            func fit(_ e: Int) {
                // A cancelled fit has no results; those of functions whose turn has come end at their next chunk.
                if checkpoint?.isCancelled() == true { return }
                results[e] = self.fit(functions[e], samples, reach, checkpoint)
            }
            let library = functions.indices.filter { !functions[$0].isAdded }
            ThreadPool.run(tasks: library.count, threads: Threads.count, whileWaiting: checkpoint?.pollWhileWaiting) {
                fit(library[$0])
            }
            for e in functions.indices where functions[e].isAdded { fit(e) }
        }
        if checkpoint?.isCancelled() == true { throw .cancelled }
        return results
    }

    private static func fit(
        _ function: EdgeFunction, _ samples: FitSamples, _ reach: FitReach, _ checkpoint: Checkpoint?
    ) -> SymbolicFitResult {
        let family = FitFamily(function)
        let sums = FitSums(function, samples, checkpoint)
        guard !samples.isConstant else { return constant(sums) }
        switch family {
        case .constant: return constant(sums)
        case .line: return sums.result(a: 1, b: 0) ?? constant(sums)
        case .step: return sums.result(a: 1, b: bestThreshold(samples, checkpoint)) ?? constant(sums)
        default: break
        }
        guard let found = best(family, sums, reach) else { return constant(sums) }
        let (a, b) = family.affine(found, samples)
        guard a.isFinite, b.isFinite else { return constant(sums) }
        if let result = sums.result(a: a, b: b) { return result }
        // Rounding may put the outermost sample just outside the domain of arcsin and others.
        for shrink in [1 - 4e-16, 1 - 1e-14, 1 - 1e-12] {
            if let result = sums.result(a: a * shrink, b: b * shrink) { return result }
        }
        return constant(sums)
    }

    /// y as its mean; a and b such that f can be evaluated.
    private static func constant(_ sums: FitSums) -> SymbolicFitResult {
        let samples = sums.samples
        var result = SymbolicFitResult(d: samples.meanY)
        for b in [0, 1 - samples.low, 0.5 - samples.low] where sums.isDefined(a: result.a, b: b) {
            result.b = b
            return result
        }
        (result.a, result.b) = (0, 0.5)
        return result
    }

    /// Scan, refinement and polish.
    private static func best(_ family: FitFamily, _ sums: FitSums, _ reach: FitReach) -> FitPoint? {
        if sums.samples.hasTwoPlaces, let plain = family.placeForTwo(sums) { return plain }
        let starts = family.starts(sums, reach)
        let lower = sums.samples.refinementCount(reach, turning: family.isTurning)
        var best: (point: FitPoint, rss: Double)?
        for start in starts {
            guard let found = sums.refine(family, start, on: .sample(lower), iterations: 100) else { continue }
            // Equally good ones (aliases of a wave) are told apart by their size.
            if best == nil || found.rss < best!.rss * (1 - 1e-6) - 1e-14 { best = found }
        }
        guard let best else { return nil }
        if sums.samples.count <= lower { return best.point }
        let iterations = sums.samples.count > 1_000_000 ? 4 : 12
        return sums.refine(family, best.point, on: .all, iterations: iterations)?.point ?? best.point
    }
}
