// LayerForm: whether a layer is evaluated in the narrow form, vectorised over samples (LayerForward.swift), or in the wide one, vectorised
// over outputs (WideLayer.swift).
//
// What it must get right: the form is that of the layer's shape and of which masks are 0 when a call begins, whatever they were before,
// since the two forms round differently. A fit keeps the forms that it begins with.
//
// The narrow form evaluates all basis functions of an input and then takes the edges that are switched on, G + k + 1 multiplications each;
// the wide form takes k + 2 for every output that has an edge from any input. Forward and gradient of 1024 samples of 256 inputs, one thread,
// G = 5, k = 3, AVX-512, µs an input: narrow 2 + 0.24 an edge and 2.3 + 0.61 (single precision), 3.7 + 0.45 and 4.7 + 1.2 (double); wide
// 4.1 + 0.07 an output and 8 + 0.15, 14 + 0.22 and 29 + 0.42. So in single precision the narrow form is the quicker one below 3/8 to 2/5 of
// the edges of 64 outputs, in double precision below 2/3 to 4/5; never more than half is taken. A regulariser, for which the narrow form
// evaluates every edge again, moves that to a sixth and a third.

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
            return edges > 0 && 2 * edges <= all && edges * (shape.basisCount + 1) * T.lanes <= (regularizes ? 24 : 48) * all
        }
    }
}
