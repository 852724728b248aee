// Evaluator: runs blocks of samples through a network, on several threads, with the same bits for any number of them.
//
// What it must get right, in this order:
//   1. Sums over samples are made in a fixed order: samples are cut into blocks, blocks into shards, both by numbers that
//      depend on the network and the sample count alone; shards are added up in order.
//   2. Nothing is allocated in a sweep after the first of its kind.
//   3. Memory does not grow with the number of samples.

/// The parts a folded gradient has: for every layer dL/dw, then affine; the nodes of all layers first.
struct GradientLayout: Sendable {
    let nodes: [Int]
    let weights: [Int]
    let affine: [Int]
    let count: Int

    /// Only layers with symbolic edges have a part for affine, and only narrow ones for dL/dw.
    init<T>(_ folded: [FoldedLayer<T>]) {
        var (nodes, weights, affine) = ([Int](), [Int](), [Int]())
        var offset = 0
        for layer in folded {
            nodes.append(offset)
            offset += 2 * layer.shape.nodes + 2 * layer.shape.outputs
        }
        for layer in folded {
            weights.append(offset)
            offset += layer.gradientCount
            affine.append(offset)
            offset += layer.hasSymbolicEdges ? 4 * layer.shape.edges : 0
        }
        (self.nodes, self.weights, self.affine, count) = (nodes, weights, affine, offset)
    }
}

final class Evaluator<T: KANScalar>: @unchecked Sendable {
    let architecture: Architecture
    let state: UnsafePointer<T>
    let folded: [FoldedLayer<T>]
    /// Are there layers in the wide form.
    let isWide: Bool
    private(set) var layout: GradientLayout
    /// Vectors in a row of a full block.
    let capacity: Int
    /// Asked before every block.
    var checkpoint: Checkpoint?
    private let workspaceBytes: Int
    private var workspaces: [Workspace<T>] = []
    private var shards: [AlignedBuffer<T>] = []
    private var losses: [Double] = []
    let store = WideStore<T>()
    let parts = WideParts<T>()

    /// What regularisation keeps from one call to the next: moments of every shard and layer; see Statistics.swift, Objective.swift.
    var momentShards: [[LayerMoments]] = []
    var wideMoments: [WideMoments<T>?] = []
    var deviations: [LayerDeviations] = []
    var pulls: [Pulls<T>] = []
    /// While it is not 0, x and the knots are those of the last sweep with the same number, so that the basis rows of the
    /// first layer that a workspace still has need not be made anew. Training sets it.
    var inputVersion = 0

    /// Can single edges be evaluated: for regularisers, statistics and activations.
    let edgeRows: Bool

    init(_ network: KAN<T>, edgeRows: Bool) throws(KANError) {
        self.edgeRows = edgeRows
        architecture = network.architecture
        state = UnsafePointer(network.state)
        var folded: [FoldedLayer<T>] = []
        for shape in network.layers {
            folded.append(try FoldedLayer(shape, network.baseFunction, state: network.state, edgeRows: edgeRows))
        }
        self.folded = folded
        isWide = folded.contains { $0.isWide }
        layout = GradientLayout(folded)
        capacity = Workspace<T>.rowCapacity(folded)
        workspaceBytes = Workspace<T>.bytes(folded, capacity: capacity)
    }

    /// Takes over the numbers of the network; to be called before a sweep if they may have changed.
    ///
    /// - Parameter samples: how many samples the sweeps until the next fold have, if they need no statistics. Weights beyond the
    ///   caches, for one or two blocks of samples, are folded as they are used: they then pass memory once, not three times.
    @inline(never)
    func fold(_ network: KAN<T>, samples: Int = .max) {
        let lazily = samples <= 2 * capacity * T.lanes
        var changed = false
        for (l, layer) in folded.enumerated() {
            let before = layer.hasSymbolicEdges
            layer.fold(network, layer: l, lazily: lazily)
            changed = changed || layer.hasSymbolicEdges != before
        }
        if changed { layout = GradientLayout(folded) }
    }

    // MARK: - Blocks, shards, threads

    /// Samples of a full block: what the workspace holds, or less where n samples would not give every thread some blocks.
    ///
    /// Wide layers read all their weights for every block, and do not mind counts that fill no vector: two blocks or more, of
    /// one size.
    ///
    /// - Parameter predicting: only values are wanted, whose bits do not depend on blocks.
    func blockSamples(_ n: Int, predicting: Bool = false) -> Int {
        guard isWide else { return max(1, min(capacity, n / (4 * T.lanes))) * T.lanes }
        let blocks = max(n < 32 || (predicting && Threads.count == 1) ? 1 : 2, (n + capacity * T.lanes - 1) / (capacity * T.lanes))
        return (max(n, 1) + blocks - 1) / blocks
    }

    /// Shards that n samples are cut into: few enough that adding them up is cheap beside the sweep.
    func shardCount(_ n: Int) -> Int {
        let size = blockSamples(n)
        let blocks = (n + size - 1) / size
        return max(1, min(blocks, max(4, min(64, (1 << 20) / layout.count))))
    }

    /// Do n samples have so few blocks that each can keep a workspace, 2 MB together: they stay in the second-level cache. Then a
    /// second sweep finds the rows of the first. Wide layers keep what they need in `WideStore` instead.
    func keepsBlocks(_ n: Int) -> Bool {
        if isWide { return false }
        let size = blockSamples(n)
        return (n + size - 1) / size * workspaceBytes <= 2 << 20
    }

    /// Does what a sweep over n samples leaves serve the next one: all rows, or in a network with wide layers these layers' sums.
    func keepsForward(_ n: Int) -> Bool { isWide ? n <= WideStore<T>.samples(folded) : keepsBlocks(n) }

    /// A rough count of the multiplications a sample costs, forward and back.
    private var sampleCost: Int {
        var cost = 0
        for layer in folded {
            let functions = layer.isWide ? layer.shape.k + 2 : layer.rowCount
            cost += layer.shape.inputs * (20 + 4 * functions * layer.shape.k)
            cost += 3 * layer.shape.edges * functions
            if layer.hasSymbolicEdges { cost += 50 * layer.symbolicEdges.reduce(0) { $0 + $1.count } }
        }
        return cost
    }

    /// Calls `body(workspace, shard, start, count)` for every block of n samples, the blocks of a shard in order.
    @inline(__always)
    func forEachBlock(
        _ n: Int, predicting: Bool = false, _ body: (Workspace<T>, Int, Int, Int) -> Void
    ) throws(KANError) {
        let shardTotal = shardCount(n)
        let size = blockSamples(n, predicting: predicting)
        let blocks = (n + size - 1) / size
        let keeps = keepsBlocks(n)
        try forEachTask(shardTotal, samples: n, workspaces: keeps ? blocks : 0) { slot, shard in
            for block in (shard * blocks / shardTotal)..<((shard + 1) * blocks / shardTotal) {
                if checkpoint?.isCancelled() == true { return }
                let start = block * size
                let count = min(size, n - start)
                let workspace = workspaces[keeps ? block : slot]
                workspace.begin(count)
                body(workspace, shard, start, count)
            }
        }
    }

    /// Do n samples stay on the calling thread.
    func runsAlone(_ n: Int) -> Bool { folded.contains { $0.needsCallingThread } || n * sampleCost < 800_000 }

    /// The workspace of a thread's slot.
    func workspace(_ slot: Int) -> Workspace<T> { workspaces[slot] }

    /// Calls `body(slot, task)` for each of `tasks` tasks of a sweep over n samples. `slot` is a number of the thread's own, below the
    /// number of workspaces, of which there are `workspaces` at least.
    ///
    /// Threads pay when the work is longer than some 20 µs, about 800 000 multiplications; functions that users have added
    /// stay on the calling thread.
    @inline(__always)
    func forEachTask(
        _ tasks: Int, samples n: Int, workspaces count: Int = 0, _ body: (Int, Int) -> Void
    ) throws(KANError) {
        let threads = runsAlone(n) ? 1 : max(1, min(Threads.count, tasks))
        while workspaces.count < max(threads, count) { workspaces.append(try Workspace(folded, capacity: capacity)) }
        ThreadPool.spread(tasks: tasks, threads: threads, whileWaiting: checkpoint?.pollWhileWaiting, body)
        if checkpoint?.isCancelled() == true { throw .cancelled }
    }

    /// Shards of `forEachPortion`.
    func shardCount(_ n: Int, keeping: Bool) -> Int {
        shardCount(keeping ? min(n, WideStore<T>.samples(folded)) : n)
    }

    /// `forEachBlock`; if `keeping`, portion by portion of the samples, each followed by `chunk(workspace, layer, chunk, blocks,
    /// isFirst)` for every chunk of a wide layer's inputs, which then has x and dL/dz of all blocks of the portion.
    ///
    /// - Parameter shared: the samples' inputs, if threads may share out those of the first layer; see WideParts.swift.
    @inline(__always)
    func forEachPortion(
        _ n: Int, keeping: Bool, sharing shared: UnsafePointer<T>? = nil, _ body: (Workspace<T>, Int, Int, Int) -> Void,
        chunk: (Workspace<T>, Int, Int, [WideBlock<T>], Bool) -> Void
    ) throws(KANError) {
        guard keeping else { return try forEachBlock(n, body) }
        let portion = WideStore<T>.samples(folded)
        let sharesInputs = shared != nil && sharesInputs(n)
        defer { for w in workspaces { w.unbind() } }
        for first in stride(from: 0, to: n, by: portion) {
            let count = min(portion, n - first)
            let size = blockSamples(count)
            try store.prepare(folded, samples: count, block: size)
            if sharesInputs, let shared { try sumInputs(shared + first * architecture.inputs, count, size: size) }
            try forEachBlock(count) { w, shard, start, samples in
                store.bind(w, folded, block: start / size)
                if sharesInputs { w.bind(sums: parts.sums(start / size)) }
                body(w, shard, first + start, samples)
            }
            try forEachTask(store.tasks.count, samples: count) { slot, task in
                if checkpoint?.isCancelled() == true { return }
                let (l, c) = store.tasks[task]
                chunk(workspaces[slot], l, c, store.blocks[l], first == 0)
            }
        }
    }

    // MARK: - Sweeps

    /// Takes over the inputs of the block at hand, which starts at sample `start`; whether their basis rows are there already.
    @inline(__always)
    @discardableResult
    func load(_ x: UnsafePointer<T>, _ start: Int, _ w: Workspace<T>) -> Bool {
        let rows = inputVersion == 0 || isWide ? .none : InputRows(version: inputVersion, start: start)
        if rows.version != 0, w.inputs == rows { return true }
        let D = architecture.inputs
        if w.sums == nil { w.load(x + start * D, columns: D, into: w.level(0)) }
        w.inputs = rows
        return false
    }

    /// The rows of every level for the block at hand, whose inputs are loaded.
    @inline(never)
    func forward(
        _ w: Workspace<T>, evaluation: Evaluation, derivativesFrom first: Int, hasBasis: Bool = false, hasSums: Bool = false
    ) {
        for (l, layer) in folded.enumerated() {
            layer.forward(
                w, layer: l, state: state, evaluation: evaluation, derivatives: l >= first, hasBasis: hasBasis && l == 0,
                hasSums: hasSums)
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
                pulls: pulls?[l],
                gradient: GradientRows(
                    weights: gradient + layout.weights[l], affine: gradient + layout.affine[l],
                    nodes: gradient + layout.nodes[l]))
        }
    }

    /// y = the network at x, n samples.
    @inline(never)
    func predict(_ x: UnsafePointer<T>, _ n: Int, evaluation: Evaluation, into y: UnsafeMutablePointer<T>) throws(KANError) {
        let (O, size) = (architecture.outputs, blockSamples(n, predicting: true))
        let sharesInputs = sharesInputs(n)
        if sharesInputs {
            try store.prepare(folded, samples: n, block: size)
            try sumInputs(x, n, size: size)
        }
        defer { for w in workspaces where sharesInputs { w.unbind() } }
        try forEachBlock(n, predicting: true) { w, _, start, _ in
            if sharesInputs {
                store.bind(w, folded, block: start / size)
                w.bind(sums: parts.sums(start / size))
            }
            load(x, start, w)
            forward(w, evaluation: evaluation, derivativesFrom: Self.noDerivatives)
            w.store(w.output, columns: O, into: y + start * O)
        }
    }

    /// The sum over samples of a loss, its gradient with respect to parameters and inputs.
    ///
    /// - Parameters:
    ///   - pulls: a regulariser's gradient at single samples, layer by layer; or nil.
    ///   - gradient: (parameterCount) receives the gradient; or nil.
    ///   - inputGradient: (n, inputs) receives dL/dx; or nil.
    ///   - hasForward: was the last sweep a forward sweep over the same samples that `keepsForward`, derivatives included.
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
            if let old = shards.first, old.count < layout.count { shards.removeAll() }
            while shards.count < shardTotal { shards.append(try AlignedBuffer(count: layout.count)) }
            for s in 0..<shardTotal { shards[s].base.update(repeating: 0, count: layout.count) }
        }
        // Where nothing is there before it, the gradient of wide layers' weights is written, not added.
        let writing = keeping && pulls == nil && n > 0
        if let gradient { clear(gradient, butWritten: writing) }
        while losses.count < shardTotal { losses.append(0) }
        for s in 0..<shardTotal { losses[s] = 0 }
        let first = wanted ? firstDerivative(inputGradient) : Self.noDerivatives
        if wanted, let pulls { addWidePulls(pulls, into: gradient) }
        try losses.withUnsafeMutableBufferPointer { (losses) throws(KANError) in
            nonisolated(unsafe) let sums = losses
            try forEachPortion(n, keeping: keeping, sharing: hasForward ? nil : x) { w, shard, start, samples in
                if !hasForward || isWide {
                    let hasBasis = hasForward && folded[0].isWide || load(x, start, w)
                    forward(w, evaluation: evaluation, derivativesFrom: first, hasBasis: hasBasis, hasSums: hasForward)
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
                folded[l].wideGradient(chunk, w, blocks, state: state, into: gradient, adding: adding)
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

    /// Adds the gradient of a regulariser's edges in wide layers, and makes its slopes ready for the sweep.
    @inline(never)
    private func addWidePulls(_ pulls: [Pulls<T>], into gradient: UnsafeMutablePointer<T>?) {
        for (layer, pull) in zip(folded, pulls) {
            guard let moments = pull.moments else { continue }
            let threads = layer.shape.edges < 1000 ? 1 : Threads.count
            ThreadPool.run(tasks: layer.wide.chunks, threads: threads) { c in
                layer.addWidePulls(c, pull, moments, state: state, into: gradient)
            }
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
