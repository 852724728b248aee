// LayerForm: whether a layer is evaluated in the narrow form, vectorised over samples (LayerForward.swift), or in the wide one, vectorised
// over outputs (WideLayer.swift).
//
// What it must get right: the form is that of the layer's shape, of which masks are 0 when a call begins, whatever they were before, and of
// what the call is for, since the two forms round differently. A fit keeps the forms that it begins with.
//
// The narrow form evaluates all functions of an input, nb = G + k, for a vector of samples at once, and takes the edges that are switched on, each for
// itself, by nb + 1 multiply-adds. The wide form takes a sample after the other and k + 2 multiply-adds for whole vectors of outputs that have an edge
// from any input. So cost grows with the grid in the narrow form only, and with the edges that are on; the form is the quicker one (`make bench` and
// docs/performance.md; 1000 samples, both number types):
//   - Layers of fewer than 16 outputs: what an input costs in the narrow form goes with nb and its edges, and the wide form is taken where that is more
//     than what it costs there, whatever the grid (`wideCost`); a regulariser costs the wide form half as much again. Vectors of 64 bytes that are two of
//     the processor's cost the narrow form twice as much. Where the two forms cost the same, training with L-BFGS is quicker in the narrow one by what the first
//     layer's functions take, which it keeps: the limits allow for some of that.
//   - Layers of more outputs: the wide form, but with at most 32 functions and three quarters of the edges the narrow one where it multiplies less; a
//     regulariser, for which it evaluates every edge again, leaves three fifths of that.
//   - Predictions: where lanes pick their cells' coefficients (CellForward.swift) an edge takes k + 2 multiply-adds and k + 1 picks in the narrow form, too.
//     Where they do not, the narrow form has its functions for one sweep instead of two.

/// What a layer's form is chosen for.
struct LayerUses: OptionSet, Sendable {
    let rawValue: Int
    static let predictions = LayerUses(rawValue: 1)
    static let gradients = LayerUses(rawValue: 2)
    static let regularizers = LayerUses(rawValue: 4)
    static let all: LayerUses = [.predictions, .gradients, .regularizers]
}

extension FoldedLayer {
    /// Outputs from which on a sample's fill vectors well enough.
    private static var manyOutputs: Int { 16 }

    /// With e edges and nb functions an input costs about nb·(e + basis) in the narrow form, `basis` for the functions themselves, and this in the wide one.
    private static var wideCost: (basis: Int, input: Int) {
        #if SWIFTKAN_AVX512
        return T.lanes == 8 ? (6, 380) : (3, 440)
        #else
        return T.lanes == 8 ? (24, 520) : (6, 280)
        #endif
    }

    /// Does a layer of this shape pay in the wide form for anything if all its edges are switched on.
    static func mayBeWide(_ shape: LayerShape) -> Bool { !wideUses(shape, edges: shape.edges, inputs: shape.inputs, outputs: shape.outputs).isEmpty }

    /// What it pays for with the edges that `mask` (inputs, outputs) leaves.
    static func wideUses(_ shape: LayerShape, mask: UnsafePointer<T>) -> LayerUses {
        guard mayBeWide(shape) else { return [] }
        var (edges, inputs, outputs) = (shape.edges, shape.inputs, shape.outputs)
        if !RowComparison.areAll(mask, shape.edges, 1) { (edges, inputs, outputs) = count(shape, mask) }
        return wideUses(shape, edges: edges, inputs: inputs, outputs: outputs)
    }

    /// Has a layer with these masks the form for `use` that it has for gradients.
    static func sharesForm(_ shape: LayerShape, mask: UnsafePointer<T>, _ use: LayerUses) -> Bool {
        let uses = wideUses(shape, mask: mask)
        return uses.contains(use) == uses.contains(.gradients)
    }

    /// - Parameter edges: of so many inputs and outputs that have any.
    private static func wideUses(_ shape: LayerShape, edges: Int, inputs: Int, outputs: Int) -> LayerUses {
        guard shape.k >= 1, shape.k <= 5 else { return [] }
        let (functions, picks) = (shape.basisCount, mayUseCells(shape))
        var uses: LayerUses = []
        if shape.outputs < manyOutputs {
            let (narrow, wide) = (functions * (edges + wideCost.basis * inputs), wideCost.input * inputs)
            if narrow > wide { uses.insert(.gradients) }
            if 2 * narrow > 3 * wide { uses.insert(.regularizers) }
            if 2 * narrow > wide && !picks { uses.insert(.predictions) }
            return uses
        }
        let all = inputs * outputs
        if functions > 32 || edges == 0 || 4 * edges > 3 * all { return .all }
        let (narrow, wide) = (edges * (functions + 1), all * (shape.k + 2))
        if narrow > wide { uses.insert(.gradients) }
        if 5 * narrow > 3 * wide { uses.insert(.regularizers) }
        if narrow > wide && !picks { uses.insert(.predictions) }
        return uses
    }

    /// The edges that are switched on, and the inputs and outputs that have any.
    private static func count(_ shape: LayerShape, _ mask: UnsafePointer<T>) -> (edges: Int, inputs: Int, outputs: Int) {
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
            return (edges, inputs, isUsed.reduce(0) { $0 + ($1 ? 1 : 0) })
        }
    }
}
