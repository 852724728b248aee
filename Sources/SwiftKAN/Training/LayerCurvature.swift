// LayerCurvature: how strongly the output answers to the parameters of each layer, for L-BFGS after a move of the grid.
//
// Why: L-BFGS begins every direction with a multiple of the identity, which takes all parameters to be of one kind. In a KAN they are
// not: the curvature of layer l grows with the squared slopes of all layers behind it, so labels of size 100 make an early
// layer thousands of times stiffer than the last. Ten pairs (s, y) do not repair that in the few iterations between two moves of
// the grid. One number a layer does, and does not disturb what regularisation does to single edges, as a number for each
// parameter would: that one would hurry just the coefficients that hardly matter.
//
// What it must get right, in this order:
//   1. Never negative, and never zero or infinite in the end: a metric that is not positive makes directions that climb.
//   2. The same bits for any number of threads, and the same from run to run.
//   3. Few sweeps, whatever the number of samples, outputs and layers.
//
// Source: the Gauss-Newton matrix JᵀJ, J = ∂(outputs of all samples)/∂parameters, has the trace E ‖Jᵀv‖² over random signs v
// (M. F. Hutchinson, Communications in Statistics 19 (1990) 433-450), and the same holds for the columns of J of one layer.
// Jᵀv is what one backward sweep computes, for all layers at once.

enum LayerCurvature {
    /// Sweeps. Layers differ by powers of ten, so an error of a third does not matter.
    static let probes = 8
    /// No layer counts as softer than this part of the mean.
    static let floor = 1e-3
}

extension LayerShape {
    /// Where the layer's parameters stand in the state.
    var parameterRanges: [Range<Int>] {
        [
            nodeBias..<(nodeBias + 2 * nodes + 2 * outputs), coef..<(coef + edges * basisCount), scaleBase..<(scaleBase + edges),
            scaleSp..<(scaleSp + edges), affine..<(affine + 4 * edges),
        ]
    }
}

extension Evaluator {
    /// The mean of the diagonal of JᵀJ in each layer, over the parameters that are trained and act on the output; an estimate.
    ///
    /// - Parameters:
    ///   - weight: (n) weights of the samples, or nil; only their ratios matter.
    ///   - trained: ranges of the state.
    ///   - gradient: (parameterCount), scratch.
    @inline(never)
    func layerCurvature(
        _ x: UnsafePointer<T>, _ n: Int, weight: UnsafePointer<T>?, evaluation: Evaluation, trained: [Range<Int>],
        gradient: UnsafeMutablePointer<T>
    ) throws(KANError) -> [Double] {
        let O = architecture.outputs
        let signs = try AlignedBuffer<T>(count: n * O)
        var random = MersenneTwister(seed: 0)
        var sums = [Double](repeating: 0, count: architecture.depth)
        var counts = sums
        for _ in 0..<LayerCurvature.probes {
            for s in 0..<n {
                let size = weight.map { $0[s].squareRoot() } ?? 1
                for o in 0..<O { signs.base[s * O + o] = random.next() & 1 == 0 ? size : -size }
            }
            nonisolated(unsafe) let v = signs.base
            _ = try gradientSweep(
                x, n, evaluation: evaluation, pulls: nil, gradient: gradient, inputGradient: nil
            ) { w, start, _ in
                w.load(v + start * O, columns: O, into: w.dx)
                return 0
            }
            for (l, shape) in architecture.layers.enumerated() {
                for range in shape.parameterRanges {
                    for part in trained where part.overlaps(range) {
                        for p in part.clamped(to: range) where gradient[p] != 0 {
                            let g = Double(gradient[p])
                            sums[l] += g * g
                            counts[l] += 1
                        }
                    }
                }
            }
        }
        return zip(sums, counts).map { $1 == 0 ? 0 : $0 / $1 }
    }

    /// Writes the metric W of L-BFGS: for every parameter the mean curvature over that of its layer. False, and nothing written, where
    /// curvatures say nothing: only one layer, or none that is finite and above 0.
    @inline(never)
    func layerMetric(_ curvature: [Double], into metric: UnsafeMutablePointer<T>) -> Bool {
        let mean = curvature.reduce(0, +) / Double(curvature.count)
        guard curvature.count > 1, mean > 0, mean.isFinite else { return false }
        for (shape, own) in zip(architecture.layers, curvature) {
            let value = T(1 / (own / mean + LayerCurvature.floor))
            for range in shape.parameterRanges {
                for p in range { metric[p] = value }
            }
        }
        return true
    }
}
