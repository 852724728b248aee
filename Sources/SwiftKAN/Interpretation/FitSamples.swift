// FitSamples: the samples of one edge, what is known of them, and a few that stand for all.
//
// What it must get right, in this order:
//   1. The smallest and the largest x are among the few: domains and poles are decided by them.
//   2. The few are spread over all samples, also if these are sorted or periodic; the same samples give the same few.
//   3. Finite samples have a finite middle, range and deviation, up to the ends of double precision.

/// The samples (x, y) of one edge. The memory is the caller's and outlives this.
struct FitSamples: @unchecked Sendable {
    // @unchecked: the pointers are only read.
    let x: UnsafePointer<Double>
    let y: UnsafePointer<Double>
    let count: Int

    /// The range of x, its middle and half its length.
    let low, high: Double
    var middle: Double { low + half }
    let half: Double
    let meanY: Double
    /// The standard deviation of y, more than 0 unless `isConstant`.
    let scaleY: Double
    /// Nothing can be fitted: x or y is the same everywhere, to rounding.
    let isConstant: Bool
    /// Is every x one of two.
    let hasTwoPlaces: Bool

    /// Up to `capacity` samples in the order of x.
    private let fewX: [Double]
    private let fewY: [Double]

    /// As many samples as the finest scan looks at.
    static let capacity = 2048

    /// - Throws: `KANError.invalid` if there are no samples, or one of them is not finite; `KANError.cancelled`.
    init(
        x: UnsafePointer<Double>, y: UnsafePointer<Double>, count: Int, checkpoint: Checkpoint? = nil
    ) throws(KANError) {
        guard count >= 1 else { throw .invalid("n is \(count); a fit needs at least 1 sample") }
        (self.x, self.y, self.count) = (x, y, count)
        var (lowest, highest) = (0, 0)
        var most = 0.0
        for s in 0..<count {
            if s % FitSums.chunk == 0, checkpoint?.isCancelled() == true { throw .cancelled }
            guard x[s].isFinite else { throw .invalid("x[\(s)] is \(x[s]); it must be finite") }
            guard y[s].isFinite else { throw .invalid("y[\(s)] is \(y[s]); it must be finite") }
            if x[s] < x[lowest] { lowest = s }
            if x[s] > x[highest] { highest = s }
            most = max(most, abs(y[s]))
        }
        (low, high) = (x[lowest], x[highest])
        half = (high - low).isFinite ? (high - low) / 2 : high / 2 - low / 2
        // y of order one, by a power of two and so without rounding: squares of 1e160 are infinite. About the first value, so that a
        // large mean costs no digits.
        let unit = most > 0 ? Double(sign: .plus, exponent: min(max(-most.exponent, -1022), 1022), significand: 1) : 1
        let first = y[0] * unit
        var (sum, squares, others) = (0.0, 0.0, 0)
        for s in 0..<count {
            if s % FitSums.chunk == 0, checkpoint?.isCancelled() == true { throw .cancelled }
            sum += y[s] * unit - first
            others += x[s] == low || x[s] == high ? 0 : 1
        }
        hasTwoPlaces = others == 0
        let mean = first + sum / Double(count)
        for s in 0..<count {
            if s % FitSums.chunk == 0, checkpoint?.isCancelled() == true { throw .cancelled }
            squares += (y[s] * unit - mean) * (y[s] * unit - mean)
        }
        meanY = mean / unit
        let size = (squares / Double(count)).squareRoot()
        scaleY = size / unit
        isConstant = !(size > 4e-15 * abs(mean)) || !(1 / scaleY).isFinite || !(half > 4e-15 * max(abs(low), abs(high)))

        let m = min(count, Self.capacity)
        var chosen = Array(0..<m)
        if m < count {
            var state: UInt64 = 1
            for k in 0..<m {
                // One sample at random out of each of m equal parts.
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let (start, end) = (k * count / m, (k + 1) * count / m)
                chosen[k] = start + Int(state >> 33) % (end - start)
            }
            (chosen[0], chosen[m - 1]) = (lowest, highest)
        }
        chosen.sort { (x[$0], $0) < (x[$1], $1) }
        fewX = chosen.map { x[$0] }
        fewY = chosen.map { y[$0] }
    }

    /// `wanted` samples, or all of the few, in the order of x, the first and the last among them.
    func few(_ wanted: Int) -> (x: [Double], y: [Double]) {
        let m = fewX.count
        if wanted >= m { return (fewX, fewY) }
        let chosen = (0..<wanted).map { $0 * (m - 1) / (wanted - 1) }
        return (chosen.map { fewX[$0] }, chosen.map { fewY[$0] })
    }

    /// Samples of a scan, of a refinement: more, if the function may turn often.
    func scanCount(_ reach: FitReach, turning: Bool) -> Int {
        min(Self.capacity, turning ? max(96, Int(6 * reach.alpha)) : 96)
    }
    func refinementCount(_ reach: FitReach, turning: Bool) -> Int {
        min(Self.capacity, turning ? max(320, Int(12 * reach.alpha)) : 320)
    }
}

/// How far a scan goes, with x brought to -1 … 1: a·x + b = α·u + β.
struct FitReach: Sendable {
    /// The largest α and |β| looked at.
    let alpha, beta: Double

    init(_ samples: FitSamples, aRange: (Double, Double), bRange: (Double, Double)) {
        let a = max(abs(aRange.0), abs(aRange.1))
        let b = max(abs(bRange.0), abs(bRange.1))
        // Waves faster than the samples are not to be told from slower ones.
        let nyquist = 1.6 * Double(min(samples.count, FitSamples.capacity))
        alpha = max(10, min(a * samples.half, max(nyquist, 10)))
        beta = max(10, min(b, 1000))
    }
}
