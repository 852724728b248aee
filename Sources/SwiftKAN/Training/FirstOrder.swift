// Adam, AdamW and SGD: one update from one gradient, as torch.optim makes it.
//
// What it must get right: torch's arithmetic (bias corrections, ε outside the root, decoupled decay in AdamW), and that weight decay
// reaches only numbers that are trained.
// An update is one pass over the numbers in vectors, shared by the threads; it also keeps a copy of what was before.

import Synchronization

final class FirstOrder<T: KANScalar> {
    private let options: FitOptions
    let mean: AlignedBuffer<T>
    let square: AlignedBuffer<T>
    private var updates = 0
    private var parts: [Range<Int>] = []

    init(count: Int, options: FitOptions) throws(KANError) {
        self.options = options
        mean = try AlignedBuffer(count: count)
        square = try AlignedBuffer(count: options.optimizer == .sgd ? 0 : count)
    }

    /// Updates the numbers of the ranges given, which are those that are trained.
    ///
    /// - Parameters:
    ///   - idle: ranges whose gradient is and has always been 0: they only decay.
    ///   - saved: receives the numbers of both as they were; or nil.
    /// - Returns: were all gradients finite. If not, the optimiser is of no further use.
    @discardableResult
    func step(
        _ x: UnsafeMutablePointer<T>, _ g: UnsafePointer<T>, ranges: [Range<Int>], idle: [Range<Int>] = [], lr: Double,
        saving saved: UnsafeMutablePointer<T>? = nil
    ) -> Bool {
        updates += 1
        let decays = options.weightDecay != 0
        // Where the gradient has always been 0 so are both means, and AdamW's step is its decay.
        let onlyShrinks = decays && options.optimizer == .adamw
        let infinite = Atomic<Int>(0)
        forEachPart(ranges, decays && !onlyShrinks ? idle : []) { part in
            if !Self.isFinite(g + part.lowerBound, count: part.count) { infinite.store(1, ordering: .relaxed) }
            saved?.advanced(by: part.lowerBound).update(from: x + part.lowerBound, count: part.count)
            switch options.optimizer {
            case .sgd: sgd(x, g, part, T(lr))
            default: adam(x, g, part, lr)
            }
        }
        if !decays, let saved {
            for range in idle { (saved + range.lowerBound).update(from: x + range.lowerBound, count: range.count) }
        }
        if onlyShrinks {
            let keep = T(1 - lr * options.weightDecay)
            forEachPart(idle) { part in
                saved?.advanced(by: part.lowerBound).update(from: x + part.lowerBound, count: part.count)
                for p in part { x[p] *= keep }
            }
        }
        return infinite.load(ordering: .relaxed) == 0
    }

    /// Calls `body` with parts of the ranges, on all threads if there are enough numbers.
    private func forEachPart(_ ranges: [Range<Int>], _ more: [Range<Int>] = [], _ body: (Range<Int>) -> Void) {
        parts.removeAll(keepingCapacity: true)
        let total = addParts(of: ranges) + addParts(of: more)
        ThreadPool.spread(tasks: parts.count, threads: total < 1 << 16 ? 1 : Threads.count) { body(parts[$1]) }
    }

    /// Cuts ranges into parts; how many numbers they have.
    private func addParts(of ranges: [Range<Int>]) -> Int {
        let size = 1 << 11  // what is read of all arrays stays in the first-level caches
        var total = 0
        for range in ranges {
            total += range.count
            for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
                parts.append(start..<min(start + size, range.upperBound))
            }
        }
        return total
    }

    /// buffer = momentum·buffer + g;  x -= lr·buffer
    private func sgd(_ x: UnsafeMutablePointer<T>, _ g: UnsafePointer<T>, _ range: Range<Int>, _ lr: T) {
        let (momentum, decay) = (T(options.momentum), T(options.weightDecay))
        let mean = mean.base
        var p = range.lowerBound
        while p < range.upperBound {
            let m = Self.flushed(momentum * mean[p] + (g[p] + decay * x[p]))
            mean[p] = m
            x[p] -= lr * m
            p = p &+ 1
        }
    }

    /// Kingma & Ba 2015, algorithm 1; AdamW: Loshchilov & Hutter 2019, algorithm 2.
    ///
    /// With m and v the two means and c₁, c₂ their corrections, (lr/c₁)·m / (√v/√c₂ + ε) = (lr·√c₂/c₁)·m / (√v + ε·√c₂): one
    /// division for each number.
    private func adam(_ x: UnsafeMutablePointer<T>, _ g: UnsafePointer<T>, _ range: Range<Int>, _ lr: Double) {
        let (beta1, beta2) = (options.beta1, options.beta2)
        let (correction1, correction2) = (1 - power(beta1, updates), 1 - power(beta2, updates))
        let size = T(lr * correction2.squareRoot() / correction1)
        let eps = T(options.eps * correction2.squareRoot())
        let (new1, old2, new2) = (T(1 - beta1), T(beta2), T(1 - beta2))
        let decoupled = options.optimizer == .adamw
        let keep = decoupled ? T(1 - lr * options.weightDecay) : 1
        let decay = decoupled ? 0 : T(options.weightDecay)
        let (mean, square) = (mean.base, square.base)
        var p = range.lowerBound
        while p < range.upperBound {
            let gradient = g[p] + decay * x[p]
            let m = Self.flushed(mean[p] + (gradient - mean[p]) * new1)
            let v = Self.flushed(square[p] * old2 + gradient * gradient * new2)
            mean[p] = m
            square[p] = v
            x[p] = x[p] * keep - size * (m / (v.squareRoot() + eps))
            p = p &+ 1
        }
    }

    /// The number, or 0 where it is subnormal. Where the gradient has become 0 the means decay until they are, and stay so for good: of
    /// these the processor takes some hundred cycles each.
    @inline(__always)
    private static func flushed(_ x: T) -> T { abs(x) < T.leastNormalMagnitude ? 0 : x }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        base == 0 ? 0 : Double.exp(Double(exponent) * Double.log(base))
    }

    /// Are all of `count` numbers finite.
    static func isFinite(_ values: UnsafePointer<T>, count: Int) -> Bool {
        // v·0 is 0 exactly if v is finite; one pass without branches.
        var sum = T.Vector.zero
        var e = 0
        while e &+ T.lanes <= count {
            let v = UnsafeRawPointer(values + e).loadUnaligned(as: T.Vector.self)
            sum = T.multiplyAdd(v, .zero, sum)
            e = e &+ T.lanes
        }
        var rest = sum.sum()
        while e < count {
            rest += values[e] * 0
            e = e &+ 1
        }
        return rest == 0
    }
}
