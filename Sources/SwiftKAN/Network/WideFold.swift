// WideFold: from the state's numbers to the weights of the wide form, and from the gradient of the weights back.
//
// What it must get right, in this order:
//   1. w = mask·scale_sp·coef for the basis rows and mask·scale_base for the base row; what is masked has weight 0 and
//      gradient 0, whatever number stands there.
//   2. One pass over the coefficients, reading them as they stand: (inputs, outputs, basis functions).

extension FoldedLayer {
    /// Lists the inputs and outputs that have edges, and lays out groups and chunks for them.
    func layOutWide() {
        wide.inputs.removeAll(keepingCapacity: true)
        for i in 0..<shape.inputs where !numericEdges[i].isEmpty { wide.inputs.append(i) }
        var used = usedOutputs
        for o in 0..<shape.outputs { used[o] = false }
        for edges in numericEdges {
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
        wide.chunk = min(Workspace<T>.wideInputs, max(4, (24 << 10) / bytes))
    }

    /// The weights of the inputs of chunk c.
    @inline(never)
    func foldWide(_ state: UnsafePointer<T>, chunk c: Int) {
        let nb = shape.basisCount
        for p in wide.inputRange(c) {
            let i = wide.inputs[p]
            local?.update(i, knots: state + shape.knots + i * shape.knotCount)
            let first = i * shape.outputs
            let (mask, scaleSp, scaleBase) = (state + shape.mask, state + shape.scaleSp, state + shape.scaleBase)
            for g in 0..<wide.groups {
                let step = wide.width(g) * T.lanes
                let start = wide.start(g) * T.lanes
                let target = UnsafeMutableRawPointer(wideWeights(g, p)).assumingMemoryBound(to: T.self)
                for q in start..<(start + step) {
                    let to = target + (q &- start)
                    guard q < wide.outputs.count, mask[first &+ wide.outputs[q]] != 0 else {
                        for b in 0...nb { to[b &* step] = 0 }
                        continue
                    }
                    let edge = first &+ wide.outputs[q]
                    let scale = mask[edge] * scaleSp[edge]
                    let coef = state + shape.coef + edge &* nb
                    for b in 0..<nb { to[b &* step] = scale * coef[b] }
                    to[nb &* step] = baseFunction == .zero ? 0 : mask[edge] * scaleBase[edge]
                }
            }
        }
    }

    /// Adds the gradient of the weights of some inputs to that of the parameters; the mirror of `foldWide`.
    @inline(never)
    func unfoldWide(
        _ dw: UnsafePointer<T.Vector>, _ range: Range<Int>, state: UnsafePointer<T>, into gradient: UnsafeMutablePointer<T>
    ) {
        let nb = shape.basisCount
        for (number, p) in range.enumerated() {
            let first = wide.inputs[p] * shape.outputs
            for g in 0..<wide.groups {
                let width = wide.width(g)
                let (step, start) = (width * T.lanes, wide.start(g) * T.lanes)
                let source = UnsafeRawPointer(dw + wide.rowCount * (wide.start(g) * range.count + number * width))
                    .assumingMemoryBound(to: T.self)
                for q in start..<min(start + step, wide.outputs.count) {
                    let edge = first &+ wide.outputs[q]
                    let mask = state[shape.mask &+ edge]
                    guard mask != 0 else { continue }
                    let d = source + (q &- start)
                    let scale = mask * state[shape.scaleSp &+ edge]
                    let coef = state + shape.coef + edge &* nb
                    let dcoef = gradient + shape.coef + edge &* nb
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
        }
    }
}
