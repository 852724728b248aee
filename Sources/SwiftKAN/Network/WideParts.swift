// WideParts: the first layer's sums for few samples, of which threads take parts of the inputs instead of blocks of samples.
//
// With one or two blocks of samples each thread would fold all weights of a wide first layer for its own samples. Instead each folds
// those of its parts of the inputs, and finds their sums for all samples; the blocks then begin with these sums.
//
// What it must get right, in this order:
//   1. The bits of z are those that `wideForward` gives block by block: there, too, z is summed up part by part, in this order.
//   2. Parts depend on the layer alone, never on threads or samples.

final class WideParts<T: KANScalar>: @unchecked Sendable {
    private var memory: AlignedBuffer<T>?
    /// Vectors of a block's sums, all parts.
    private var step = 0

    /// Makes room for the sums of `blocks` blocks of at most `samples` samples.
    func prepare(_ wide: WideShape, blocks: Int, samples: Int) throws(KANError) {
        step = wide.parts * samples * wide.vectors
        if (memory?.count ?? -1) < blocks * step * T.lanes {
            memory = nil
            memory = try AlignedBuffer(count: blocks * step * T.lanes)
        }
    }

    /// (parts, groups, samples, vectors) of a block.
    func sums(_ block: Int) -> UnsafeMutablePointer<T.Vector>? { memory.map { $0.vectors + block * step } }
}

extension Evaluator {
    /// Do threads share out the inputs of the first layer for n samples: where it has parts, and blocks are so few.
    func sharesInputs(_ n: Int) -> Bool {
        folded[0].isWide && folded[0].wide.parts > 1 && Threads.count > 1 && n <= 2 * capacity * T.lanes && !runsAlone(n)
    }

    /// Takes over the inputs of n samples, in blocks of `size`, into the store, which has been prepared for them, and finds their sums.
    @inline(never)
    func sumInputs(_ x: UnsafePointer<T>, _ n: Int, size: Int) throws(KANError) {
        let (layer, D) = (folded[0], architecture.inputs)
        let (wide, blocks) = (layer.wide, store.blocks[0])
        try parts.prepare(wide, blocks: blocks.count, samples: size)
        try forEachTask(wide.parts, samples: n) { slot, part in
            let w = workspaces[slot]
            // Columns without edges go to the part before the next one that has some.
            let first = part == 0 ? 0 : wide.inputs[wide.inputRange(wide.chunkRange(part: part).lowerBound).lowerBound]
            let next = part + 1 == wide.parts ? D : wide.inputs[wide.inputRange(wide.chunkRange(part: part + 1).lowerBound).lowerBound]
            for (b, block) in blocks.enumerated() {
                w.begin(block.samples)
                w.load(x + (b * size * D + first), columns: next - first, stride: D, into: block.x + first * w.nv)
            }
            layer.sumPart(part, w, blocks, state: state) { b in
                // There is memory for every block since `prepare`.
                parts.sums(b).unsafelyUnwrapped + part * blocks[b].samples * wide.vectors
            }
        }
    }
}
