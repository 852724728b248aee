// Evaluator: runs blocks of samples through a network, on several threads, with the same bits for any number of them.
//
// What it must get right, in this order:
//   1. Sums over samples are made in a fixed order: samples are cut into blocks, blocks into shards, both by numbers that
//      depend on the network and the sample count alone; shards are added up in order.
//   2. No array is allocated in a sweep after the first of its kind.
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
    private(set) var workspaces: [Workspace<T>] = []
    var shards: [AlignedBuffer<T>] = []
    var losses: [Double] = []
    let store = WideStore<T>()
    let sumStore = SumStore<T>()
    let parts = WideParts<T>()

    /// What regularisation keeps from one call to the next: moments of every shard and layer; see Statistics.swift, Objective.swift.
    var momentShards: [[LayerMoments]] = []
    var wideMoments: [WideMoments<T>?] = []
    var widePenalties: [WidePenalty<T>?] = []
    /// Have `momentShards` and `deviations` room for the edges of wide layers.
    var hasWideEdges = false
    var deviations: [LayerDeviations] = []
    var backwardScores: BackwardScores?
    var pulls: [Pulls<T>] = []
    /// While it is not 0, x and the knots are those of the last sweep with the same number, so that the basis rows of the
    /// first layer that a workspace still has need not be made anew. Training sets it.
    var inputVersion = 0

    /// Can single edges be evaluated: for regularisers, statistics and activations.
    let singleEdges: Bool

    /// What its layers have their forms for, one of all.
    let use: LayerUses

    init(_ network: KAN<T>, singleEdges: Bool, use: LayerUses = .gradients) throws(KANError) {
        (self.singleEdges, self.use) = (singleEdges, use)
        architecture = network.architecture
        state = UnsafePointer(network.state)
        var folded: [FoldedLayer<T>] = []
        for shape in network.layers {
            folded.append(
                try FoldedLayer(shape, network.baseFunction, state: network.state, singleEdges: singleEdges, use: use))
        }
        self.folded = folded
        isWide = folded.contains { $0.isWide }
        layout = GradientLayout(folded)
        capacity = Workspace<T>.rowCapacity(folded)
        workspaceBytes = Workspace<T>.bytes(folded, capacity: capacity)
    }

    /// Would an evaluator made for `use` have these forms of layers; if not, this one is right, too, but slower.
    func suits(_ use: LayerUses) -> Bool { !folded.contains { !$0.suits(use) } }

    /// Takes over the numbers of the network; to be called before a sweep if they may have changed.
    ///
    /// - Parameter samples: how many samples the sweeps until the next fold have, if they need no statistics. Weights beyond the
    ///   caches, for one or two blocks of samples, are folded as they are used: they then pass memory once, not three times.
    @inline(never)
    func fold(_ network: KAN<T>, samples: Int = .max) {
        let lazily = samples <= 2 * capacity * T.lanes
        var changed = false
        for (l, layer) in folded.enumerated() {
            let before = (layer.hasSymbolicEdges, layer.gradientCount)
            layer.fold(network, layer: l, lazily: lazily)
            changed = changed || (layer.hasSymbolicEdges, layer.gradientCount) != before
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
        guard isWide else {
            // Four blocks, but two where rows would be shorter than eight vectors.
            func vectors(_ blocks: Int) -> Int { (n + blocks * T.lanes - 1) / (blocks * T.lanes) }
            return max(1, min(capacity, max(vectors(4), min(8, vectors(2))))) * T.lanes
        }
        let blocks = max(n < 32 || (predicting && Threads.count == 1) ? 1 : 2, (n + capacity * T.lanes - 1) / (capacity * T.lanes))
        return (max(n, 1) + blocks - 1) / blocks
    }

    /// Shards that n samples are cut into: few enough that adding them up is cheap beside the sweep.
    func shardCount(_ n: Int) -> Int {
        let size = blockSamples(n)
        let blocks = (n + size - 1) / size
        return max(1, min(blocks, max(4, min(64, (1 << 20) / layout.count))))
    }

    /// Do n samples have so few blocks that each can keep a workspace, with 12 MB of rows together: reading that back is quicker than making it
    /// anew. Then a second sweep can find the rows of the first. Wide layers keep what they need in `WideStore` instead.
    func keepsBlocks(_ n: Int) -> Bool {
        if isWide { return false }
        let size = blockSamples(n)
        return (n + size - 1) / size * (size * workspaceBytes / (capacity * T.lanes)) <= 12 << 20
    }

    /// Do the blocks of n samples keep the basis rows of narrow layers for the backward sweep: up to 4 MB a block. Making more anew is
    /// quicker than reading it from beyond the second-level cache.
    func keepsBasis(_ n: Int) -> Bool {
        let vectors = (blockSamples(n) + T.lanes - 1) / T.lanes
        let rows = folded.reduce(0) { $0 + ($1.isWide ? 0 : $1.shape.inputs * $1.rowCount) }
        return rows * vectors * MemoryLayout<T.Vector>.stride <= 4 << 20
    }

    /// Does what a sweep over n samples leaves serve the next one, for a gradient of the parameters or not: all rows, or the sums z of
    /// all layers; those of wide layers are found by sweeps for such a gradient only.
    func keepsForward(_ n: Int, gradient: Bool) -> Bool {
        if isWide && !(gradient && n <= WideStore<T>.samples(folded)) { return false }
        return keepsBlocks(n) || SumStore<T>.holds(folded, samples: n)
    }

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
    ///
    /// - Parameters:
    ///   - size: samples of a block, if not `blockSamples(n)`.
    ///   - keeps: has each block a workspace of its own; else those of the threads, which stay in near caches.
    @inline(__always)
    func forEachBlock(
        _ n: Int, size: Int? = nil, keeps: Bool = false, _ body: (Workspace<T>, Int, Int, Int) -> Void
    ) throws(KANError) {
        let shardTotal = shardCount(n)
        let size = size ?? blockSamples(n)
        let blocks = (n + size - 1) / size
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

    /// Calls `body(slot, task)` for each of `tasks` tasks of a sweep over n samples. `slot` is a number of the thread's own, below the
    /// number of workspaces, of which there are `workspaces` at least.
    ///
    /// Threads pay from about 800 000 multiplications forward and back on, some 50 µs for a gradient (docs/performance.md); functions
    /// that users have added stay on the calling thread.
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
    /// - Parameters:
    ///   - keepsBlocks: the `keeps` of `forEachBlock`; no network with wide layers does.
    ///   - shared: the samples' inputs, if threads may share out those of the first layer; see WideParts.swift.
    @inline(__always)
    func forEachPortion(
        _ n: Int, keeping: Bool, keepsBlocks: Bool, sharing shared: UnsafePointer<T>? = nil,
        _ body: (Workspace<T>, Int, Int, Int) -> Void,
        chunk: (Workspace<T>, Int, Int, [WideBlock<T>], Bool) -> Void
    ) throws(KANError) {
        guard keeping else { return try forEachBlock(n, keeps: keepsBlocks, body) }
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
}
