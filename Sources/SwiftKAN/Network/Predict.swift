// What a network computes for given samples: predictions, activations, statistics, derivatives.
//
// What it must get right, in this order:
//   1. A sample's result does not depend on the other samples of the call.
//   2. The numbers in the state are read anew in every call: users write into it through views.
//   3. Pointers were checked by the caller: (n, inputs), (n, outputs), … numbers stand behind them.

/// A kind of activation, in the words of pykan's attributes.
public enum Activation: Int, Sendable, CaseIterable {
    /// (n, inputs of layer l): the values of nodes; l = depth gives the predictions
    case acts = 0
    /// (n, outputs): subnodes after scale and bias
    case actsPremult = 1
    /// (n, outputs, inputs): edges, numeric plus symbolic part
    case splinePostacts = 2
    /// (n, outputs, inputs): the spline alone, before scale and mask
    case splinePostsplines = 3
    /// (n, outputs, inputs): edges, numeric part
    case postactsNumerical = 4
    /// (n, outputs, inputs): edges, symbolic part
    case postactsSymbolic = 5
}

extension KAN {
    /// Runs `body` with an evaluator that has the network's present numbers; it is kept for the next call.
    ///
    /// - Parameters:
    ///   - singleEdges: will single edges be evaluated.
    ///   - use: what for.
    ///   - samples: see `Evaluator.fold`.
    @inline(__always)
    func withEvaluator<R>(
        singleEdges: Bool, use: LayerUses = .gradients, samples: Int = .max, _ body: (Evaluator<T>) throws(KANError) -> R
    ) throws(KANError) -> R {
        let evaluator = try takeEvaluator(singleEdges: singleEdges, use: use, samples: samples)
        defer { keepEvaluator(evaluator) }
        return try body(evaluator)
    }

    // Functions of their own, since `withEvaluator` is copied into every call.

    /// An evaluator that is taken out while in use: a callback that uses the network meanwhile gets one of its own.
    @inline(never)
    private func takeEvaluator(singleEdges: Bool, use: LayerUses, samples: Int) throws(KANError) -> Evaluator<T> {
        let samples = isCompiled ? .max : samples
        func make(_ use: LayerUses) throws(KANError) -> Evaluator<T> {
            // Lists of symbolic edges, which grow by doubling.
            try requireMemory(doubles: layers.reduce(0) { $0 + 4 * Double($1.edges) })
            let evaluator = try Evaluator(self, singleEdges: singleEdges, use: use)
            evaluator.fold(self, samples: samples)
            return evaluator
        }
        func spare(_ use: LayerUses) -> Int? {
            spareEvaluators.firstIndex { $0.singleEdges == singleEdges && $0.use == use }
        }
        // The evaluator for gradients serves all uses, but for those that other forms of layers are quicker for.
        var evaluator: Evaluator<T>
        if let found = spare(use) ?? spare(.gradients) {
            evaluator = spareEvaluators.remove(at: found)
            if !isCompiled { evaluator.fold(self, samples: samples) }
            if !evaluator.suits(evaluator.use) { evaluator = try make(evaluator.use) }
        } else {
            let shares = layers.allSatisfy { FoldedLayer<T>.sharesForm($0, mask: state + $0.mask, use) }
            evaluator = try make(singleEdges || shares ? .gradients : use)
        }
        if !evaluator.suits(use) {
            keepEvaluator(evaluator)
            evaluator = try make(use)
        }
        evaluator.checkpoint = checkpoint
        return evaluator
    }

    @inline(never)
    private func keepEvaluator(_ evaluator: Evaluator<T>) {
        evaluator.checkpoint = nil
        if !spareEvaluators.contains(where: { $0.singleEdges == evaluator.singleEdges && $0.use == evaluator.use }) {
            spareEvaluators.append(evaluator)
        }
    }

    /// y (n, outputs) = the network at x (n, inputs).
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func predict(
        x: UnsafePointer<T>, n: Int, evaluation: Evaluation = Evaluation(), into y: UnsafeMutablePointer<T>
    ) throws(KANError) {
        guard n > 0 else { return }
        try withEvaluator(singleEdges: false, use: .predictions, samples: n) { (evaluator) throws(KANError) in
            try evaluator.predict(x, n, evaluation: evaluation, into: y)
        }
    }

    /// One kind of activation of layer l at x; see `Activation` for shapes.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func activations(
        _ kind: Activation, layer l: Int, x: UnsafePointer<T>, n: Int, evaluation: Evaluation,
        into out: UnsafeMutablePointer<T>
    ) throws(KANError) {
        let last = kind == .acts ? layers.count : layers.count - 1
        guard l >= 0, l <= last else { throw .invalid("l is \(l); it must be 0 … \(last)") }
        guard n > 0 else { return }
        let (D, isOfNodes) = (architecture.inputs, kind == .acts || kind == .actsPremult)
        try withEvaluator(singleEdges: !isOfNodes, use: .predictions) { (evaluator) throws(KANError) in
            for layer in evaluator.folded { layer.takeCells() }
            try evaluator.forEachBlock(n) { w, _, start, _ in
                w.keepsBasis = !isOfNodes
                w.load(x + start * D, columns: D, into: w.level(0))
                evaluator.forward(w, evaluation: evaluation, derivativesFrom: Evaluator<T>.noDerivatives, predicts: isOfNodes)
                switch kind {
                case .acts:
                    let nodes = l < layers.count ? layers[l].inputs : architecture.outputs
                    w.store(w.level(l), columns: nodes, into: out + start * nodes)
                case .actsPremult:
                    w.store(w.layers[l].u, columns: layers[l].outputs, into: out + start * layers[l].outputs)
                default:
                    evaluator.folded[l].storeEdges(
                        kind, w, w.layers[l], evaluation, state: state, into: out + start * layers[l].edges)
                }
            }
        }
    }

    /// Numbers that `statistics` writes: two for every node, subnode and, twice, edge of every layer.
    public var statisticsCount: Int {
        layers.reduce(0) { $0 + 2 * $1.inputs + 2 * $1.outputs + 4 * $1.edges }
    }

    /// Means and standard deviations over the samples: layer by layer node mean (inputs) and deviation, subnode mean (outputs) and
    /// deviation, edge mean (outputs, inputs) and deviation, the same of the edges' numeric part.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func statistics(
        x: UnsafePointer<T>, n: Int, evaluation: Evaluation, into out: UnsafeMutablePointer<Double>
    ) throws(KANError) {
        guard n >= 2 else { throw .invalid("x has \(n) samples; a standard deviation needs at least 2") }
        let moments = try withEvaluator(singleEdges: true) { (evaluator) throws(KANError) in
            try evaluator.moments(
                x, n, evaluation: evaluation, wanted: .all, derivativesFrom: Evaluator<T>.noDerivatives)
            return evaluator.momentShards[0]
        }
        var next = out
        func write(_ values: UnsafePointer<Double>, _ count: Int) {
            next.update(from: values, count: count)
            next += count
        }
        func transpose(_ mean: UnsafePointer<Double>, _ shape: LayerShape) {
            for e in 0..<shape.edges { next[e] = mean[(e % shape.inputs) * shape.outputs + e / shape.inputs] }
            next += shape.edges
        }
        for (shape, m) in zip(layers, moments) {
            var d = LayerDeviations(shape)
            d.update(m)
            write(m.nodes.mean, shape.inputs)
            write(d.node, shape.inputs)
            write(m.subnodes.mean, shape.outputs)
            write(d.subnode, shape.outputs)
            transpose(m.edges.mean, shape)
            write(d.edge, shape.edges)
            transpose(m.numerical.mean, shape)
            write(d.numerical, shape.edges)
        }
    }
}

extension FoldedLayer {
    /// Writes one kind of edge values, (samples, outputs, inputs), of the block at hand.
    @inline(never)
    func storeEdges(
        _ kind: Activation, _ w: Workspace<T>, _ rows: LayerRows<T>, _ evaluation: Evaluation,
        state: UnsafePointer<T>, into out: UnsafeMutablePointer<T>
    ) {
        let nv = w.nv
        let values = UnsafeRawPointer(w.edge).assumingMemoryBound(to: T.self)
        for i in 0..<shape.inputs {
            let basis = rows.basis + i * rowCount * nv
            if kind == .splinePostsplines && numericEdges[i].isEmpty {
                // Masked edges have no rows in training, but their splines exist.
                table(i).rows(x: rows.x + i * nv, nv: nv, basis: basis, derivative: nil, scratch: w.scratch)
            }
            for o in 0..<shape.outputs {
                RowKernels<T>.fill(w.edge, .zero, nv)
                let coef = state + shape.coef + (i * shape.outputs + o) * shape.basisCount
                if kind == .splinePostsplines {
                    RowKernels<T>.addCombination(coef, basis, shape.basisCount, nv, to: w.edge)
                } else {
                    if kind != .postactsSymbolic, let number = numericEdges.number(i, o) {
                        RowKernels<T>.addCombination(weight(number), basis, rowCount, nv, to: w.edge)
                    }
                    if kind != .postactsNumerical, let e = symbolicEdges[i].first(where: { $0.output == o }) {
                        evaluate(e, x: rows.x + i * nv, w, evaluation, slope: false, post: w.symbolicEdge)
                        for v in 0..<nv { w.edge[v] += w.symbolicEdge[v] }
                    }
                }
                for s in 0..<w.samples { out[s * shape.edges + o * shape.inputs + i] = values[s] }
            }
        }
    }
}
