// WideStore: what a sweep keeps of several blocks of samples until the gradient of wide layers' weights is made from it.
//
// A wide layer's dL/dw is a sum over samples for every input. Were each block of samples to add its part, every thread would
// need a whole dL/dw of its own, and so would every shard, for the sake of equal bits. Instead x and dL/dz of many blocks are
// kept, and threads share out the inputs: each is summed up by one thread, samples in order. z is kept, too: a regulariser's sweep
// for means and deviations then serves loss and gradient of the same samples.
//
// What it must get right, in this order:
//   1. The number of samples kept depends on the network alone, and memory does not grow with the number of samples.
//   2. Rows stand as the workspace has them, so that nothing is copied: the workspace works in this memory.

final class WideStore<T: KANScalar>: @unchecked Sendable {
    private var memory: AlignedBuffer<T>?
    /// Layer by layer the blocks; none for narrow layers.
    private(set) var blocks: [[WideBlock<T>]] = []
    /// The layer and chunk of inputs of every task of the gradient.
    private(set) var tasks: [(layer: Int, chunk: Int)] = []
    private var chunks: [Int] = []
    private var samples = 0
    private var block = 0

    /// Samples to keep: about 4 MB of numbers; a power of two, from 256 to 4096.
    static func samples(_ folded: [FoldedLayer<T>]) -> Int {
        let bytes = folded.reduce(1) { $0 + vectors($1) * MemoryLayout<T>.stride * T.lanes } / T.lanes
        var samples = 4096
        while samples > 256 && samples * bytes > 4 << 20 { samples /= 2 }
        return samples
    }

    /// Numbers kept of T.lanes samples, in vectors.
    private static func vectors(_ layer: FoldedLayer<T>) -> Int {
        layer.isWide ? layer.shape.inputs + layer.shape.outputs + layer.outputVectors * T.lanes : 0
    }

    /// Tasks of a layer's gradient; none for narrow layers.
    private static func chunks(_ layer: FoldedLayer<T>) -> Int { layer.isWide ? layer.wide.chunks : 0 }

    /// Makes room for `samples` samples in blocks of `block`; allocates only if there have never been as many.
    func prepare(_ folded: [FoldedLayer<T>], samples: Int, block: Int) throws(KANError) {
        // Compared one by one: an array to compare with would be allocated in every sweep.
        if chunks.count != folded.count || folded.indices.contains(where: { chunks[$0] != Self.chunks(folded[$0]) }) {
            chunks = folded.map { Self.chunks($0) }
            tasks = chunks.enumerated().flatMap { l, count in (0..<count).map { (l, $0) } }
        }
        guard samples != self.samples || block != self.block else { return }
        let count = (samples + block - 1) / block
        let rowVectors = (block + T.lanes - 1) / T.lanes
        let perBlock = folded.reduce(0) { $0 + Self.vectors($1) * rowVectors }
        if (memory?.count ?? -1) < count * perBlock * T.lanes {
            (self.samples, self.block, blocks, memory) = (0, 0, [], nil)  // nothing stale stays if there is no memory
            memory = try AlignedBuffer(count: count * perBlock * T.lanes)
        }
        guard var next = memory?.vectors else { return }
        blocks = folded.map { layer in
            guard layer.isWide else { return [] }
            return (0..<count).map { b in
                let x = next
                next += layer.shape.inputs * rowVectors
                let z = next
                next += layer.shape.outputs * rowVectors
                let adjoint = next
                next += layer.outputVectors * T.lanes * rowVectors
                return WideBlock(samples: min(block, samples - b * block), x: x, z: z, adjoint: adjoint)
            }
        }
        (self.samples, self.block) = (samples, block)
    }

    /// Lets `w` work on block `block` in this memory.
    @inline(__always)
    func bind(_ w: Workspace<T>, _ folded: [FoldedLayer<T>], block: Int) {
        for l in folded.indices where folded[l].isWide {
            w.bind(layer: l, blocks[l][block])
        }
    }
}
