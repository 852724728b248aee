// WideFold: from the state's numbers to the weights of the wide form, and from the gradient of the weights back.
//
// What it must get right, in this order:
//   1. w = mask·scale_sp·coef for the basis rows and mask·scale_base for the base row; what is masked has weight 0 and
//      gradient 0, whatever number stands there.
//   2. One pass over the coefficients, reading them as they stand: (inputs, outputs, basis functions), and turning them in blocks of
//      8 functions × the lanes of a vector (Transposition.swift).

extension FoldedLayer {
    /// Lists the inputs and outputs that have edges, and lays out groups and chunks for them.
    func layOutWide() {
        wide.inputs.removeAll(keepingCapacity: true)
        for i in 0..<shape.inputs where !numericEdges[i].isEmpty { wide.inputs.append(i) }
        var used = usedOutputs
        for o in 0..<shape.outputs { used[o] = false }
        for edges in wide.inputs.map({ numericEdges[$0] }) {
            if edges.count == shape.outputs {
                for o in 0..<shape.outputs { used[o] = true }
                break
            }
            for o in edges { used[o] = true }
        }
        wide.outputs.removeAll(keepingCapacity: true)
        for o in 0..<shape.outputs where used[o] { wide.outputs.append(o) }
        usedOutputs = used
        wide.rowCount = shape.basisCount + 1
        wide.vectors = (wide.outputs.count + T.lanes - 1) / T.lanes
        wide.groups = (wide.vectors + 3) / 4
        let bytes = wide.rowCount * min(4, max(wide.vectors, 1)) * MemoryLayout<T.Vector>.stride
        // Beside them stand values of the inputs and z of a group, of up to 64 samples: 6 and 16 KB.
        wide.chunk = min(WideBasis<T>.maxInputs, max(4, (10 << 10) / bytes))
    }

    /// Are all inputs and outputs there: then `unfoldWide` can write a whole gradient instead of adding to it.
    var writesGradient: Bool { isWide && wide.inputs.count == shape.inputs && wide.outputs.count == shape.outputs }

    /// The output that lane q stands for, if those of the next lanes of a vector are its neighbours in the state.
    @inline(__always)
    private func neighbours(_ q: Int, _ outputs: UnsafeBufferPointer<Int>) -> Int? {
        let last = q &+ T.lanes &- 1
        return last < outputs.count && outputs[last] &- outputs[q] == T.lanes &- 1 ? outputs[q] : nil
    }

    @inline(__always)
    private func vector(_ p: UnsafePointer<T>) -> T.Vector { UnsafeRawPointer(p).loadUnaligned(as: T.Vector.self) }

    @inline(__always)
    private func store(_ v: T.Vector, _ p: UnsafeMutablePointer<T>) {
        UnsafeMutableRawPointer(p).storeBytes(of: v, as: T.Vector.self)
    }

    /// Calls `body(start, new)` for groups of 8 of the nb basis functions: from function `start` on, of which those before `new` were
    /// in the group before. Fewer than 8 are one group, which reads into what follows them in the state.
    @inline(__always)
    private func forEachEight(_ body: (Int, Int) -> Void) {
        let nb = shape.basisCount
        var b = 0
        while b < nb {
            body(max(0, min(b, nb - 8)), b)
            b += 8
        }
    }

    /// The weights of the inputs of chunk c, into `weights` or, in the order of groups and the chunk's inputs, into `memory`.
    @inline(never)
    func foldWide(_ state: UnsafePointer<T>, chunk c: Int, into memory: UnsafeMutablePointer<T.Vector>? = nil) {
        let range = wide.inputRange(c)
        withBlock { block, outputs in
            if memory == nil { takeKnots(range, state) }
            for p in range {
                let first = wide.inputs[p] * shape.outputs
                for g in 0..<wide.groups {
                    let (width, start) = (wide.width(g), wide.start(g) * T.lanes)
                    let own = memory.map { $0 + wide.rowCount * (wide.start(g) * range.count + (p - range.lowerBound) * width) }
                    let target = own ?? wideWeights(g, p)
                    for v in 0..<width {
                        let q = start + v * T.lanes
                        if let o = neighbours(q, outputs) {
                            foldVector(state, first + o, target + v, width, block)
                            continue
                        }
                        let to = UnsafeMutableRawPointer(target + v).assumingMemoryBound(to: T.self)
                        for lane in 0..<T.lanes {
                            foldEdge(
                                state, q + lane < outputs.count ? first + outputs[q + lane] : nil, to + lane, width * T.lanes)
                        }
                    }
                }
            }
        }
    }

    /// Calls `body` with memory for 8 columns, and with the outputs that have edges.
    @inline(__always)
    private func withBlock(_ body: (UnsafeMutablePointer<T.Vector>, UnsafeBufferPointer<Int>) -> Void) {
        wide.outputs.withUnsafeBufferPointer { outputs in
            // 1024 bytes, the most that the stack is used for.
            withUnsafeTemporaryAllocation(of: T.Vector.self, capacity: 16) { memory in
                guard let start = memory.baseAddress else { return }
                body(start, outputs)
            }
        }
    }

    /// The weights of as many edges as a vector has lanes, from `edge` on, a row every `step` vectors.
    @inline(__always)
    private func foldVector(
        _ state: UnsafePointer<T>, _ edge: Int, _ target: UnsafeMutablePointer<T.Vector>, _ step: Int,
        _ block: UnsafeMutablePointer<T.Vector>
    ) {
        let nb = shape.basisCount
        // Four streams, of which the processor foresees too little: the vectors after the next ones.
        let ahead = edge + 8 * T.lanes
        prefetch(state + (shape.coef + ahead * nb), bytes: T.lanes * nb * MemoryLayout<T>.stride)
        prefetch(state + (shape.mask + ahead), bytes: 64)
        prefetch(state + (shape.scaleSp + ahead), bytes: 64)
        prefetch(state + (shape.scaleBase + ahead), bytes: 64)
        let mask = vector(state + (shape.mask + edge))
        let scale = mask * vector(state + (shape.scaleSp + edge))
        forEachEight { start, new in
            T.columns(of: state + (shape.coef + edge * nb + start), stride: nb, into: block)
            for b in new..<min(nb, start &+ 8) {
                target[b &* step] = T.zeroWhereZero(scale * block[b &- start], mask)
            }
        }
        target[nb * step] =
            baseFunction == .zero ? .zero : T.zeroWhereZero(mask * vector(state + (shape.scaleBase + edge)), mask)
    }

    /// The same for one edge, or for none: a row every `step` numbers.
    private func foldEdge(_ state: UnsafePointer<T>, _ edge: Int?, _ target: UnsafeMutablePointer<T>, _ step: Int) {
        let nb = shape.basisCount
        guard let edge, state[shape.mask &+ edge] != 0 else {
            for b in 0...nb { target[b &* step] = 0 }
            return
        }
        let mask = state[shape.mask &+ edge]
        let scale = mask * state[shape.scaleSp &+ edge]
        let coef = state + shape.coef + edge &* nb
        for b in 0..<nb { target[b &* step] = scale * coef[b] }
        target[nb &* step] = baseFunction == .zero ? 0 : mask * state[shape.scaleBase &+ edge]
    }

    /// Adds the gradient of the weights of some inputs to that of the parameters; the mirror of `foldWide`.
    ///
    /// - Parameter adding: false if there is nothing to add to yet; only where `writesGradient`.
    @inline(never)
    func unfoldWide(
        _ dw: UnsafePointer<T.Vector>, _ range: Range<Int>, state: UnsafePointer<T>, into gradient: UnsafeMutablePointer<T>,
        adding: Bool
    ) {
        withBlock { block, outputs in
            for (number, p) in range.enumerated() {
                let first = wide.inputs[p] * shape.outputs
                for g in 0..<wide.groups {
                    let (width, start) = (wide.width(g), wide.start(g) * T.lanes)
                    let source = dw + wide.rowCount * (wide.start(g) * range.count + number * width)
                    for v in 0..<width {
                        let q = start + v * T.lanes
                        if !adding, let o = neighbours(q, outputs) {
                            unfoldVector(source + v, width, first + o, state, gradient, block)
                            continue
                        }
                        let d = UnsafeRawPointer(source + v).assumingMemoryBound(to: T.self)
                        for lane in 0..<min(T.lanes, outputs.count - q) {
                            let edge = first + outputs[q + lane]
                            unfoldEdge(d + lane, width * T.lanes, edge, state, gradient, adding: adding)
                        }
                    }
                }
            }
        }
    }

    /// Writes the gradient of as many edges as a vector has lanes.
    @inline(__always)
    private func unfoldVector(
        _ dw: UnsafePointer<T.Vector>, _ step: Int, _ edge: Int, _ state: UnsafePointer<T>, _ gradient: UnsafeMutablePointer<T>,
        _ block: UnsafeMutablePointer<T.Vector>
    ) {
        let nb = shape.basisCount
        let mask = vector(state + (shape.mask + edge))
        let scale = mask * vector(state + (shape.scaleSp + edge))
        var dscale = T.Vector.zero
        forEachEight { start, new in
            T.columns(of: state + (shape.coef + edge * nb + start), stride: nb, into: block)
            for b in new..<min(nb, start &+ 8) { dscale = T.multiplyAdd(block[b &- start], dw[b &* step], dscale) }
            for b in start..<min(nb, start &+ 8) { block[b &- start] = T.zeroWhereZero(scale * dw[b &* step], mask) }
            let target = gradient + (shape.coef + edge * nb + start)
            if nb >= 8 {
                T.rows(of: block, into: target, stride: nb)
                return
            }
            // Eight numbers are more than a row has: the last row must not reach into its neighbour, which may be another thread's.
            let rows = UnsafeMutableRawPointer(block + 8).assumingMemoryBound(to: T.self)
            T.rows(of: block, into: rows, stride: 8)
            for lane in 0..<T.lanes { for b in 0..<nb { target[lane &* nb &+ b] = rows[lane &* 8 &+ b] } }
        }
        store(T.zeroWhereZero(mask * dscale, mask), gradient + (shape.scaleSp + edge))
        store(baseFunction == .zero ? .zero : T.zeroWhereZero(mask * dw[nb * step], mask), gradient + (shape.scaleBase + edge))
    }

    /// Adds the gradient of one edge to what is there, or to 0 unless `adding`.
    private func unfoldEdge(
        _ d: UnsafePointer<T>, _ step: Int, _ edge: Int, _ state: UnsafePointer<T>, _ gradient: UnsafeMutablePointer<T>, adding: Bool
    ) {
        let nb = shape.basisCount
        let dcoef = gradient + shape.coef + edge &* nb
        if !adding {
            for b in 0..<nb { dcoef[b] = 0 }
            gradient[shape.scaleSp &+ edge] = 0
            gradient[shape.scaleBase &+ edge] = 0
        }
        let mask = state[shape.mask &+ edge]
        guard mask != 0 else { return }
        let scale = mask * state[shape.scaleSp &+ edge]
        let coef = state + shape.coef + edge &* nb
        var dscale: T = 0
        for b in 0..<nb {
            let db = d[b &* step]
            dcoef[b] += scale * db
            dscale += coef[b] * db
        }
        gradient[shape.scaleSp &+ edge] += mask * dscale
        if baseFunction != .zero { gradient[shape.scaleBase &+ edge] += mask * d[nb &* step] }
    }
}
