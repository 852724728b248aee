// Sweeps: what an evaluator does with the blocks of samples: predictions, and losses with their gradients.
//
// What it must get right, in this order:
//   1. The gradient is that of the very sum of losses returned; shards are added up in order.
//   2. Where a gradient is written and where it is added, no number of an earlier call stays.

extension Evaluator {
    /// Takes over the inputs of the block at hand, which starts at sample `start`; whether their basis rows are there already.
    @inline(__always)
    @discardableResult
    func load(_ x: UnsafePointer<T>, _ start: Int, _ w: Workspace<T>) -> Bool {
        let rows = inputVersion == 0 || isWide || !w.keepsBasis ? .none : InputRows(version: inputVersion, start: start)
        if rows.version != 0, w.inputs == rows { return true }
        let D = architecture.inputs
        if w.sums == nil { w.load(x + start * D, columns: D, into: w.level(0)) }
        w.inputs = rows
        return false
    }

    /// The rows of every level for the block at hand, whose inputs are loaded.
    ///
    /// - Parameters:
    ///   - predicts: see the layers'.
    ///   - edgeMoments: receives the edges of a layer, if it is narrow and has no symbolic ones; or nil.
    @inline(never)
    func forward(
        _ w: Workspace<T>, evaluation: Evaluation, derivativesFrom first: Int, hasBasis: Bool = false, hasSums: Bool = false,
        predicts: Bool = false, edgeMoments: (Int) -> EdgeMoments? = { _ in nil }
    ) {
        for (l, layer) in folded.enumerated() {
            layer.forward(
                w, layer: l, state: state, evaluation: evaluation, derivatives: l >= first, hasBasis: hasBasis && l == 0,
                hasSums: hasSums, edgeMoments: layer.hasSymbolicEdges ? nil : edgeMoments(l), predicts: predicts)
        }
    }

    /// The first layer whose derivatives a gradient needs.
    @inline(__always)
    func firstDerivative(_ inputGradient: UnsafeMutablePointer<T>?) -> Int { inputGradient == nil ? 1 : 0 }

    /// No layer needs derivatives.
    static var noDerivatives: Int { Int.max }

    /// Back through the network from dL/d(output) in `dx`; see `gradientSweep`.
    @inline(never)
    private func backward(
        _ w: Workspace<T>, evaluation: Evaluation, inputGradient: Bool, pulls: [Pulls<T>]?, gradient: UnsafeMutablePointer<T>
    ) {
        for l in folded.indices.reversed() {
            folded[l].backward(
                w, layer: l, state: state, evaluation: evaluation, inputGradient: l > 0 || inputGradient,
                pulls: pulls?[l].rows, moments: pulls?[l].moments,
                gradient: GradientRows(
                    weights: gradient + layout.weights[l], affine: gradient + layout.affine[l],
                    nodes: gradient + layout.nodes[l]))
        }
    }

    /// y = the network at x, n samples.
    @inline(never)
    func predict(_ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation, into y: UnsafeMutablePointer<T>) throws(KANError) {
        let (D, O, size) = (architecture.inputs, architecture.outputs, blockSamples(n, predicting: true))
        for layer in folded { layer.takeCells() }
        let sharesInputs = sharesInputs(n)
        if sharesInputs {
            try store.prepare(folded, samples: n, block: size)
            try sumInputs(x, n, size: size)
        }
        defer { for w in workspaces where sharesInputs { w.unbind() } }
        try forEachBlock(n, size: size) { w, _, start, _ in
            if sharesInputs {
                store.bind(w, folded, block: start / size)
                w.bind(sums: parts.sums(start / size))
            }
            w.keepsBasis = false
            load(x, start, w)
            if !sharesInputs {
                let next = start + w.samples
                prefetch(x + next * D, bytes: min(min(w.samples, n - next) * D * MemoryLayout<T>.stride, 16 << 10))
            }
            forward(w, evaluation: evaluation, derivativesFrom: Self.noDerivatives, predicts: true)
            w.store(w.output, columns: O, into: y + start * O)
        }
    }

    /// The sum over samples of a loss, its gradient with respect to parameters and inputs.
    ///
    /// - Parameters:
    ///   - pulls: a regulariser's gradient at single samples, layer by layer; or nil.
    ///   - gradient: (parameterCount) receives the gradient; or nil.
    ///   - inputGradient: (n, inputs) receives dL/dx; or nil.
    ///   - hasForward: was the last sweep `moments` over the same samples, which `keepsForward` and did; with derivatives where it `keepsBlocks`.
    ///   - loss: given a workspace whose `output` holds predictions and a range of samples: returns their loss and writes dL/d(output)
    ///     into the workspace's `dx`.
    @inline(never)
    func gradientSweep(
        _ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation, pulls: [Pulls<T>]?,
        gradient: UnsafeMutablePointer<T>?, inputGradient: UnsafeMutablePointer<T>?, hasForward: Bool = false,
        loss: (Workspace<T>, Int, Int) -> Double
    ) throws(KANError) -> Double {
        let D = architecture.inputs
        let wanted = gradient != nil || inputGradient != nil
        // Wide layers' weights get their gradient from the samples of many blocks at once.
        let keeping = isWide && gradient != nil
        let shardTotal = shardCount(n, keeping: keeping)
        if wanted {
            shards.removeAll { $0.count < layout.count }  // masks change how many numbers a gradient has
            while shards.count < shardTotal { shards.append(try AlignedBuffer(count: layout.count)) }
            for s in 0..<shardTotal { shards[s].base.update(repeating: 0, count: layout.count) }
        }
        // Where nothing is there before it, the gradient of wide layers' weights is written, not added.
        let writing = keeping && n > 0
        if let gradient { clear(gradient, butWritten: writing) }
        while losses.count < shardTotal { losses.append(0) }
        for s in 0..<shardTotal { losses[s] = 0 }
        let first = wanted ? firstDerivative(inputGradient) : Self.noDerivatives
        let (hasRows, size) = (hasForward && self.keepsBlocks(n), blockSamples(n))
        let hasSums = hasForward && !hasRows
        // Training with the same inputs finds the first layer's basis rows again.
        let keepsBlocks = hasRows || inputVersion != 0 && self.keepsBlocks(n)
        let keepsBasis = keepsBlocks || isWide || self.keepsBasis(n)
        defer { if hasSums { for w in workspaces { w.unbind() } } }
        if wanted, let pulls { prepareInputPulls(pulls, from: first) }
        try losses.withUnsafeMutableBufferPointer { (losses) throws(KANError) in
            nonisolated(unsafe) let sums = losses
            try forEachPortion(n, keeping: keeping, keepsBlocks: keepsBlocks, sharing: hasForward ? nil : x) { w, shard, start, samples in
                w.keepsBasis = !hasSums && keepsBasis
                if hasSums {
                    sumStore.bind(w, folded, block: start / size)
                }
                if !hasRows {
                    let hasBasis = hasSums && folded[0].isWide || load(x, start, w)
                    forward(w, evaluation: evaluation, derivativesFrom: first, hasBasis: hasBasis, hasSums: hasSums)
                }
                sums[shard] += loss(w, start, samples)
                guard wanted else { return }
                w.clearPadding(w.dx, rows: architecture.outputs)
                backward(
                    w, evaluation: evaluation, inputGradient: inputGradient != nil, pulls: pulls,
                    gradient: shards[shard].base)
                if let inputGradient { w.store(w.dx, columns: D, into: inputGradient + start * D) }
            } chunk: { w, l, chunk, blocks, isFirst in
                guard let gradient else { return }
                let adding = !(writing && isFirst && folded[l].writesGradient)
                folded[l].wideGradient(
                    chunk, w, blocks, pulls: isFirst ? pulls?[l].moments : nil, state: state, into: gradient, adding: adding)
            }
        }
        if let gradient { gather(shardTotal, into: gradient) }
        var total = 0.0
        for s in 0..<shardTotal { total += losses[s] }
        return total
    }

    /// Sets the gradient to 0, if `butWritten` without what `wideGradient` will write.
    private func clear(_ gradient: UnsafeMutablePointer<T>, butWritten: Bool) {
        var next = 0
        for layer in folded where butWritten && layer.writesGradient {
            for range in layer.edgeRanges {
                zero(next..<range.lowerBound)
                next = range.upperBound
            }
        }
        zero(next..<architecture.parameterCount)
        func zero(_ range: Range<Int>) {
            let part = 1 << 15
            ThreadPool.run(tasks: (range.count + part - 1) / part, threads: range.count < 1 << 17 ? 1 : Threads.count) { task in
                let start = range.lowerBound + task * part
                (gradient + start).update(repeating: 0, count: min(part, range.upperBound - start))
            }
        }
    }

    /// Makes a regulariser's pulls on the inputs of wide layers ready for the sweep, from layer `first` on.
    @inline(never)
    private func prepareInputPulls(_ pulls: [Pulls<T>], from first: Int) {
        for (l, layer) in folded.enumerated() where l >= first {
            guard let moments = pulls[l].moments else { continue }
            ThreadPool.run(tasks: layer.wide.inputs.count, threads: layer.edgeThreads) { moments.prepareInputPulls(layer, $0) }
        }
    }

    /// Adds up the shards in order and turns the sum into the gradient of the parameters.
    @inline(never)
    private func gather(_ shardTotal: Int, into gradient: UnsafeMutablePointer<T>) {
        let sum = shards[0].base
        for s in 1..<max(shardTotal, 1) {
            let shard = shards[s].base
            for p in 0..<layout.count { sum[p] += shard[p] }
        }
        for (l, layer) in folded.enumerated() {
            let shape = layer.shape
            (gradient + shape.nodeBias).update(from: sum + layout.nodes[l], count: 2 * shape.nodes + 2 * shape.outputs)
            if layer.hasSymbolicEdges { (gradient + shape.affine).update(from: sum + layout.affine[l], count: 4 * shape.edges) }
            layer.unfold(sum + layout.weights[l], state: state, into: gradient)
        }
    }
}
