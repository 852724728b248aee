// NormalEquations: the Gauss-Newton matrix H = Σ_s J_sᵀ·(∂²loss/∂output²)·J_s of a network, J never stored.
//
// What it must get right, in this order:
//   1. J's columns are those of the parameters that Levenberg-Marquardt moves, each exact; see `NormalEquationsRows.swift`.
//   2. The same bits for any number of threads: every entry of H is a sum over samples in their order, by one thread.
//   3. Work follows the non-zero numbers of J: of an edge's G + k splines k + 1 touch a sample.
//
// Columns stand in units. The unit of input i of layer l holds the splines of its edges, column (b, edge): at a sample with
// splines b = c … c + k a row of J is there one run of (k + 1)·edges numbers B_b(x_i)·g_o, g_o = ∂(seed · output)/∂z_o. The last
// unit, the tail, holds all other parameters, one "basis function" of value 1. So each pair of units is one kernel:
//   H[(b, o), (b', o')] += B_b B_b' Σ_m g_mo g_mo'       m: the seeds that make up ∂²loss/∂output²
//
// A network is over-parametrised: an edge's scale_sp multiplies its coefficients. scale_sp stays as it is, and columns are those
// of w = mask·scale_sp·coef and mask·scale_base, the function's own coefficients.

/// The columns of one input of one layer, or the tail.
struct NormalUnit {
    let layer: Int
    let input: Int
    /// The subnodes its edges lead to; for the tail as many entries as it has columns.
    let outputs: [Int]
    /// Basis functions at a sample: k + 1, or 1 for the tail.
    let active: Int
    let column: Int
    /// Where its numbers stand in a sample's basis values (first the number of its first function) and gradients.
    let basisOffset: Int
    let gradientOffset: Int
    var width: Int { outputs.count }
}

/// A column of the tail.
enum TailColumn {
    case base(layer: Int, input: Int, output: Int)
    /// the first of the four affine parameters of a symbolic edge; the three others follow
    case symbolic(layer: Int, input: Int, edge: Int)
    /// all node bias, node scale, subnode bias, subnode scale of a layer
    case nodes(layer: Int)
}

final class NormalEquations<T: KANScalar> {
    let evaluator: Evaluator<T>
    private(set) var units: [NormalUnit] = []
    private(set) var tail: [(part: TailColumn, offset: Int)] = []
    /// Columns of J.
    private(set) var count = 0
    /// Where column c stands in the state, and ∂column/∂(that number): w = factor·state[target].
    private(set) var target: [Int] = []
    private(set) var factor: [Double] = []
    /// The layer of every column of splines and base functions; the number of layers for all others.
    private(set) var layers: [Int] = []
    /// Columns that are splines' coefficients, the first ones.
    private(set) var splineCount = 0
    /// (count, count) row by row; entries above the diagonal and on it are valid.
    private(set) var matrix: AlignedBuffer<Double>?

    /// Numbers a sample has in the arrays below.
    private(set) var basisStride = 0, gradientStride = 0
    /// (samples, basisStride) and (samples, seeds, gradientStride) of the samples at hand. A unit's basis values stand behind the
    /// number of the first of them, so that the run of a sample begins at column `column + first·width`.
    private(set) var basis: AlignedBuffer<Double>?
    private(set) var gradients: AlignedBuffer<Double>?
    /// H and rows of J for NormalEquationsDense.swift.
    private var dense: AlignedBuffer<Double>?
    /// Gradient sums that a backward sweep makes and nobody needs here, a buffer a shard.
    private var unused: [AlignedBuffer<T>] = []

    /// Are basis functions' covariances wanted, for a regulariser.
    let hasCovariances: Bool
    /// Σ_s b bᵀ of each unit but the tail, b its splines, its base function and 1: (size, size).
    private(set) var covariances: [(size: Int, sums: AlignedBuffer<Double>)] = []

    /// More columns than this would ask for gigabytes.
    static var largestCount: Int { 10_000 }

    init(_ evaluator: Evaluator<T>, covariances: Bool = false) {
        self.evaluator = evaluator
        hasCovariances = covariances
    }

    // MARK: - Columns

    /// Takes over which parameters move, from the network's masks and flags; to be called after `fold`.
    /// - Throws: `KANError.invalid` for networks with too many parameters.
    func prepare(_ network: KAN<T>) throws(KANError) {
        units.removeAll(keepingCapacity: true)
        tail.removeAll(keepingCapacity: true)
        target.removeAll(keepingCapacity: true)
        factor.removeAll(keepingCapacity: true)
        layers.removeAll(keepingCapacity: true)
        (basisStride, gradientStride) = (0, 0)
        for (l, layer) in evaluator.folded.enumerated() {
            for i in 0..<layer.shape.inputs { addSplines(network, layer, l, i) }
        }
        addTail(network)
        guard target.count <= Self.largestCount else {
            throw .invalid(
                "normal equations of this network have \(target.count) unknowns; opt 'LM', deviations and Jacobians need them and allow at most "
                    + "\(Self.largestCount): train with opt 'LBFGS', switch edges off (prune), or take a smaller width or grid")
        }
        count = target.count
        if matrix?.count != count * count { matrix = try AlignedBuffer(count: count * count) }
    }

    private func addUnit(_ layer: Int, _ input: Int, _ outputs: [Int], active: Int, column: Int) {
        units.append(
            NormalUnit(
                layer: layer, input: input, outputs: outputs, active: active, column: column, basisOffset: basisStride,
                gradientOffset: gradientStride))
        basisStride += active + 1 + (hasCovariances ? 1 : 0)
        gradientStride += outputs.count
    }

    private func addSplines(_ network: KAN<T>, _ layer: FoldedLayer<T>, _ l: Int, _ i: Int) {
        let (shape, state) = (layer.shape, network.state)
        func scale(_ o: Int) -> Double {
            Double(state[shape.mask + i * shape.outputs + o] * state[shape.scaleSp + i * shape.outputs + o])
        }
        // A spline whose scale is 0 has no influence whatever its coefficients are.
        let outputs = layer.numericEdges[i].filter { scale($0) != 0 && scale($0).isFinite }
        guard !outputs.isEmpty else { return }
        addUnit(l, i, outputs, active: shape.k + 1, column: target.count)
        for b in 0..<shape.basisCount {
            for o in outputs {
                target.append(shape.coef + (i * shape.outputs + o) * shape.basisCount + b)
                factor.append(scale(o))
                layers.append(l)
            }
        }
    }

    private func addTail(_ network: KAN<T>) {
        let depth = evaluator.folded.count
        splineCount = target.count
        func add(_ part: TailColumn, at first: Int, _ numbers: Int, _ scale: Double = 1, layer: Int) {
            tail.append((part, target.count - splineCount))
            for number in first..<(first + numbers) {
                target.append(number)
                factor.append(scale)
                layers.append(layer)
            }
        }
        for (l, layer) in evaluator.folded.enumerated() {
            let shape = layer.shape
            for i in 0..<shape.inputs {
                if network.scaleBaseTrainable && layer.rowCount > shape.basisCount {
                    for o in layer.numericEdges[i] {
                        let edge = i * shape.outputs + o
                        add(
                            .base(layer: l, input: i, output: o), at: shape.scaleBase + edge, 1,
                            Double(network.state[shape.mask + edge]), layer: l)
                    }
                }
                for (index, e) in layer.symbolicEdges[i].enumerated() {
                    let affine = shape.affine + 4 * (e.output * shape.inputs + i)
                    add(.symbolic(layer: l, input: i, edge: index), at: affine, 4, layer: depth)
                }
            }
            if network.affineTrainable {
                add(.nodes(layer: l), at: shape.nodeBias, 2 * shape.nodes + 2 * shape.outputs, layer: depth)
            }
        }
        let width = target.count - splineCount
        if width > 0 { addUnit(-1, 0, Array(0..<width), active: 1, column: splineCount) }
    }

    /// w of every column.
    func coefficients(_ state: UnsafePointer<T>) -> [Double] {
        target.indices.map { factor[$0] * Double(state[target[$0]]) }
    }

    // MARK: - Damping

    /// What the damping of a column is at least, as a part of the largest diagonal entry of a spline of the same layer: parameters that
    /// hardly matter are not moved far.
    static var floor: Double { 1e-2 }

    /// `floor` times that entry, for every column, with H as it is.
    ///
    /// Not of a base function: its values, and so its entries, are as large as the inputs, and would hold back the splines of data with
    /// a large mean (exp(sin πx₁ + x₂²) of x + 100 on [2, 5, 1] then stopped at 0.7 of the labels' deviation where it reaches 1e-4). Nor of
    /// another layer, whose entries have other units. Without splines in its layer, the largest entry of all splines counts, or of all columns.
    func leastDamping() -> [Double] {
        guard let h = matrix?.base else { return [] }
        var largest = [Double](repeating: 0, count: evaluator.folded.count + 1)
        for c in 0..<splineCount { largest[layers[c]] = max(largest[layers[c]], h[c * count + c]) }
        var all = largest.max() ?? 0
        if !(all > 0) { for c in 0..<count { all = max(all, h[c * count + c]) } }
        return layers.map { Self.floor * (largest[$0] > 0 ? largest[$0] : all) }
    }

    // MARK: - The sum

    /// H of a loss at the parameters that the evaluator holds, over the samples of `x`.
    @inline(never)
    func accumulate(_ x: UnsafePointer<T>, _ loss: Target<T>, evaluation: Evaluation) throws(KANError) {
        guard let matrix else { throw .internal("the normal equations have no columns") }
        matrix.fillWithZero()
        covariances.removeAll()
        if hasCovariances {
            for unit in units where unit.layer >= 0 {
                let size = evaluator.folded[unit.layer].shape.basisCount + 2
                covariances.append((size, try AlignedBuffer(count: size * size)))
            }
        }
        let (D, n, seeds) = (evaluator.architecture.inputs, loss.n, loss.seeds)
        // Samples at a time: about 4 MB of numbers, whole blocks.
        let perSample = basisStride + seeds * gradientStride
        let block = evaluator.blockSamples(n)
        let chunk = min(n, max(2, (1 << 19) / perSample / block) * block)
        try reserve(chunk, seeds)
        let width = DenseProducts.stride(count)
        let products = DenseProducts.rows(count) * width
        let wanted = isDense ? products + Self.denseRows(width) * width : 0
        if (dense?.count ?? 0) != wanted { dense = wanted > 0 ? try AlignedBuffer(count: wanted) : nil }
        dense?.base.update(repeating: 0, count: products)
        for start in stride(from: 0, to: n, by: chunk) {
            let samples = min(chunk, n - start)
            unused.removeAll { $0.count < evaluator.layout.count }
            while unused.count < evaluator.shardCount(samples) {
                unused.append(try AlignedBuffer(count: evaluator.layout.count))
            }
            try fillRows(x + start * D, loss, first: start, samples: samples, evaluation: evaluation, unused: unused)
            if let dense {
                try addDense(samples, seeds, width, dense.base + products, to: dense.base)
            } else {
                try addProducts(samples, seeds, to: matrix.base)
            }
            addCovariances(samples)
        }
        if let dense { copyUpper(dense.base, width, to: matrix.base) }
    }

    /// The upper triangle of a matrix with longer rows.
    private func copyUpper(_ source: UnsafePointer<Double>, _ width: Int, to h: UnsafeMutablePointer<Double>) {
        for r in 0..<count { (h + r * count + r).update(from: source + r * width + r, count: count - r) }
    }

    func reserve(_ samples: Int, _ seeds: Int) throws(KANError) {
        if (basis?.count ?? -1) < samples * basisStride { basis = try AlignedBuffer(count: samples * basisStride) }
        let wanted = samples * seeds * gradientStride
        if (gradients?.count ?? -1) < wanted { gradients = try AlignedBuffer(count: wanted) }
    }
}
