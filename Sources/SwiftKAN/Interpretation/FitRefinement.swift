// The refinement of a fit: Levenberg-Marquardt in the one or two numbers that are not linear.
//
// What it must get right: the error never grows, a step out of the domain is a step refused, and near a perfect fit the
// steps are Gauss-Newton's, which converge quadratically to rounding.

extension FitSums {
    /// A place near `start` where the error is smallest, and that error; nil if `start` itself is not allowed.
    func refine(_ family: FitFamily, _ start: FitPoint, on rows: Rows, iterations: Int) -> (point: FitPoint, rss: Double)? {
        withRows(rows) { x, y, count in
            var point = start
            guard var value = value(point, x, y, count, derivatives: true) else { return nil }
            var damping = 1e-3
            for _ in 0..<iterations {
                if value.rss <= 1e-31 { break }
                guard let step = Self.step(value, damping, point.parameters) else { break }
                let theta = (point.theta.0 + step.0, point.theta.1 + step.1)
                if let trial = family.point(theta, like: point, samples),
                    let next = self.value(trial, x, y, count, derivatives: true), next.rss < value.rss
                {
                    let gain = value.rss - next.rss
                    let promised = Self.promise(value, step) / Double(count)
                    let end = gain < 1e-13 * value.rss && promised < 1e-12 * value.rss
                    (point, value) = (trial, next)
                    // Steps that overshoot gain little, and may go on from one side to the other for long.
                    damping = gain < 0.25 * promised ? max(damping * 4, 0.1) : max(damping * 0.1, 1e-14)
                    if end || value.rss < 1e-24 && gain < 1e-3 * value.rss { break }
                } else {
                    damping *= 10
                    if damping > 1e8 { break }
                }
            }
            return (point, value.rss)
        }
    }

    /// By how much a step would lessen Σr² if t were linear in the numbers searched for.
    private static func promise(_ v: FitValue, _ step: (Double, Double)) -> Double {
        let (g, h) = (v.gradient, v.hessian)
        return 2 * (g.0 * step.0 + g.1 * step.1) - h.0 * step.0 * step.0 - 2 * h.1 * step.0 * step.1
            - h.2 * step.1 * step.1
    }

    /// Solves (JᵀJ + λ·diag JᵀJ)·step = Jᵀr.
    private static func step(_ v: FitValue, _ damping: Double, _ parameters: Int) -> (Double, Double)? {
        let (h00, h01, h11) = v.hessian
        guard parameters == 2 else {
            return h00 > 0 ? (v.gradient.0 / (h00 * (1 + damping)), 0) : nil
        }
        guard h00 > 0, h11 > 0 else { return nil }
        let (d0, d1) = (h00 * (1 + damping), h11 * (1 + damping))
        let determinant = d0 * d1 - h01 * h01
        guard determinant > 0 else { return nil }
        return (
            (d1 * v.gradient.0 - h01 * v.gradient.1) / determinant,
            (d0 * v.gradient.1 - h01 * v.gradient.0) / determinant
        )
    }
}
