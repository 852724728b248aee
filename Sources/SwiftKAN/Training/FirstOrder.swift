// Adam, AdamW and SGD: one update from one gradient, as torch.optim makes it.
//
// What it must get right: torch's arithmetic (bias corrections, ε outside the root, decoupled decay in AdamW), and that weight decay
// reaches only numbers that are trained.

final class FirstOrder<T: KANScalar> {
    private let options: FitOptions
    private let mean: AlignedBuffer<T>
    private let square: AlignedBuffer<T>
    private var updates = 0

    init(count: Int, options: FitOptions) throws(KANError) {
        self.options = options
        mean = try AlignedBuffer(count: count)
        square = try AlignedBuffer(count: options.optimizer == .sgd ? 0 : count)
    }

    /// Updates the numbers of the ranges given, which are those that are trained.
    func step(_ x: UnsafeMutablePointer<T>, _ g: UnsafePointer<T>, ranges: [Range<Int>], lr: Double) {
        updates += 1
        for range in ranges {
            switch options.optimizer {
            case .sgd: sgd(x, g, range, T(lr))
            default: adam(x, g, range, lr)
            }
        }
    }

    /// buffer = momentum·buffer + g;  x -= lr·buffer
    private func sgd(_ x: UnsafeMutablePointer<T>, _ g: UnsafePointer<T>, _ range: Range<Int>, _ lr: T) {
        let (momentum, decay) = (T(options.momentum), T(options.weightDecay))
        for p in range {
            mean.base[p] = momentum * mean.base[p] + (g[p] + decay * x[p])
            x[p] -= lr * mean.base[p]
        }
    }

    /// Kingma & Ba 2015, algorithm 1; AdamW: Loshchilov & Hutter 2019, algorithm 2.
    private func adam(_ x: UnsafeMutablePointer<T>, _ g: UnsafePointer<T>, _ range: Range<Int>, _ lr: Double) {
        let (beta1, beta2) = (options.beta1, options.beta2)
        let (correction1, correction2) = (1 - power(beta1, updates), 1 - power(beta2, updates))
        let size = T(lr / correction1)
        let root = T(correction2.squareRoot())
        let eps = T(options.eps)
        let (new1, old2, new2) = (T(1 - beta1), T(beta2), T(1 - beta2))
        let decoupled = options.optimizer == .adamw
        let keep = decoupled ? T(1 - lr * options.weightDecay) : 1
        let decay = decoupled ? 0 : T(options.weightDecay)
        for p in range {
            let gradient = g[p] + decay * x[p]
            mean.base[p] += (gradient - mean.base[p]) * new1
            square.base[p] = square.base[p] * old2 + gradient * gradient * new2
            x[p] = x[p] * keep - size * (mean.base[p] / (square.base[p].squareRoot() / root + eps))
        }
    }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        base == 0 ? 0 : Double.exp(Double(exponent) * Double.log(base))
    }
}
