// NewtonKaczmarz: training that looks at one sample at a time and at once changes the few weights it touches (Poluektov & Polar,
// arXiv 2305.08194, section 3).
//
// What it must get right, in this order:
//   1. A sample's step is the projection onto the plane where the linearised output meets its label, shortened to the part μ = lr.
//   2. The same seed gives the same order of samples and the same bits; it runs on one thread, because every step needs the one before.
//   3. However it ends, the state holds the weights of the last complete step.
//
// With the residual r = label - f(x) of one output and its gradient g = ∂f/∂w the step is
//   w += μ r U g / (gᵀ U g),   U diagonal.
// With several outputs f is their combination along the residual, y = Σ_o (r_o/|r|) f_o, so that r becomes |r|. U holds the squares of
// units, without which a step would depend on how inputs and outputs happen to be scaled: weights of an edge that leads to a hidden
// node count in widths that node's grid had in the first pass, those that lead to an output in standard deviations of the labels. A base
// function counts in units of its largest value, where that exceeds 1. scale_sp only multiplies coefficients and stays as it is.

/// All layers, for basis functions that fit V.
final class KaczmarzNetwork<T: KANScalar, V: KANVector> where V.Scalar == T {
    private let network: KAN<T>
    private let memories: [KaczmarzMemory<T, V>]
    private let nodes: [KaczmarzNodes<T>]
    private let layers: UnsafeMutablePointer<KaczmarzLayer<T, V>>
    private let residual, label: AlignedBuffer<T>
    /// Inputs and labels of the sample after the one at hand.
    private let ahead: AlignedBuffer<T>

    init(_ network: KAN<T>, _ evaluation: Evaluation) throws(KANError) {
        self.network = network
        var (memories, nodes) = ([KaczmarzMemory<T, V>](), [KaczmarzNodes<T>]())
        for (l, shape) in network.layers.enumerated() {
            memories.append(try KaczmarzMemory(shape, network.baseFunction))
            nodes.append(try KaczmarzNodes(shape, layer: l, evaluation))
        }
        self.memories = memories
        self.nodes = nodes
        residual = try AlignedBuffer(count: network.architecture.outputs)
        label = try AlignedBuffer(count: network.architecture.outputs)
        ahead = try AlignedBuffer(count: network.architecture.inputs + network.architecture.outputs)
        layers = .allocate(capacity: memories.count)
        for l in memories.indices { (layers + l).initialize(to: memories[l].layer) }
    }

    deinit { layers.deallocate() }

    /// Takes over the network's numbers.
    private func load(deviations: [T], stretches: Bool) {
        for l in memories.indices {
            let ahead = l + 1 < memories.count ? network.layers[l + 1] : nil
            let units = nodes[l].load(network, next: ahead, outputs: deviations)
            memories[l].load(network, units: units, stretches: stretches && l > 0)
            layers[l] = memories[l].layer
            layers[l].isPlain = nodes[l].isPlain
            // Without anything in between, what leaves a layer is what enters the next.
            if layers[l].isPlain && l + 1 < memories.count {
                layers[l].z = memories[l + 1].layer.x
                layers[l].dz = memories[l + 1].layer.dx
            }
        }
    }

    /// One pass over the samples in the order given.
    ///
    /// - Returns: the mean square of the residuals, each before its step.
    @inline(never)
    func pass(
        _ data: Samples<T>, order: [Int], deviations: [T], rate: T, stretches: Bool, checkpoint: Checkpoint?
    ) throws(KANError) -> Double {
        guard let labels = data.y else { throw .invalid("opt 'NewtonKaczmarz' needs labels y") }
        let (D, O) = (network.architecture.inputs, network.architecture.outputs)
        load(deviations: deviations, stretches: stretches)
        var heaviest: T = 0
        if let weight = data.weight { for s in 0..<data.n { heaviest = max(heaviest, weight[s]) } }
        var (total, mass) = (0.0, 0.0)
        var cancelled = false
        order.withUnsafeBufferPointer { order in
            fetch(data, labels, order.first ?? 0)
            for (count, s) in order.enumerated() {
                if count & 127 == 0, checkpoint?.isCancelled() == true {
                    cancelled = true
                    return
                }
                layers[0].x.update(from: ahead.base, count: D)
                label.base.update(from: ahead.base + D, count: O)
                // The next sample comes from memory while this one is at work.
                fetch(data, labels, order[min(count + 1, order.count - 1)])
                let weight = data.weight.map { $0[s] / heaviest } ?? 1
                if weight == 0 { continue }
                let square = step(rate * weight)
                total += Double(weight) * Double(square)
                mass += Double(weight)
            }
        }
        for memory in memories { memory.store(network) }
        if cancelled { throw .cancelled }
        return total / (mass * Double(O))
    }

    @inline(__always)
    private func fetch(_ data: Samples<T>, _ labels: UnsafePointer<T>, _ s: Int) {
        let (D, O) = (layers[0].inputs, label.count)
        let (x, y, to) = (data.x + s * D, labels + s * O, ahead.base)
        for i in 0..<D { to[i] = x[i] }
        for o in 0..<O { to[D + o] = y[o] }
    }

    /// The step of the sample that stands in the first layer's x.
    ///
    /// - Returns: Σ_o r_o² before it.
    @inline(__always)
    private func step(_ rate: T) -> T {
        let last = memories.count - 1
        for l in 0...last {
            layers[l].forward(derivatives: l > 0)
            if layers[l].isPlain { continue }
            nodes[l].forward(network.state, layers[l])
            if l < last { layers[l + 1].x.update(from: nodes[l].output.base, count: layers[l + 1].inputs) }
        }
        let isPlain = layers[last].isPlain
        let (r, O, output) = (residual.base, residual.count, isPlain ? layers[last].z : nodes[last].output.base)
        var square: T = 0
        for o in 0..<O {
            r[o] = label.base[o] - output[o]
            square += r[o] * r[o]
        }
        guard square > 0 else { return square }
        let size = square.squareRoot()
        let pull = isPlain ? layers[last].dz : nodes[last].pull.base
        for o in 0..<O { pull[o] = r[o] / size }
        var length: T = 0
        for l in stride(from: last, through: 0, by: -1) {
            if !layers[l].isPlain { length += nodes[l].backward(network.state, layers[l]) }
            length += layers[l].squaredLength()
            if l > 0 {
                layers[l].pull()
                if !layers[l].isPlain { nodes[l].addPull(network.state, layers[l]) }
                if !layers[l - 1].isPlain { nodes[l - 1].pull.base.update(from: layers[l].dx, count: layers[l].inputs) }
            }
        }
        // A sample outside all grids moves nothing.
        guard length > 0 else { return square }
        let factor = rate * size / length
        for l in 0...last {
            layers[l].move(factor)
            if !layers[l].isPlain { nodes[l].move(network.state, layers[l], factor) }
        }
        return square
    }
}

final class NewtonKaczmarz<T: KANScalar> {
    private let network: KAN<T>
    private let narrow: KaczmarzNetwork<T, SIMD4<T>>?
    private let wide: KaczmarzNetwork<T, SIMD8<T>>?
    private var random: MersenneTwister
    private let stretches: Bool
    private var fewRows: AlignedBuffer<T>?

    static var fewCount: Int { 1000 }

    /// Of the labels.
    private var deviations: [T] = []

    /// - Throws: `KANError.invalid` for splines it cannot train.
    init(_ network: KAN<T>, _ options: FitOptions) throws(KANError) {
        for (l, shape) in network.layers.enumerated() where shape.k < 1 || shape.k > 7 {
            throw .invalid("k is \(shape.k) in layer \(l); opt 'NewtonKaczmarz' trains splines of degree 1 … 7")
        }
        self.network = network
        stretches = options.updateGrid
        random = MersenneTwister(seed: options.seed)
        let isNarrow = network.layers.allSatisfy { $0.k <= 3 }
        narrow = isNarrow ? try KaczmarzNetwork(network, options.evaluation) : nil
        wide = isNarrow ? nil : try KaczmarzNetwork(network, options.evaluation)
    }

    /// One pass over all samples, in an order drawn anew.
    ///
    /// - Returns: the mean square of the residuals, each before its step; not finite if training has diverged.
    @inline(__always)
    func step(_ data: Samples<T>, rate: Double, checkpoint: Checkpoint?) throws(KANError) -> Double {
        if deviations.isEmpty { deviations = deviations(of: data) }
        let order = random.permutation(data.n)
        var loss = Double.nan
        if let narrow {
            loss = try narrow.pass(
                data, order: order, deviations: deviations, rate: T(rate), stretches: stretches, checkpoint: checkpoint)
        }
        if let wide {
            loss = try wide.pass(
                data, order: order, deviations: deviations, rate: T(rate), stretches: stretches, checkpoint: checkpoint)
        }
        let P = network.architecture.parameterCount
        return (0..<P).allSatisfy({ network.state[$0].isFinite }) ? loss : .nan
    }

    /// Some of the samples, for grids and for the regularisation that is shown: their cost grows with the number of samples, and
    /// thousands say no more than a thousand.
    func fewSamples(_ data: Samples<T>) throws(KANError) -> Samples<T> {
        let (D, count) = (network.architecture.inputs, Self.fewCount)
        guard data.n > count else { return data }
        let rows = try AlignedBuffer<T>(count: count * D)
        for s in 0..<count { (rows.base + s * D).update(from: data.x + s * data.n / count * D, count: D) }
        fewRows = rows
        return Samples(n: count, x: UnsafePointer(rows.base), y: nil)
    }

    /// Standard deviations of the labels, 1 where they are all the same.
    private func deviations(of data: Samples<T>) -> [T] {
        let O = network.architecture.outputs
        guard let y = data.y else { return Array(repeating: 1, count: O) }
        return (0..<O).map { o in
            var (mean, square) = (0.0, 0.0)
            for s in 0..<data.n { mean += Double(y[s * O + o]) }
            mean /= Double(data.n)
            for s in 0..<data.n {
                let d = Double(y[s * O + o]) - mean
                square += d * d
            }
            let deviation = T((square / Double(data.n)).squareRoot())
            return deviation > 0 && deviation.isFinite ? deviation : 1
        }
    }
}
