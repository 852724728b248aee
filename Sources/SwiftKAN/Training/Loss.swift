// Loss: what a prediction costs, with its derivative, sample by sample.
//
// What it must get right, in this order:
//   1. Value and derivative of the same function, next to each other.
//   2. No overflow: softmax and log-sum-exp are shifted by the largest logit; binary cross-entropy uses
//      max(p, 0) - p·y + log(1 + e^-|p|).
//   3. Weighted means: Σ w·loss / Σ w over samples, and the mean over outputs where torch takes it.

public enum Loss: Int, Sendable, CaseIterable {
    /// mean of (p - y)²
    case mse = 0
    /// mean of |p - y|
    case mae = 1
    /// mean of r²/2 for |r| ≤ δ, of δ(|r| - δ/2) beyond (Huber 1964)
    case huber = 2
    /// mean over samples of -Σ_o y_o log softmax(p)_o
    case crossEntropy = 3
    /// mean of binary cross-entropy; p are logits, y in [0, 1]
    case bce = 4
    /// the caller's
    case custom = 5
}

/// What the predictions of n samples are compared with.
struct Target<T: KANScalar> {
    let loss: Loss
    let huberDelta: T
    let n: Int
    let outputs: Int
    /// (n, outputs), unless `labels` is given
    let y: UnsafePointer<T>?
    /// (n) classes
    let labels: UnsafePointer<Int64>?
    /// (n), or nil for equal ones
    let weight: UnsafePointer<T>?
    /// 1 / Σ w, also divided by the outputs for losses that are means over them
    let scale: Double

    init(
        loss: Loss, huberDelta: Double, n: Int, outputs: Int, y: UnsafePointer<T>?, labels: UnsafePointer<Int64>?,
        weight: UnsafePointer<T>?
    ) {
        self.loss = loss
        self.huberDelta = T(huberDelta)
        self.n = n
        self.outputs = outputs
        self.y = y
        self.labels = labels
        self.weight = weight
        var total = Double(n)
        if let weight {
            total = 0
            for s in 0..<n { total += Double(weight[s]) }
        }
        scale = 1 / (loss == .crossEntropy ? total : total * Double(outputs))
    }

    /// The loss of the block's samples, which start at `start`, as their share of the mean; writes dL/d(output) into `dx`.
    func evaluate(_ w: Workspace<T>, start: Int, count: Int) -> Double {
        let width = w.nv * T.lanes
        let p = UnsafeRawPointer(w.output).assumingMemoryBound(to: T.self)
        let d = UnsafeMutableRawPointer(w.dx).assumingMemoryBound(to: T.self)
        switch loss {
        case .mse:
            return elementwise(p, d, start, count, width) { p, y in
                let r = p - y
                return (r * r, 2 * r)
            }
        case .mae:
            return elementwise(p, d, start, count, width) { p, y in
                let r = p - y
                return (abs(r), r > 0 ? 1 : (r < 0 ? -1 : r * 0))
            }
        case .huber:
            let delta = huberDelta
            return elementwise(p, d, start, count, width) { p, y in
                let r = p - y
                if abs(r) <= delta { return (r * r / 2, r) }
                return (delta * (abs(r) - delta / 2), r > 0 ? delta : (r < 0 ? -delta : r))
            }
        case .bce:
            return elementwise(p, d, start, count, width) { p, y in
                let e = T.exp(-abs(p))
                let sigmoid = p >= 0 ? 1 / (1 + e) : e / (1 + e)
                return (max(p, 0) - p * y + T.log1p(e), p.isNaN ? p : sigmoid - y)
            }
        case .crossEntropy:
            return crossEntropy(p, d, start, count, width)
        case .custom:
            return 0
        }
    }

    @inline(__always)
    private func elementwise(
        _ p: UnsafePointer<T>, _ d: UnsafeMutablePointer<T>, _ start: Int, _ count: Int, _ width: Int,
        _ pointwise: (T, T) -> (T, T)
    ) -> Double {
        guard let y else { return .nan }
        let factor = T(scale)
        var total = 0.0
        for o in 0..<outputs {
            // Four sums side by side, so that an addition need not wait for the one before.
            var sums = SIMD4<T>.zero
            @inline(__always)
            func add(_ s: Int, to lane: Int) {
                let (value, slope) = pointwise(p[o &* width &+ s], y[(start &+ s) &* outputs &+ o])
                let weight = weight.map { $0[start &+ s] } ?? 1
                sums[lane] += weight * value
                d[o &* width &+ s] = factor * weight * slope
            }
            var s = 0
            while s + 4 <= count {
                for lane in 0..<4 { add(s &+ lane, to: lane) }
                s += 4
            }
            while s < count {
                add(s, to: 0)
                s += 1
            }
            total += Double(sums.sum())
        }
        return total * scale
    }

    private func crossEntropy(
        _ p: UnsafePointer<T>, _ d: UnsafeMutablePointer<T>, _ start: Int, _ count: Int, _ width: Int
    ) -> Double {
        let factor = T(scale)
        var total = 0.0
        for s in 0..<count {
            let weight = weight.map { $0[start + s] } ?? 1
            var top = p[s]
            for o in 1..<max(outputs, 1) { top = max(top, p[o * width + s]) }
            var sum: T = 0
            for o in 0..<outputs {
                let e = T.exp(p[o * width + s] - top)
                d[o * width + s] = e
                sum += e
            }
            let logSum = top + T.log(sum)
            if let labels {
                // Checked when the call began; but a callback or another thread may have written since.
                let label = min(max(Int(labels[start + s]), 0), outputs - 1)
                total += Double(weight * (logSum - p[label * width + s]))
                for o in 0..<outputs {
                    d[o * width + s] = factor * weight * (d[o * width + s] / sum - (o == label ? 1 : 0))
                }
            } else if let y {
                let row = y + (start + s) * outputs
                var mass: T = 0
                for o in 0..<outputs {
                    mass += row[o]
                    total += Double(weight * row[o] * (logSum - p[o * width + s]))
                }
                for o in 0..<outputs {
                    d[o * width + s] = factor * weight * (mass * d[o * width + s] / sum - row[o])
                }
            }
        }
        return total * scale
    }
}
