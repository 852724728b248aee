// The scan of a fit: which few of some hundred places are worth refining.
//
// What it must get right: the grid of each family is fine enough that one of the places chosen lies in the basin of the best
// fit, for every f(a·x + b) with a·x + b in -10 … 10 and in the domain; logarithmic where only ratios matter.

extension FitFamily {
    /// The best places of the scan, none beside another, the best first.
    func starts(_ sums: FitSums, _ reach: FitReach) -> [FitPoint] {
        let samples = sums.samples
        return sums.withRows(.sample(samples.scanCount(reach, turning: isTurning))) { x, y, count in
            var z = (0..<count).map { (y[$0] - samples.meanY) / samples.scaleY }
            let mean = z.reduce(0, +) / Double(count)
            for s in z.indices { z[s] -= mean }
            func row(_ p: FitPoint) -> [Double] { (0..<count).map { (x[$0] - p.origin) * p.scale } }
            var grid = ScanGrid()
            switch self {
            case .constant, .line, .step: return []
            case .shift:
                scanLine(&grid, (-64...64).map { 0.5 * sinh(0.13 * Double($0)) }, end: -1, sums, row, z)
            case .oneSided:
                // Gaps from 10⁻⁹ to 10⁴ of half the range of x, and the touching one.
                let gaps = [-35] + (0..<64).map { -20.7 + 0.4756 * Double($0) }
                scanLine(&grid, gaps, end: -1, sums, row, z)
                grid.endLine()
                scanLine(&grid, gaps, end: 1, sums, row, z)
            case .exponential:
                let sizes = geometric(0.01, max(20, min(reach.alpha, 600)), 1.25)
                scanLine(&grid, sizes.reversed().map { -$0 } + sizes, end: -1, sums, row, z)
            case .wave: return waves(sums, reach, x, z, count)
            case .open(let mirrored):
                scanOpen(&grid, mirrored, sums, reach, row, z)
                return grid.best(5, ofOtherSign: isMonotone(sums.function) ? 0 : 2)
            case .window:
                scanWindow(&grid, sums, row, z)
                return grid.best(5)
            }
            return grid.best(4)
        }
    }

    /// For samples at two x, which c and d meet wherever f differs, so that a search would follow rounding: the first of a few plain
    /// places where it differs by more than that; nil if it does at none.
    func placeForTwo(_ sums: FitSums) -> FitPoint? {
        for theta in [(1.0, 1.0), (1, 0.3), (2, 0.7)] {
            guard let p = point(theta, end: -1, sums.samples), sums.differsAtEnds(p) else { continue }
            let (a, b) = affine(p, sums.samples)
            if a.isFinite && b.isFinite { return p }
        }
        return nil
    }

    private func scanLine(
        _ grid: inout ScanGrid, _ values: [Double], end: Double, _ sums: FitSums, _ row: (FitPoint) -> [Double], _ z: [Double]
    ) {
        var v: [Double] = []
        for value in values {
            guard let p = point((value, 0), end: end, sums.samples) else { continue }
            if v.isEmpty { v = row(p) }
            grid.add(p, sums.scan(p.A, p.B, v, z))
        }
    }

    private func scanOpen(
        _ grid: inout ScanGrid, _ mirrored: Bool, _ sums: FitSums, _ reach: FitReach, _ row: (FitPoint) -> [Double],
        _ z: [Double]
    ) {
        guard let first = point((1, 0), end: -1, sums.samples) else { return }
        let v = row(first)
        // An added function may be a wave of a kind, which needs even steps.
        let sizes = mirrored
            ? geometric(0.05, reach.alpha, 1.4)
            : geometric(0.05, 1, 1.6) + stride(from: 1.0, through: reach.alpha, by: max(0.5, reach.alpha / 400))
        for size in sizes {
            for alpha in mirrored ? [size] : [size, -size] {
                // A step or a peak between two places is found by a wider one, and sharpened by the refinement.
                let step = mirrored ? max(0.5, size / 12) : max(0.5, reach.beta / 40)
                let reachB = mirrored ? max(10, min(reach.beta, 30), size) : reach.beta
                func line(_ betas: StrideThrough<Double>) {
                    for beta in betas {
                        guard let p = point((alpha, beta), end: -1, sums.samples) else { continue }
                        grid.add(p, sums.scan(alpha, beta, v, z))
                    }
                    grid.endLine()
                }
                line(stride(from: -reachB, through: reachB, by: step))
                // Where the middle of f stands among the data matters more finely than the steps of β for small α.
                if size < 3 { line(stride(from: -1.5 * size, through: 1.5 * size, by: 0.25 * size)) }
            }
        }
    }

    private func scanWindow(
        _ grid: inout ScanGrid, _ sums: FitSums, _ row: (FitPoint) -> [Double], _ z: [Double]
    ) {
        // How much of the domain the data leave free, and which part of that is on the left.
        let free = [0.9995, 0.999, 0.998, 0.996, 0.992, 0.98, 0.95, 0.9, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1, 0.05, 0.02, 0.01, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6, 1e-9]
        let left = [1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.08, 0.15, 0.25, 0.37]
        let parts = left + [0.5] + left.reversed().map { 1 - $0 }
        var v: [Double] = []
        for f in free {
            for part in parts {
                let theta = (Double.log((1 - f) / f), Double.log(part / (1 - part)))
                guard let p = point(theta, end: -1, sums.samples) else { continue }
                if v.isEmpty { v = row(p) }
                grid.add(p, sums.scan(p.A, p.B, v, z))
            }
            grid.endLine()
        }
    }

    /// Frequencies α, with sine and cosine both linear. cos(α + δ) comes from cos α by a rotation, without calling the library.
    private func waves(
        _ sums: FitSums, _ reach: FitReach, _ x: UnsafePointer<Double>, _ z: [Double], _ count: Int
    ) -> [FitPoint] {
        let samples = sums.samples
        let u = (0..<count).map { (x[$0] - samples.middle) / samples.half }
        let step = 0.5
        var grid = ScanGrid()
        var cosine = [Double](repeating: 1, count: count), sine = [Double](repeating: 0, count: count)
        func add(_ alpha: Double) {
            guard let (rss, phase) = Self.wave(cosine, sine, z) else { return }
            // In terms of this function: sin(αu + β), or cos(αu + β) = sin(αu + β + π/2).
            var p = point((alpha, phase), end: -1, samples)
            if case .library(.cos) = sums.function { p = point((alpha, phase - .pi / 2), end: -1, samples) }
            if let p { grid.add(p, (rss, true)) }
        }
        for alpha in [0.05, 0.1, 0.2, 0.35] {
            for s in 0..<count { (cosine[s], sine[s]) = (Double.cos(alpha * u[s]), Double.sin(alpha * u[s])) }
            add(alpha)
        }
        let (dc, ds) = (u.map { Double.cos(step * $0) }, u.map { Double.sin(step * $0) })
        for s in 0..<count { (cosine[s], sine[s]) = (1, 0) }
        for k in 1...max(1, Int(reach.alpha / step)) {
            for s in 0..<count {
                let c = cosine[s] * dc[s] - sine[s] * ds[s]
                sine[s] = sine[s] * dc[s] + cosine[s] * ds[s]
                cosine[s] = c
            }
            add(Double(k) * step)
        }
        return grid.best(4)
    }

    /// The error that p·sin + q·cos + r leave, and the phase atan2(q, p).
    private static func wave(_ cosine: [Double], _ sine: [Double], _ z: [Double]) -> (Double, Double)? {
        let n = Double(z.count)
        var (s, c, ss, sc, cc, sz, cz) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for k in z.indices {
            s += sine[k]
            c += cosine[k]
            ss += sine[k] * sine[k]
            sc += sine[k] * cosine[k]
            cc += cosine[k] * cosine[k]
            sz += sine[k] * z[k]
            cz += cosine[k] * z[k]
        }
        let (pp, pq, qq) = (ss - s * s / n, sc - s * c / n, cc - c * c / n)
        let determinant = pp * qq - pq * pq
        guard determinant > 0 else { return nil }
        let p = (qq * sz - pq * cz) / determinant, q = (pp * cz - pq * sz) / determinant
        return (-(p * sz + q * cz), atan2(q, p))
    }
}

/// Does the function rise everywhere: then c has the sign of the samples' slope.
private func isMonotone(_ function: EdgeFunction) -> Bool {
    switch function {
    case .library(.tanh), .library(.arctan): true
    default: false
    }
}

/// first, first·ratio, … up to `last`.
private func geometric(_ first: Double, _ last: Double, _ ratio: Double) -> [Double] {
    var values: [Double] = []
    var value = first
    while value <= last * 1.0001 {
        values.append(value)
        value *= ratio
    }
    return values
}

private func sinh(_ x: Double) -> Double { (Double.exp(x) - Double.exp(-x)) / 2 }

private func atan2(_ y: Double, _ x: Double) -> Double {
    if abs(x) >= abs(y) {
        let angle = x == 0 ? 0 : Double.atan(y / x)
        return x < 0 ? angle + .pi : angle
    }
    return (y < 0 ? -Double.pi / 2 : Double.pi / 2) - Double.atan(x / y)
}

/// Places and errors in lines; the smallest error of each neighbourhood along its line, and then of all lines.
struct ScanGrid {
    private struct Candidate {
        let error: Double
        let isPositive: Bool
        let line: Int
        let point: FitPoint
    }
    private var found: [Candidate] = []
    private var line: [Candidate?] = []
    private var lines = 0

    mutating func add(_ point: FitPoint, _ scanned: (error: Double, isPositive: Bool)?) {
        line.append(scanned.map { Candidate(error: $0.error, isPositive: $0.isPositive, line: lines, point: point) })
    }

    mutating func endLine() {
        for k in line.indices {
            guard let here = line[k] else { continue }
            if k > 0, let before = line[k - 1], before.error <= here.error { continue }
            if k + 1 < line.count, let after = line[k + 1], after.error < here.error { continue }
            found.append(here)
        }
        line.removeAll(keepingCapacity: true)
        lines += 1
    }

    /// The `count` best, at most two of them from lines beside one another: their basins may well be the same. Then the best ones whose c
    /// has another sign than the first's, if asked for: a flank of a bell may look like the top of a wide one upside down, whose valley
    /// crosses many lines.
    mutating func best(_ count: Int, ofOtherSign others: Int = 0) -> [FitPoint] {
        endLine()
        found.sort { $0.error < $1.error }
        if lines == 1 { return found.prefix(count).map(\.point) }
        var chosen: [Candidate] = []
        func choose(_ count: Int, where isWanted: (Candidate) -> Bool) {
            var rest: [Candidate] = []
            for candidate in found {
                let beside = chosen.count { isWanted($0) && abs($0.line - candidate.line) <= 1 }
                let takes = isWanted(candidate) && chosen.count(where: isWanted) < count && beside < 2
                if takes { chosen.append(candidate) } else { rest.append(candidate) }
            }
            found = rest
        }
        choose(count) { _ in true }
        if let first = chosen.first { choose(others) { $0.isPositive != first.isPositive } }
        return chosen.map(\.point)
    }
}
