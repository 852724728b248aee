// LayerForm: whether a layer is evaluated in the narrow form, vectorised over samples (LayerForward.swift), or in the wide one, vectorised
// over outputs (WideLayer.swift).
//
// What it must get right: the form is that of the layer's shape, of which masks are 0 when a call begins, whatever they were before, and of
// what the call is for, since the two forms round differently. A fit keeps the forms that it begins with.
//
// The narrow form takes the edges that are switched on, each for itself; the wide form takes k + 2 multiply-adds for every output that has an
// edge from any input. What else an input costs is about the same. So with a quarter of the edges off or more the narrow form is taken
// where it is quicker:
//   - gradients: it needs all basis functions of an input, G + k + 1 multiply-adds an edge, and is taken where it multiplies less. With as many edges
//     as that leaves, 1024 samples of 256 inputs take it 0.6 to 1.0 times as long as all edges take the wide form (20, 64 and 200 outputs, G = 2 … 20,
//     k = 1, 2, 3, 5, both number types, AVX-512).
//   - regularisers: it evaluates every edge again, which leaves three fifths of that.
//   - predictions: where lanes pick their cells' coefficients (CellForward.swift) an edge takes k + 2 multiply-adds and as many picks: with three quarters of
//     the edges 0.8 times as long as all take the wide form, and in proportion with fewer.

/// What a layer's form is chosen for.
struct LayerUses: OptionSet, Sendable {
    let rawValue: Int
    static let predictions = LayerUses(rawValue: 1)
    static let gradients = LayerUses(rawValue: 2)
    static let regularizers = LayerUses(rawValue: 4)
    static let all: LayerUses = [.predictions, .gradients, .regularizers]
}

extension FoldedLayer {
    /// Does a layer of this shape pay in the wide form if all its edges are switched on.
    static func mayBeWide(_ shape: LayerShape) -> Bool {
        shape.k >= 1 && shape.k <= 5 && (shape.outputs >= 16 || shape.basisCount > 32)
    }

    /// What it pays for with the edges that `mask` (inputs, outputs) leaves.
    static func wideUses(_ shape: LayerShape, mask: UnsafePointer<T>) -> LayerUses {
        guard mayBeWide(shape) else { return [] }
        if shape.basisCount > 32 || RowComparison.areAll(mask, shape.edges, 1) { return .all }
        let (edges, all) = count(shape, mask)
        guard edges > 0, 4 * edges <= 3 * all else { return .all }
        let (narrow, wide) = (edges * (shape.basisCount + 1), all * (shape.k + 2))
        var uses: LayerUses = []
        if narrow > wide { uses.insert(.gradients) }
        if 5 * narrow > 3 * wide { uses.insert(.regularizers) }
        if narrow > wide && !mayUseCells(shape) { uses.insert(.predictions) }
        return uses
    }

    /// The edges that are switched on, and those between all inputs and outputs that have any.
    private static func count(_ shape: LayerShape, _ mask: UnsafePointer<T>) -> (edges: Int, all: Int) {
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
            return (edges, inputs * isUsed.reduce(0) { $0 + ($1 ? 1 : 0) })
        }
    }
}
