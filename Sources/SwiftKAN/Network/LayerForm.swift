// LayerForm: whether a layer is evaluated in the narrow form, vectorised over samples (LayerForward.swift), or in the wide one, vectorised
// over outputs (WideLayer.swift).
//
// What it must get right: the form is that of the layer's shape and of which masks are 0 when a call begins, whatever they were before,
// since the two forms round differently. A fit keeps the forms that it begins with.
//
// The narrow form evaluates all basis functions of an input and then takes the edges that are switched on, G + k + 1 multiply-adds each; the
// wide form takes k + 2 for every output that has an edge from any input. What else an input costs is about the same. So the narrow form is
// taken where it multiplies less, if a quarter of the edges is off: with as many edges as that leaves, 1024 samples of 256 inputs take it 0.6 to
// 1.0 times as long as all edges take the wide form (20, 64 and 200 outputs, G = 2 … 20, k = 1, 2, 3, 5, both number types, AVX-512). A
// regulariser, for which the narrow form evaluates every edge again, leaves three fifths of that. This is so of gradients; predictions, for which
// the narrow form may take k + 2 multiply-adds, too (CellForward.swift), have the form that gradients have.

extension FoldedLayer {
    /// Does a layer of this shape pay in the wide form if all its edges are switched on.
    static func mayBeWide(_ shape: LayerShape) -> Bool {
        shape.k >= 1 && shape.k <= 5 && (shape.outputs >= 16 || shape.basisCount > 32)
    }

    /// Does it pay with the edges that `mask` (inputs, outputs) leaves, with a regulariser or without.
    static func isWide(_ shape: LayerShape, mask: UnsafePointer<T>, regularizes: Bool) -> Bool {
        guard mayBeWide(shape) else { return false }
        return shape.basisCount > 32 || RowComparison.areAll(mask, shape.edges, 1) || !isSparse(shape, mask, regularizes)
    }

    /// Are few of the edges between inputs and outputs that have any switched on.
    private static func isSparse(_ shape: LayerShape, _ mask: UnsafePointer<T>, _ regularizes: Bool) -> Bool {
        var (edges, inputs) = (0, 0)
        return withUnsafeTemporaryAllocation(of: Bool.self, capacity: shape.outputs) { isUsed in
            isUsed.initialize(repeating: false)
            for i in 0..<shape.inputs {
                var count = 0
                for o in 0..<shape.outputs where mask[i &* shape.outputs &+ o] != 0 {
                    count &+= 1
                    isUsed[o] = true
                }
                edges += count
                inputs += count > 0 ? 1 : 0
            }
            let all = inputs * isUsed.reduce(0) { $0 + ($1 ? 1 : 0) }
            let (narrow, wide) = (edges * (shape.basisCount + 1), all * (shape.k + 2))
            return edges > 0 && 4 * edges <= 3 * all && (regularizes ? 5 * narrow <= 3 * wide : narrow <= wide)
        }
    }
}
