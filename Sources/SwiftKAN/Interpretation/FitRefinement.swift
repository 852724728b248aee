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
                    let gain = 1 - next.rss / value.rss
                    (point, value) = (trial, next)
                    damping = max(damping * 0.1, 1e-14)
                    if gain < 1e-9 && value.rss > 1e-20 || gain < 1e-3 && value.rss < 1e-24 { break }
                } else {
                    damping *= 10
                    if damping > 1e8 { break }
                }
            }
            return (point, value.rss)
        }
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
