// SumStore: the sums z of narrow layers for all samples of a call, from a sweep for a regulariser's statistics to the sweep for the gradient.
//
// The gradient sweep then need not go through the edges forward again. Wide layers have theirs in WideStore.swift; where all rows of
// all blocks are kept (`Evaluator.keepsBlocks`) neither is needed.
//
// What it must get right, in this order:
//   1. Memory has a bound; whether it is used changes no bit of any result.
//   2. Rows stand as the workspace has them, so that nothing is copied: the workspace works in this memory.

final class SumStore<T: KANScalar>: @unchecked Sendable {
    private var memory: AlignedBuffer<T>?
    private var rowVectors = 0
    private var blockRows = 0

    /// Numbers of a sample.
    private static func rows(_ folded: [FoldedLayer<T>]) -> Int { folded.reduce(0) { $0 + ($1.isWide ? 0 : $1.shape.outputs) } }

    /// Are n samples few enough: 16 MB.
    static func holds(_ folded: [FoldedLayer<T>], samples n: Int) -> Bool {
        n <= (16 << 20) / (max(rows(folded), 1) * MemoryLayout<T>.stride)
    }

    /// Makes room for `samples` samples in blocks of `block`; allocates only if there have never been as many.
    func prepare(_ folded: [FoldedLayer<T>], samples: Int, block: Int) throws(KANError) {
        (rowVectors, blockRows) = ((block + T.lanes - 1) / T.lanes, Self.rows(folded))
        let count = (samples + block - 1) / block * blockRows * rowVectors * T.lanes
        if (memory?.count ?? -1) < count {
            memory = nil  // not both at once
            memory = try AlignedBuffer(count: count)
        }
    }

    /// Lets `w` work on block `block` in this memory.
    @inline(__always)
    func bind(_ w: Workspace<T>, _ folded: [FoldedLayer<T>], block: Int) {
        guard var next = memory?.vectors else { return }
        next += block &* blockRows &* rowVectors
        for l in folded.indices where !folded[l].isWide {
            w.bind(layer: l, z: next)
            next += folded[l].shape.outputs &* rowVectors
        }
    }
}
