// Workspace: the rows of one block of samples in every layer, forward and back. One for each thread, or for each block where a later sweep
// finds its rows again.
//
// What it must get right, in this order:
//   1. A block goes through the whole network before the next begins, so nothing here grows with the number of samples.
//   2. The number of samples a block has depends on the network alone: gradients are sums over blocks, and their bits must
//      not depend on the machine's threads.
//   3. Rows that no sweep needs are never touched, so they take no memory.

/// The rows of one layer: row r of an array of rows stands at r·nv vectors from its start.
struct LayerRows<T: KANScalar> {
    /// (inputs) the layer's inputs
    var x: UnsafeMutablePointer<T.Vector>
    /// (inputs, rowCount) basis functions and base function, and their derivatives
    var basis: UnsafeMutablePointer<T.Vector>
    var derivative: UnsafeMutablePointer<T.Vector>
    /// (outputs) sums over edges
    var z: UnsafeMutablePointer<T.Vector>
    /// (outputs) after subnode scale and bias
    var u: UnsafeMutablePointer<T.Vector>
    /// (nodes) before node scale and bias
    var h: UnsafeMutablePointer<T.Vector>
}

/// What rows of the first layer were made of: a version that counts the times that inputs or knots have changed, and a block.
struct InputRows: Equatable {
    var version: Int
    var start: Int
    static let none = InputRows(version: 0, start: -1)
}

final class Workspace<T: KANScalar> {
    /// Vectors a row has room for.
    let capacity: Int
    /// Vectors of the block at hand, and its samples; lanes beyond them repeat the last sample.
    var nv = 0
    var samples = 0
    /// Which samples the rows of the first layer's inputs and basis belong to; see `Evaluator.inputVersion`.
    var inputs = InputRows.none
    /// Does the block at hand keep the basis rows of all inputs from one sweep over a layer to the next. Else they are made where they are
    /// used, one input's after another's in the same place: that is quicker than writing and reading what no near cache holds.
    var keepsBasis = true

    private let memory: AlignedBuffer<T>
    /// Layer by layer the rows in `memory`.
    private var own: [LayerRows<T>] = []
    private(set) var layers: [LayerRows<T>] = []
    /// (outputs of the network) predictions
    private(set) var output: UnsafeMutablePointer<T.Vector>
    /// (widest level) dL/dx of the level at hand, and (widest level of subnodes) dL/dz
    private(set) var dx: UnsafeMutablePointer<T.Vector>
    private(set) var dz: UnsafeMutablePointer<T.Vector>
    /// (1) 1 for samples, 0 for lanes beyond them
    private(set) var valid: UnsafeMutablePointer<T.Vector>
    /// 1 / samples
    private(set) var share = 1.0
    /// (RowGroup.count) rows for dL/dφ with what a regulariser adds
    private(set) var pull: UnsafeMutablePointer<T.Vector>
    /// (1) rows for whatever is computed edge by edge
    private(set) var edge: UnsafeMutablePointer<T.Vector>
    private(set) var symbolicEdge: UnsafeMutablePointer<T.Vector>
    private(set) var argument: UnsafeMutablePointer<T.Vector>
    private(set) var value: UnsafeMutablePointer<T.Vector>
    private(set) var slope: UnsafeMutablePointer<T.Vector>
    /// (samples, outputs) of the widest layer in the wide form, and of one part of its inputs
    private(set) var wide, widePart: UnsafeMutablePointer<T.Vector>
    /// The sums of all parts of the first layer's inputs, where they are made before the block is at hand; see WideParts.swift
    private(set) var sums: UnsafePointer<T.Vector>?
    /// Layer by layer dL/dz of the wide form, transposed; memory of the workspace's own until `bind` gives other.
    private(set) var adjoints: [UnsafeMutablePointer<T.Vector>] = []
    /// Basis functions of a few inputs at a few samples, in the wide form, and their derivatives
    private(set) var basis, slopes: WideBasis<T>
    /// (samples, inputs) of a basis: dL/dx of these, before the sum over lanes
    private(set) var pulls: UnsafeMutablePointer<T.Vector>
    /// The gradient of a few inputs' weights, in the wide form
    private(set) var wideGradient: UnsafeMutablePointer<T.Vector>
    /// Vectors for the evaluation of a basis
    private(set) var scratch: UnsafeMutablePointer<T.Vector>

    /// Vectors a row should have, a power of two, at most 16: 16 if a block's rows are within 128 MB, most of which is never touched, since
    /// large layers do not keep their basis rows.
    ///
    /// Sums of few vectors a row wait for their own additions: layers of some hundred inputs were two to four times as slow with
    /// one or two, in the second-level cache, as with eight beyond it. With wide layers: 128 samples, since weights that do not fit a
    /// cache are read again for every block.
    static func rowCapacity(_ layers: [FoldedLayer<T>]) -> Int {
        if layers.contains(where: { $0.isWide }) { return 128 / T.lanes }
        let row = rowsNeeded(layers) * MemoryLayout<T.Vector>.stride
        var capacity = 16
        while capacity > 1 && capacity * row > 128 << 20 { capacity /= 2 }
        return capacity
    }

    /// Rows of the basis functions; the wide form has none.
    private static func basisRows(_ layer: FoldedLayer<T>) -> Int {
        layer.isWide ? 0 : layer.shape.inputs * (layer.shape.basisCount + 1)
    }

    /// Rows that hold the outputs of a block's samples, sample by sample, in the wide form.
    private static func wideRows(_ layers: [FoldedLayer<T>]) -> Int {
        layers.filter(\.isWide).map { $0.outputVectors * T.lanes }.max() ?? 0
    }

    private static func rowsNeeded(_ layers: [FoldedLayer<T>]) -> Int {
        var rows = (layers.last?.shape.nodes ?? 0) + 6 + RowGroup<T>.count + 2 * wideRows(layers)
        for layer in layers {
            rows += layer.shape.inputs + 2 * basisRows(layer) + 2 * layer.shape.outputs + layer.shape.nodes
        }
        let levels = layers.map { max($0.shape.inputs, $0.shape.nodes) }.max() ?? 0
        let subnodes = layers.map(\.shape.outputs).max() ?? 0
        return rows + levels + subnodes
    }

    init(_ folded: [FoldedLayer<T>], capacity: Int) throws(KANError) {
        self.capacity = capacity
        let scratchCount = folded.map { BSplineTable<T>.scratchCount(grid: $0.shape.grid, k: $0.shape.k) }.max() ?? 0
        let basisVectors = folded.contains(where: \.isWide) ? WideBasis<T>.vectorCount : 0
        let pullVectors = folded.contains(where: \.isWide) ? WideBasis<T>.capacity * WideBasis<T>.maxInputs : 0
        let chunkVectors = folded.filter(\.isWide).map {
            WideBasis<T>.maxInputs * ($0.shape.basisCount + 1) * $0.outputVectors
        }.max() ?? 0
        let vectors = Self.rowsNeeded(folded) * capacity + 2 * basisVectors + pullVectors + chunkVectors + scratchCount
        memory = try AlignedBuffer(count: vectors * T.lanes)
        var next = memory.vectors
        func take(_ rows: Int) -> UnsafeMutablePointer<T.Vector> {
            defer { next += rows * capacity }
            return next
        }
        for layer in folded {
            let (shape, rows) = (layer.shape, Self.basisRows(layer))
            layers.append(
                LayerRows(
                    x: take(shape.inputs), basis: take(rows), derivative: take(rows), z: take(shape.outputs),
                    u: take(shape.outputs), h: take(shape.nodes)))
        }
        output = take(folded.last?.shape.nodes ?? 0)
        dx = take(folded.map { max($0.shape.inputs, $0.shape.nodes) }.max() ?? 0)
        dz = take(folded.map(\.shape.outputs).max() ?? 0)
        valid = take(1)
        pull = take(RowGroup<T>.count)
        edge = take(1)
        symbolicEdge = take(1)
        argument = take(1)
        value = take(1)
        slope = take(1)
        wide = take(Self.wideRows(folded))
        widePart = take(Self.wideRows(folded))
        basis = WideBasis(memory: next)
        slopes = WideBasis(memory: next + basisVectors)
        next += 2 * basisVectors
        pulls = next
        next += pullVectors
        wideGradient = next
        next += chunkVectors
        scratch = next
        adjoints = folded.map { _ in wide }
        own = layers
    }

    /// Lets the inputs, sums and adjoints of layer l be kept outside the workspace, until `unbind`.
    @inline(__always)
    func bind(layer l: Int, _ block: WideBlock<T>) {
        layers[l].x = block.x
        layers[l].z = block.z
        adjoints[l] = block.adjoint
    }

    /// Lets z of layer l be kept outside the workspace, until `unbind`.
    @inline(__always)
    func bind(layer l: Int, z: UnsafeMutablePointer<T.Vector>) { layers[l].z = z }

    /// Gives the first layer's sums of the block to come, whose inputs are loaded; until `unbind`.
    @inline(__always)
    func bind(sums: UnsafePointer<T.Vector>?) { self.sums = sums }

    /// Goes back to the workspace's own memory.
    func unbind() {
        sums = nil
        for l in layers.indices {
            layers[l] = own[l]
            adjoints[l] = wide
        }
    }

    /// Bytes that a workspace has.
    static func bytes(_ layers: [FoldedLayer<T>], capacity: Int) -> Int {
        rowsNeeded(layers) * capacity * MemoryLayout<T.Vector>.stride
    }

    /// The rows of level `l`: the inputs of layer l, or the predictions.
    @inline(__always)
    func level(_ l: Int) -> UnsafeMutablePointer<T.Vector> { l < layers.count ? layers[l].x : output }

    /// Makes a block of `count` samples, 1 … capacity·lanes, the one at hand.
    @inline(__always)
    func begin(_ count: Int) {
        keepsBasis = true
        samples = count
        nv = (count + T.lanes - 1) / T.lanes
        let row = UnsafeMutableRawPointer(valid).assumingMemoryBound(to: T.self)
        for s in 0..<(nv * T.lanes) { row[s] = s < count ? 1 : 0 }
        share = 1 / Double(count)
    }

    /// rows[c][s] = source[s·stride + c] for the block's samples; lanes beyond them repeat the last sample.
    @inline(never)
    func load(_ source: UnsafePointer<T>, columns: Int, stride: Int? = nil, into rows: UnsafeMutablePointer<T.Vector>) {
        let stride = stride ?? columns
        let width = nv * T.lanes
        let target = UnsafeMutableRawPointer(rows).assumingMemoryBound(to: T.self)
        // Eight columns of a vector of samples at a time, then the rest.
        let (whole, eights) = (samples / T.lanes * T.lanes, columns & ~7)
        withUnsafeTemporaryAllocation(
            byteCount: 8 * MemoryLayout<T.Vector>.stride, alignment: MemoryLayout<T.Vector>.alignment
        ) { memory in
            guard let block = memory.baseAddress?.assumingMemoryBound(to: T.Vector.self) else { return }
            for first in Swift.stride(from: 0, to: eights > 0 ? whole : 0, by: T.lanes) {
                for c in Swift.stride(from: 0, to: eights, by: 8) {
                    T.columns(of: source + first * stride + c, stride: stride, into: block)
                    for n in 0..<8 { rows[(c &+ n) &* nv &+ first / T.lanes] = block[n] }
                }
            }
        }
        for c in 0..<columns {
            let row = target + c &* width
            for s in (c < eights ? whole : 0)..<samples { row[s] = source[s &* stride &+ c] }
        }
        if samples < width {
            for c in 0..<columns {
                let last = source[(samples - 1) * stride + c]
                for s in samples..<width { target[c * width + s] = last }
            }
        }
    }

    /// target[s·columns + c] = rows[c][s] for the block's samples.
    @inline(never)
    func store(_ rows: UnsafePointer<T.Vector>, columns: Int, into target: UnsafeMutablePointer<T>) {
        let width = nv * T.lanes
        let source = UnsafeRawPointer(rows).assumingMemoryBound(to: T.self)
        for c in 0..<columns {
            for s in 0..<samples { target[s * columns + c] = source[c * width + s] }
        }
    }

    /// Sets the lanes beyond the block's samples to 0 in `rows` rows: what they hold must not reach a gradient.
    @inline(__always)
    func clearPadding(_ pointer: UnsafeMutablePointer<T.Vector>, rows: Int) {
        let width = nv * T.lanes
        guard samples < width else { return }
        let target = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: T.self)
        for r in 0..<rows {
            for s in samples..<width { target[r * width + s] = 0 }
        }
    }
}
