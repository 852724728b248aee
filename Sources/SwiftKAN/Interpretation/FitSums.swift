// FitSums: f(A·v + B) against y, summed over samples: the best c and d, the error that is left, and its derivatives.
//
// What it must get right, in this order:
//   1. Anything that is not finite makes the whole result nil.
//   2. Differences, not sums, are squared: f may vary by 10⁻⁷ of its size (tanh far out) and y may have any mean.
//   3. Memory does not grow with the number of samples; up to `chunk` of them are evaluated once only.
//   4. Once the fit is cancelled no function is evaluated any more, and every result is nil.

/// A place in the search: t = A·v + B with v = (x - origin)·scale, and how t moves with the one or two numbers searched for.
struct FitPoint: Sendable {
    var theta: (Double, Double)
    var origin, scale: Double
    var A, B: Double
    /// ∂A/∂θ and ∂B/∂θ; the second is not looked at if `parameters` is 1.
    var dA = (0.0, 0.0)
    var dB = (0.0, 0.0)
    var parameters = 1
}

/// What a place is worth, with y brought to mean 0 and deviation 1.
struct FitValue {
    /// Σr², a sum over samples divided by their number.
    var rss: Double
    /// JᵀJ and Jᵀr, J being projected onto what 1 and f do not span.
    var hessian = (0.0, 0.0, 0.0)
    var gradient = (0.0, 0.0)
}

/// Room for the samples of one chunk.
final class FitSums {
    enum Rows {
        case all
        case sample(Int)
    }

    static let chunk = 2048
    let function: EdgeFunction
    let samples: FitSamples
    private let checkpoint: Checkpoint?
    private let t, f, df: UnsafeMutablePointer<Double>
    private var fewCount = -1
    private var few: (x: [Double], y: [Double]) = ([], [])

    init(_ function: EdgeFunction, _ samples: FitSamples, _ checkpoint: Checkpoint? = nil) {
        (self.function, self.samples, self.checkpoint) = (function, samples, checkpoint)
        t = .allocate(capacity: 3 * Self.chunk)
        f = t + Self.chunk
        df = f + Self.chunk
    }

    deinit { t.deallocate() }

    /// Calls `body` with pointers to the x and y of the samples asked for, and their number.
    func withRows<R>(_ rows: Rows, _ body: (UnsafePointer<Double>, UnsafePointer<Double>, Int) -> R) -> R {
        switch rows {
        case .all: return body(samples.x, samples.y, samples.count)
        case .sample(let wanted):
            if wanted != fewCount { (few, fewCount) = (samples.few(wanted), wanted) }
            return few.x.withUnsafeBufferPointer { x in
                few.y.withUnsafeBufferPointer { y in body(x.baseAddress!, y.baseAddress!, x.count) }
            }
        }
    }

    @inline(__always)
    private func run(_ count: Int, derivative: Bool) {
        function.evaluate(
            t, count: count, value: f, derivative: derivative ? df : nil, avoidSingularities: false, yTh: 10)
    }

    /// Asked before every chunk of samples; a scan has one, which is short.
    @inline(__always) private var isCancelled: Bool { checkpoint?.isCancelled() == true }

    // MARK: - Search

    /// Error and derivatives at a place.
    func value(
        _ p: FitPoint, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ count: Int, derivatives: Bool
    ) -> FitValue? {
        let once = count <= Self.chunk
        let (meanY, inverseY) = (samples.meanY, 1 / samples.scaleY)
        func load(_ start: Int, _ m: Int, derivative: Bool) {
            for s in 0..<m { t[s] = p.A * ((x[start + s] - p.origin) * p.scale) + p.B }
            run(m, derivative: derivative)
        }
        var shift = 0.0
        var (sumF, sumFF, sumY, sumFY, sumYY) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for start in stride(from: 0, to: count, by: Self.chunk) {
            if isCancelled { return nil }
            let m = min(Self.chunk, count - start)
            load(start, m, derivative: once && derivatives)
            if start == 0 { shift = f[m / 2] }
            for s in 0..<m {
                let (g, z) = (f[s] - shift, (y[start + s] - meanY) * inverseY)
                sumF += g
                sumFF += g * g
                sumY += z
                sumFY += g * z
                sumYY += z * z
            }
        }
        let n = Double(count)
        let (meanF, meanZ) = (sumF / n, sumY / n)
        let (sff, sfy) = (sumFF - sumF * meanF, sumFY - sumF * meanZ)
        guard sff > 0, sff.isFinite, sfy.isFinite else { return nil }
        let c = sfy / sff
        if !derivatives { return FitValue(rss: max(0, sumYY - sumY * meanZ - sfy * c) / n) }

        var rss = 0.0
        var (g0, g1, h00, h01, h11) = (0.0, 0.0, 0.0, 0.0, 0.0)
        var (j0, j1, k0, k1) = (0.0, 0.0, 0.0, 0.0)
        for start in stride(from: 0, to: count, by: Self.chunk) {
            if !once && isCancelled { return nil }
            let m = min(Self.chunk, count - start)
            if !once { load(start, m, derivative: true) }
            for s in 0..<m {
                let g = f[s] - shift - meanF
                let r = (y[start + s] - meanY) * inverseY - meanZ - c * g
                let v = (x[start + s] - p.origin) * p.scale
                let slope = c * df[s]
                let (a, b) = (slope * (p.dA.0 * v + p.dB.0), slope * (p.dA.1 * v + p.dB.1))
                rss += r * r
                g0 += a * r
                g1 += b * r
                h00 += a * a
                h01 += a * b
                h11 += b * b
                j0 += a
                j1 += b
                k0 += a * g
                k1 += b * g
            }
        }
        var value = FitValue(rss: rss / n)
        value.gradient = (g0, g1)
        value.hessian = (
            h00 - j0 * j0 / n - k0 * k0 / sff, h01 - j0 * j1 / n - k0 * k1 / sff, h11 - j1 * j1 / n - k1 * k1 / sff
        )
        guard value.rss.isFinite, g0.isFinite, g1.isFinite, h00.isFinite, h11.isFinite else { return nil }
        return value
    }

    /// The error that (A, B) leave on a row of v, for scans, and whether c is positive; nil outside the domain.
    @inline(__always)
    func scan(_ A: Double, _ B: Double, _ v: [Double], _ z: [Double]) -> (error: Double, isPositive: Bool)? {
        let m = v.count
        for s in 0..<m { t[s] = A * v[s] + B }
        run(m, derivative: false)
        let shift = f[m / 2]
        var (sumF, sumFF, sumFZ) = (0.0, 0.0, 0.0)
        for s in 0..<m {
            let g = f[s] - shift
            sumF += g
            sumFF += g * g
            sumFZ += g * z[s]
        }
        // z has mean 0 over the row.
        let sff = sumFF - sumF * sumF / Double(m)
        guard sff > 0, sff.isFinite, sumFZ.isFinite else { return nil }
        return (-sumFZ * sumFZ / sff, sumFZ > 0)
    }

    /// Does f differ between the two ends of the samples by more than a millionth of what it and its arguments are there.
    func differsAtEnds(_ p: FitPoint) -> Bool {
        if isCancelled { return false }
        for (s, x) in [samples.low, samples.high].enumerated() { t[s] = p.A * ((x - p.origin) * p.scale) + p.B }
        run(2, derivative: true)
        let size = max(abs(f[0]), abs(f[1])) + max(abs(df[0]), abs(df[1])) * max(abs(t[0]), abs(t[1]))
        return size.isFinite && abs(f[1] - f[0]) > 1e-6 * size
    }

    // MARK: - Result

    /// Can f be evaluated at every sample.
    func isDefined(a: Double, b: Double) -> Bool {
        for start in stride(from: 0, to: samples.count, by: Self.chunk) {
            if isCancelled { return false }
            let m = min(Self.chunk, samples.count - start)
            for s in 0..<m { t[s] = a * samples.x[start + s] + b }
            run(m, derivative: false)
            for s in 0..<m where !f[s].isFinite { return false }
        }
        return true
    }

    /// c, d and R² of (a, b) on all samples, with the arguments rounded as a network rounds them.
    func result(a: Double, b: Double) -> SymbolicFitResult? {
        let (x, y, count) = (samples.x, samples.y, samples.count)
        let n = Double(count)
        func load(_ start: Int, _ m: Int) {
            for s in 0..<m { t[s] = a * x[start + s] + b }
            run(m, derivative: false)
        }
        var shift = 0.0
        var (sumF, sumFF, sumFY) = (0.0, 0.0, 0.0)
        for start in stride(from: 0, to: count, by: Self.chunk) {
            if isCancelled { return nil }
            let m = min(Self.chunk, count - start)
            load(start, m)
            if start == 0 { shift = f[m / 2] }
            for s in 0..<m {
                let g = f[s] - shift
                sumF += g
                sumFF += g * g
                sumFY += g * ((y[start + s] - samples.meanY) / samples.scaleY)
            }
        }
        let sff = sumFF - sumF * sumF / n
        guard sff.isFinite, sumFY.isFinite else { return nil }
        let c = sff > 0 ? sumFY / sff * samples.scaleY : 0
        var result = SymbolicFitResult(a: a, b: b, c: c, d: samples.meanY - c * (shift + sumF / n))
        var rss = 0.0
        for start in stride(from: 0, to: count, by: Self.chunk) {
            let m = min(Self.chunk, count - start)
            if count > Self.chunk {
                if isCancelled { return nil }
                load(start, m)
            }
            for s in 0..<m {
                let r = (y[start + s] - (result.c * f[s] + result.d)) / samples.scaleY
                rss += r * r
            }
        }
        guard rss.isFinite, result.c.isFinite, result.d.isFinite else { return nil }
        result.r2 = max(0, 1 - rss / n)
        return result
    }
}
