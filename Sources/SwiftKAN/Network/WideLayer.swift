// WideLayer: a layer of many outputs, or of fine grids, in the wide form: vectorised over outputs, sample by sample.
//
// What it must get right, in this order:
//   1. The same function as LayerForward.swift and LayerBackward.swift, to rounding: those are its reference in the tests.
//   2. Only the k + 1 basis functions that can be non-zero at a sample are touched: cost does not grow with the grid.
//   3. The weights of a few inputs stay in the first-level cache while the samples of a block pass.
//   4. Inputs and outputs that have no edge switched on are left out of weights and loops.
//
// Weights stand as (groups of outputs, inputs, rows, vectors of the group): row b < nb belongs to basis function b, row nb to
// the base function. z and dz stand as (groups, samples, vectors) here and are transposed at the layer's border. The inner
// loops are in WideKernels.swift, the folding of weights in WideFold.swift.

/// Which inputs and outputs a wide layer has edges for, and how its outputs are cut into groups.
struct WideShape {
    /// Numbers of the inputs and outputs that have edges.
    var inputs: [Int] = []
    var outputs: [Int] = []
    /// Rows of an input.
    var rowCount = 0
    /// Vectors that hold the outputs.
    var vectors = 0
    /// Groups of at most 4 vectors, as even as can be.
    var groups = 0
    /// Inputs whose weights of one group stay in the first-level cache.
    var chunk = 1

    /// The first vector of group g; of the group after the last one, all vectors.
    @inline(__always)
    func start(_ g: Int) -> Int { g * vectors / groups }

    @inline(__always)
    func width(_ g: Int) -> Int { start(g + 1) - start(g) }

    var chunks: Int { (inputs.count + chunk - 1) / chunk }
    /// Parts of the chunks that z is summed up over one by one, so that threads can share out a few samples' sums; see WideParts.swift.
    var parts: Int { max(1, min(8, chunks / 8)) }
    func chunkRange(part: Int) -> Range<Int> { (part * chunks / parts)..<((part + 1) * chunks / parts) }
    func inputRange(_ c: Int) -> Range<Int> { (c * chunk)..<min(inputs.count, (c + 1) * chunk) }
}

extension FoldedLayer {
    /// Vectors that hold all outputs of a sample.
    var outputVectors: Int { (shape.outputs + T.lanes - 1) / T.lanes }

    /// Vectors that hold the weights of all outputs of `chunk` inputs.
    var chunkVectors: Int { wide.chunk * wide.rowCount * outputVectors }

    /// The weights of input number `p` of those that have edges, in group g.
    @inline(__always)
    func wideWeights(_ g: Int, _ p: Int) -> UnsafeMutablePointer<T.Vector> {
        weights.vectors + wide.rowCount * (wide.start(g) * wide.inputs.count + p * wide.width(g))
    }

    /// Where the weights of group 0 of chunk c begin, in `weights` or, folded now, in the workspace; see `groupWeights`.
    @inline(__always)
    private func chunkWeights(_ c: Int, _ w: Workspace<T>, _ state: UnsafePointer<T>) -> UnsafeMutablePointer<T.Vector> {
        guard foldsLazily else { return weights.vectors }
        // The gradient of the weights is made after all sweeps, so its memory is free.
        foldWide(state, chunk: c, into: w.wideGradient)
        return w.wideGradient
    }

    /// The weights of group g of the inputs `range`, a chunk.
    @inline(__always)
    private func groupWeights(
        _ chunk: UnsafeMutablePointer<T.Vector>, _ g: Int, _ range: Range<Int>
    ) -> UnsafeMutablePointer<T.Vector> {
        foldsLazily ? chunk + wide.rowCount * wide.start(g) * range.count : wideWeights(g, range.lowerBound)
    }

    @inline(__always)
    private func scalars(_ p: UnsafeMutablePointer<T.Vector>) -> UnsafeMutablePointer<T> {
        UnsafeMutableRawPointer(p).assumingMemoryBound(to: T.self)
    }

    /// The kernels for a group of `vectors` vectors.
    @inline(__always)
    private func kernels(_ vectors: Int, _ basis: WideBasis<T>) -> WideDispatch<T> {
        WideDispatch(vectors: vectors, k: shape.k, basis: basis, rowCount: wide.rowCount)
    }

    // MARK: - Basis

    /// The basis of some inputs at samples `start ..< start + samples` of a block: values or derivatives.
    ///
    /// - Parameters:
    ///   - range: of the inputs that have edges.
    ///   - x: (inputs) the block's rows, nv vectors each; `start` is a multiple of a vector's lanes.
    @inline(never)
    func wideBasis(
        _ w: Workspace<T>, _ x: UnsafeMutablePointer<T.Vector>, nv: Int, _ range: Range<Int>, start: Int, samples: Int,
        slopes: Bool
    ) -> WideBasis<T> {
        var basis = slopes ? w.slopes : w.basis
        basis.samples = samples
        basis.inputs = range.count
        let count = (samples + T.lanes - 1) / T.lanes
        // Looking up all rows of the tables is for many lanes; the bits are the same.
        let entries = samples < T.lanes / 2 ? 0 : tableEntries
        for (number, p) in range.enumerated() {
            let (i, table) = wideInputs[p]
            let row = x + (i * nv + start / T.lanes)
            let base = UnsafeMutableRawPointer(basis.base + number * WideBasis<T>.capacity).assumingMemoryBound(to: T.Vector.self)
            baseFunction.rows(T.self, x: row, nv: count, value: slopes ? w.value : base, derivative: slopes ? base : nil)
            switch shape.k {
            case 1: basis.fill(One.self, number, table, entries: entries, row, slopes: slopes)
            case 2: basis.fill(Two.self, number, table, entries: entries, row, slopes: slopes)
            case 3: basis.fill(Three.self, number, table, entries: entries, row, slopes: slopes)
            case 4: basis.fill(Four.self, number, table, entries: entries, row, slopes: slopes)
            default: basis.fill(Five.self, number, table, entries: entries, row, slopes: slopes)
            }
        }
        return basis
    }

    /// A basis with its runs, if the kernels that need them pay.
    @inline(__always)
    private func wideRuns(_ basis: WideBasis<T>) -> WideBasis<T> {
        guard WideBasis<T>.runsPay(functions: shape.grid, k: shape.k, samples: basis.samples) else { return basis }
        var basis = basis
        basis.listRuns(shape.grid)
        return basis
    }

    // MARK: - Forward

    /// z of the block's samples, into rows.z.
    ///
    /// - Parameter sums: z of every part of the inputs, if it is there already; see WideParts.swift.
    @inline(never)
    func wideForward(_ w: Workspace<T>, _ rows: LayerRows<T>, state: UnsafePointer<T>, sums: UnsafePointer<T.Vector>? = nil) {
        let (z, count) = (w.wide, w.samples * wide.vectors)
        for part in 0..<wide.parts {
            let target = part == 0 ? z : w.widePart
            if let sums {
                target.update(from: sums + part * count, count: count)
            } else {
                RowKernels<T>.fill(target, .zero, count)
                for c in wide.chunkRange(part: part) {
                    addChunk(c, chunkWeights(c, w, state), w, rows.x, samples: w.samples, to: target)
                }
            }
            if part > 0 { for v in 0..<count { z[v] += target[v] } }
        }
        wideToRows(z, w, rows.z)
    }

    /// Adds the edges of chunk c's inputs to z (groups, samples, vectors) of a block's samples.
    ///
    /// - Parameters:
    ///   - weights: see `chunkWeights`.
    ///   - x: (inputs) rows.
    @inline(__always)
    private func addChunk(
        _ c: Int, _ weights: UnsafeMutablePointer<T.Vector>, _ w: Workspace<T>, _ x: UnsafeMutablePointer<T.Vector>, samples: Int,
        to z: UnsafeMutablePointer<T.Vector>
    ) {
        let (range, nv) = (wide.inputRange(c), (samples + T.lanes - 1) / T.lanes)
        for start in stride(from: 0, to: samples, by: WideBasis<T>.capacity) {
            let count = min(WideBasis<T>.capacity, samples - start)
            let basis = wideRuns(wideBasis(w, x, nv: nv, range, start: start, samples: count, slopes: false))
            for g in 0..<wide.groups {
                let width = wide.width(g)
                kernels(width, basis).forward(
                    groupWeights(weights, g, range), into: z + wide.start(g) * samples + start * width)
            }
        }
    }

    /// z of one part of the inputs for several blocks of samples, one after the other, each of (groups, samples, vectors).
    ///
    /// - Parameter sums: by number of the block.
    @inline(never)
    func sumPart(
        _ part: Int, _ w: Workspace<T>, _ blocks: [WideBlock<T>], state: UnsafePointer<T>,
        into sums: (Int) -> UnsafeMutablePointer<T.Vector>
    ) {
        for (b, block) in blocks.enumerated() { RowKernels<T>.fill(sums(b), .zero, block.samples * wide.vectors) }
        for c in wide.chunkRange(part: part) {
            let weights = chunkWeights(c, w, state)
            for (b, block) in blocks.enumerated() { addChunk(c, weights, w, block.x, samples: block.samples, to: sums(b)) }
        }
    }

    /// (groups, samples, vectors) → rows of outputs; lanes beyond the samples repeat the last one.
    @inline(__always)
    private func wideToRows(
        _ wideZ: UnsafeMutablePointer<T.Vector>, _ w: Workspace<T>, _ z: UnsafeMutablePointer<T.Vector>
    ) {
        let (samples, width) = (w.samples, w.nv * T.lanes)
        let target = scalars(z)
        if wide.outputs.count < shape.outputs { RowKernels<T>.fill(z, .zero, shape.outputs * w.nv) }
        for g in 0..<wide.groups {
            let source = scalars(wideZ + wide.start(g) * samples)
            let step = wide.width(g) * T.lanes
            let first = wide.start(g) * T.lanes
            for q in first..<min(first + step, wide.outputs.count) {
                let (from, to) = (source + (q - first), target + wide.outputs[q] * width)
                for s in 0..<samples { to[s] = from[s &* step] }
                for s in samples..<width { to[s] = to[samples &- 1] }
            }
        }
    }

    // MARK: - Backward

    /// From the rows of dL/dz: `adjoint`, their transpose, and, if asked for, dL/dx in w.dx, with a regulariser's pulls on the edges.
    ///
    /// The gradient of the weights is left to `wideGradient`, which has all samples of several blocks for a few inputs.
    @inline(never)
    func wideBackward(
        _ w: Workspace<T>, _ rows: LayerRows<T>, state: UnsafePointer<T>, adjoint: UnsafeMutablePointer<T.Vector>,
        inputGradient: Bool, moments: WideMoments<T>?
    ) {
        let (samples, width) = (w.samples, w.nv * T.lanes)
        let source = scalars(w.dz)
        for g in 0..<wide.groups {
            let target = scalars(adjoint + wide.start(g) * samples)
            let step = wide.width(g) * T.lanes
            let first = wide.start(g) * T.lanes
            for q in first..<(first + step) {
                let to = target + (q - first)
                if q < wide.outputs.count {
                    let from = source + wide.outputs[q] * width
                    for s in 0..<samples { to[s &* step] = from[s] }
                } else {
                    for s in 0..<samples { to[s &* step] = 0 }
                }
            }
        }
        guard inputGradient else { return }
        RowKernels<T>.fill(w.dx, .zero, shape.inputs * w.nv)
        for c in 0..<wide.chunks {
            let range = wide.inputRange(c)
            let weights = chunkWeights(c, w, state)
            for start in stride(from: 0, to: samples, by: WideBasis<T>.capacity) {
                let count = min(WideBasis<T>.capacity, samples - start)
                let basis = wideBasis(w, rows.x, nv: w.nv, range, start: start, samples: count, slopes: true)
                let pulls = w.pulls
                RowKernels<T>.fill(pulls, .zero, count * range.count)
                for g in 0..<wide.groups {
                    let step = wide.width(g)
                    kernels(step, basis).inputGradient(
                        adjoint + wide.start(g) * samples + start * step, groupWeights(weights, g, range), into: pulls)
                }
                T.totals(pulls, count * range.count)
                let sums = scalars(pulls)
                for (number, p) in range.enumerated() {
                    let dx = scalars(w.dx) + (wide.inputs[p] * width + start)
                    for s in 0..<count { dx[s] = sums[s &* range.count &+ number] }
                }
                guard let moments else { continue }
                let values = wideBasis(w, rows.x, nv: w.nv, range, start: start, samples: count, slopes: false)
                for (number, p) in range.enumerated() {
                    moments.addInputPulls(p, number, values, basis, to: scalars(w.dx) + (wide.inputs[p] * width + start))
                }
            }
        }
    }

    /// The gradient of the weights of chunk c of inputs over `blocks` blocks of samples, written to that of the parameters or, if
    /// `adding`, added to it.
    ///
    /// - Parameters:
    ///   - blocks: for every block its samples, the rows of x and the transposed dL/dz.
    ///   - pulls: what a regulariser adds, or nil.
    @inline(never)
    func wideGradient(
        _ c: Int, _ w: Workspace<T>, _ blocks: [WideBlock<T>], pulls: WideMoments<T>?, state: UnsafePointer<T>,
        into gradient: UnsafeMutablePointer<T>, adding: Bool
    ) {
        let range = wide.inputRange(c)
        let dw = w.wideGradient
        RowKernels<T>.fill(dw, .zero, range.count * wide.rowCount * wide.vectors)
        for block in blocks {
            let nv = (block.samples + T.lanes - 1) / T.lanes
            for start in stride(from: 0, to: block.samples, by: WideBasis<T>.capacity) {
                let count = min(WideBasis<T>.capacity, block.samples - start)
                let basis = wideRuns(wideBasis(w, block.x, nv: nv, range, start: start, samples: count, slopes: false))
                for g in 0..<wide.groups {
                    let step = wide.width(g)
                    kernels(step, basis).weightGradient(
                        block.adjoint + wide.start(g) * block.samples + start * step,
                        into: dw + wide.rowCount * wide.start(g) * range.count)
                }
            }
        }
        if let pulls {
            for (number, p) in range.enumerated() { pulls.addWeightPulls(self, p, number: number, of: range.count, to: dw) }
        }
        unfoldWide(dw, range, state: state, into: gradient, adding: adding)
    }
}

/// A block of samples as the gradient of a wide layer's weights needs it.
struct WideBlock<T: KANScalar> {
    let samples: Int
    /// (inputs) rows
    let x: UnsafeMutablePointer<T.Vector>
    /// (outputs) rows: the sums over edges
    let z: UnsafeMutablePointer<T.Vector>
    /// (groups, samples, vectors): dL/dz
    let adjoint: UnsafeMutablePointer<T.Vector>
}
