// FoldedLayer: a layer as the kernels see it, made anew from the state before each sweep.
//
// What it must get right, in this order:
//   1. The same function as the state's: w_iob = mask·scale_sp·coef_iob for the basis rows, mask·scale_base for the base row,
//      so that an edge is one combination of nb + 1 rows.
//   2. The chain rule back: `unfold` turns dL/dw into dL/dcoef, dL/dscale_sp and dL/dscale_base.
//   3. Edges whose mask is 0 are not in the lists and cost nothing, in the wide form (which layers with few edges left do not have, see
//      LayerForm.swift) if an input or output has no other; a masked symbolic edge is never evaluated.

/// A symbolic edge that is switched on: mask·(c·f(a·x + b) + d).
struct SymbolicEdge<T: KANScalar> {
    let output: Int
    let function: EdgeFunction
    let mask, a, b, c, d: T
}

final class FoldedLayer<T: KANScalar> {
    let shape: LayerShape
    let baseFunction: BaseFunction
    /// Rows an input contributes: nb basis functions and, unless it is zero, the base function.
    let rowCount: Int
    /// The polynomials of the wide form (WideLayer.swift); nil in the narrow form.
    let local: LocalBSplineMemory<T, SIMD8<T>>?
    var isWide: Bool { local != nil }
    /// Those of a narrow layer that may predict cell by cell (CellForward.swift).
    private let cells: LocalBSplineMemory<T, SIMD8<T>>?
    /// Entries of the polynomials' tables, see CellTables.swift; or 0.
    let tableEntries: Int
    /// (inputs that have edges): their numbers and polynomials, in plain memory, since all threads read them in every sweep.
    let wideInputs: UnsafeMutablePointer<(number: Int, spline: LocalBSpline<T, SIMD8<T>>)>
    /// (inputs): the polynomials of a narrow layer.
    let cellSplines: UnsafeMutablePointer<LocalBSpline<T, SIMD8<T>>>
    /// Does a narrow layer predict cell by cell, as far as `takeCells` knows; and may knots have changed since.
    private(set) var usesCells = false
    private var hasNewKnots = false
    /// The wide form's inputs, outputs and groups.
    var wide = WideShape()
    /// Where the gradient of numeric edges stands in that of the parameters, in rising order.
    let edgeRanges: [Range<Int>]
    /// Are the wide form's weights made where they are used, and `weights` without meaning.
    private(set) var foldsLazily = false
    /// Room for `layOutWide`.
    var usedOutputs: [Bool]
    /// (edges that are on, rowCount); in the wide form see WideLayer.swift
    let weights: AlignedBuffer<T>
    /// Numbers in a gradient of `weights` that sweeps gather; the wide form has its own way.
    var gradientCount: Int { isWide ? 0 : numericEdges.count * rowCount }
    private let reciprocals: AlignedBuffer<T>
    /// The narrow form's knots that the reciprocals are of; see `LocalBSplineMemory` for the wide form's.
    private let knotsSeen: AlignedBuffer<T>
    /// Where the form depends on masks, those when the edges were listed.
    private let masks: AlignedBuffer<T>
    /// What the wide form pays for with these.
    private var wideUses: LayerUses = []
    private var hasListedEdges = false
    /// Are they 1, all of them: then they need not be read to see whether they have changed.
    private var masksAreOnes = false
    private var isSimple: [Bool]
    private let knots: UnsafePointer<T>
    /// The outputs that input i has a numeric edge to.
    let numericEdges: EdgeLists
    /// The symbolic edges of input i.
    private(set) var symbolicEdges: [[SymbolicEdge<T>]]
    private(set) var hasSymbolicEdges = false
    /// Must the layer be evaluated on the calling thread, for the sake of an added function.
    private(set) var needsCallingThread = false

    /// - Parameters:
    ///   - singleEdges: must single edges be evaluated; only the narrow form does that.
    ///   - use: take the form that is quicker for this.
    init(
        _ shape: LayerShape, _ baseFunction: BaseFunction, state: UnsafePointer<T>, singleEdges: Bool, use: LayerUses
    ) throws(KANError) {
        self.shape = shape
        self.baseFunction = baseFunction
        rowCount = shape.basisCount + (baseFunction == .zero ? 0 : 1)
        let mayBeWide = !singleEdges && Self.mayBeWide(shape)
        let isWide = mayBeWide && Self.wideUses(shape, mask: state + shape.mask).contains(use)
        let mayUseCells = !isWide && !singleEdges && Self.mayUseCells(shape)
        local = isWide ? try LocalBSplineMemory(inputs: shape.inputs, grid: shape.grid, k: shape.k) : nil
        cells = mayUseCells ? try LocalBSplineMemory(inputs: shape.inputs, grid: shape.grid, k: shape.k) : nil
        tableEntries = (local ?? cells)?.layout.entries ?? 0
        edgeRanges = [
            shape.coef..<(shape.coef + shape.edges * shape.basisCount), shape.scaleSp..<(shape.scaleSp + shape.edges),
            shape.scaleBase..<(shape.scaleBase + shape.edges),
        ].sorted { $0.lowerBound < $1.lowerBound }
        usedOutputs = Array(repeating: false, count: isWide ? shape.outputs : 0)
        let padded = (shape.outputs + T.lanes - 1) / T.lanes * T.lanes
        // Behind the last narrow edge's weights whole vectors are read.
        let narrow = shape.edges * rowCount + (mayUseCells ? 2 * T.lanes : 0)
        weights = try AlignedBuffer(count: isWide ? shape.inputs * padded * (shape.basisCount + 1) : narrow)
        masks = try AlignedBuffer(count: mayBeWide ? shape.edges : 0)
        let tables = isWide ? 0 : shape.inputs
        reciprocals = try AlignedBuffer(count: tables * BSplineTable<T>.reciprocalCount(grid: shape.grid, k: shape.k))
        knots = state + shape.knots
        knotsSeen = try AlignedBuffer(count: tables * shape.knotCount)
        // No grid has NaN, so the first `fold` sees a difference.
        knotsSeen.base.update(repeating: .nan, count: tables * shape.knotCount)
        isSimple = Array(repeating: false, count: shape.inputs)
        numericEdges = try EdgeLists(shape)
        symbolicEdges = Array(repeating: [], count: shape.inputs)
        wideInputs = .allocate(capacity: isWide ? shape.inputs : 0)
        cellSplines = .allocate(capacity: mayUseCells ? shape.inputs : 0)
    }

    deinit {
        numericEdges.free()
        wideInputs.deallocate()
        cellSplines.deallocate()
    }

    /// Threads for work on every edge without samples, which take some tens of nanoseconds an edge.
    var edgeThreads: Int { shape.edges < 1000 ? 1 : Threads.count }

    /// The splines of input i in the narrow form.
    func table(_ i: Int) -> BSplineTable<T> {
        BSplineTable(
            grid: shape.grid, k: shape.k, knots: knots + i * shape.knotCount,
            reciprocals: reciprocals.base + i * BSplineTable<T>.reciprocalCount(grid: shape.grid, k: shape.k),
            isSimple: isSimple[i])
    }

    /// The weights of an edge of the narrow form, by its number.
    @inline(__always)
    func weight(_ number: Int) -> UnsafeMutablePointer<T> { weights.base + number &* rowCount }

    /// Takes over the numbers of `network`, whose layer `l` this is.
    ///
    /// - Parameter lazily: leave large weights of the wide form to the sweeps that follow, which then fold them chunk by chunk.
    @inline(never)
    func fold(_ network: KAN<T>, layer l: Int, lazily: Bool) {
        let state = network.state
        let nb = shape.basisCount
        let count = BSplineTable<T>.reciprocalCount(grid: shape.grid, k: shape.k)
        if isWide {
            foldWide(state, lazily: lazily && weights.count * MemoryLayout<T>.stride > 1 << 20)
            foldSymbolic(network, layer: l)
            return
        }
        listEdges(state)
        for i in 0..<shape.inputs {
            if knotsChanged(i) {
                hasNewKnots = true
                isSimple[i] = BSplineTable.fillReciprocals(
                    knots: knots + i * shape.knotCount, grid: shape.grid, k: shape.k, into: reciprocals.base + i * count)
            }
            var w = weight(numericEdges.start(i))
            for o in numericEdges[i] {
                let edge = i * shape.outputs + o
                let mask = state[shape.mask + edge]
                let scale = mask * state[shape.scaleSp + edge]
                let coef = state + shape.coef + edge * nb
                for b in 0..<nb { w[b] = scale * coef[b] }
                if rowCount > nb { w[nb] = mask * state[shape.scaleBase + edge] }
                w += rowCount
            }
        }
        foldSymbolic(network, layer: l)
    }

    /// Takes over the knots of input i; whether they are others than before.
    @inline(__always)
    private func knotsChanged(_ i: Int) -> Bool {
        let (seen, now) = (knotsSeen.base + i * shape.knotCount, knots + i * shape.knotCount)
        var same = true
        for m in 0..<shape.knotCount { same = same && seen[m] == now[m] }
        if !same { seen.update(from: now, count: shape.knotCount) }
        return !same
    }

    /// The wide form; on all threads if there are enough weights.
    @inline(never)
    private func foldWide(_ state: UnsafePointer<T>, lazily: Bool) {
        if listEdges(state) { layOutWide() }
        foldsLazily = lazily
        if lazily {
            takeKnots(wide.inputs.indices, state)
            return
        }
        let threads = shape.edges * shape.basisCount < 100_000 ? 1 : Threads.count
        ThreadPool.run(tasks: wide.chunks, threads: threads) { foldWide(state, chunk: $0) }
    }

    /// Takes over the knots of the inputs that have edges, those with the numbers `range`.
    func takeKnots(_ range: Range<Int>, _ state: UnsafePointer<T>) {
        guard let local else { return }
        for p in range {
            let i = wide.inputs[p]
            local.update(i, knots: state + shape.knots + i * shape.knotCount)
            (wideInputs + p).initialize(to: (i, local.table(i)))
        }
    }

    /// Takes over the knots of a narrow layer for predictions, if they have changed; to be called before a sweep of these.
    @inline(__always)
    func takeCells() {
        if hasNewKnots { makeCells() }
    }

    @inline(never)
    private func makeCells() {
        hasNewKnots = false
        guard let cells else { return }
        usesCells = true
        for i in 0..<shape.inputs {
            cells.update(i, knots: knots + i * shape.knotCount)
            (cellSplines + i).initialize(to: cells.table(i))
            // Knots that no grid has, but users can write, are left to the recursion.
            let length = cellSplines[i].high - cellSplines[i].low
            usesCells = usesCells && isSimple[i] && length > 0 && length.isFinite
        }
    }

    /// Has it the form that is quicker for `use` with the masks of the last fold; one that single edges are evaluated of has no other.
    func suits(_ use: LayerUses) -> Bool { masks.count == 0 || wideUses.contains(use) == isWide }

    /// Is a numeric edge of the wide form switched on.
    func weightIsOn(_ edge: Int) -> Bool { masks.base[edge] != 0 }

    /// Lists the edges that are switched on; whether they may be others than before. Where forms depend on them, takes note of what the wide one pays for.
    @discardableResult @inline(never)
    private func listEdges(_ state: UnsafePointer<T>) -> Bool {
        let mask = state + shape.mask
        if masks.count > 0 {
            let same = masksAreOnes ? RowComparison.areAll(mask, shape.edges, 1) : RowComparison.areSame(masks.base, mask, shape.edges)
            if hasListedEdges && same { return false }
            masks.base.update(from: mask, count: shape.edges)
            masksAreOnes = RowComparison.areAll(mask, shape.edges, 1)
            hasListedEdges = true
            wideUses = Self.wideUses(shape, mask: mask)
        }
        for i in 0..<shape.inputs {
            numericEdges.list(i, outputs: shape.outputs) { mask[i &* shape.outputs &+ $0] != 0 }
        }
        return true
    }

    private func foldSymbolic(_ network: KAN<T>, layer l: Int) {
        let state = network.state
        if hasSymbolicEdges {
            for i in 0..<shape.inputs { symbolicEdges[i].removeAll(keepingCapacity: true) }
            hasSymbolicEdges = false
            needsCallingThread = false
        }
        guard network.symbolicEnabled, !RowComparison.areAll(state + shape.symbolicMask, shape.edges, 0) else { return }
        for o in 0..<shape.outputs {
            for i in 0..<shape.inputs {
                let edge = o * shape.inputs + i
                let mask = state[shape.symbolicMask + edge]
                guard mask != 0 else { continue }
                let affine = state + shape.affine + 4 * edge
                let function = network.functions[l][edge]
                symbolicEdges[i].append(
                    SymbolicEdge(
                        output: o, function: function, mask: mask, a: affine[0], b: affine[1],
                        c: affine[2], d: affine[3]))
                hasSymbolicEdges = true
                if function.isAdded { needsCallingThread = true }
            }
        }
    }

    /// Adds dL/dw, laid out as `weights`, to the parameter gradient. The narrow form's; see `unfoldWide`.
    @inline(never)
    func unfold(_ dw: UnsafePointer<T>, state: UnsafePointer<T>, into gradient: UnsafeMutablePointer<T>) {
        if isWide { return }
        let nb = shape.basisCount
        var d = dw
        for i in 0..<shape.inputs {
            for o in numericEdges[i] {
                let edge = i * shape.outputs + o
                let mask = state[shape.mask + edge]
                let scale = mask * state[shape.scaleSp + edge]
                let coef = state + shape.coef + edge * nb
                let dcoef = gradient + shape.coef + edge * nb
                var dscale: T = 0
                for b in 0..<nb {
                    dcoef[b] += scale * d[b]
                    dscale += coef[b] * d[b]
                }
                gradient[shape.scaleSp + edge] += mask * dscale
                if rowCount > nb { gradient[shape.scaleBase + edge] += mask * d[nb] }
                d += rowCount
            }
        }
    }
}
