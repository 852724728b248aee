// WideLayer: a layer of many outputs, or of fine grids, forward and backward: vectorised over outputs, sample by sample.
//
// What it must get right, in this order:
//   1. The same function as LayerForward.swift and LayerBackward.swift, to rounding: those are its reference in the tests.
//   2. Only the k + 1 basis functions that are not zero at a sample are touched: cost does not grow with the grid.
//   3. The weights of one input stay in the first-level cache while all samples of the block pass.
//
// Weights stand as (inputs, rows, outputs), outputs padded to whole vectors: row b < nb belongs to basis function b, row nb to
// the base function. z and dz stand as (samples, outputs) here and are transposed at the layer's border.

extension FoldedLayer {
    /// Does this layer pay in the wide form.
    static func isWide(_ shape: LayerShape) -> Bool {
        shape.k >= 1 && shape.k <= 5 && (shape.outputs >= 16 || shape.basisCount > 32)
    }

    /// Vectors that hold the outputs of a sample.
    var outputVectors: Int { (shape.outputs + T.lanes - 1) / T.lanes }

    @inline(__always)
    private func wideWeights(_ i: Int) -> UnsafeMutablePointer<T.Vector> {
        weights.vectors + i * rowCount * outputVectors
    }

    @inline(__always)
    private func scalars(_ p: UnsafeMutablePointer<T.Vector>) -> UnsafeMutablePointer<T> {
        UnsafeMutableRawPointer(p).assumingMemoryBound(to: T.self)
    }

    /// z of the block's samples, into rows.z.
    @inline(__always)
    func wideForward<V: SIMD>(
        _ w: Workspace<T>, _ rows: LayerRows<T>, _ memory: LocalBSplineMemory<T, V>
    ) where V.Scalar == T {
        let (nv, ov, nb, k) = (w.nv, outputVectors, shape.basisCount, shape.k)
        let samples = w.samples
        let z = w.wide
        RowKernels<T>.fill(z, .zero, samples * ov)
        for i in 0..<shape.inputs where !numericEdges[i].isEmpty {
            let table = memory.table(i)
            let x = scalars(rows.x + i * nv)
            let weight = wideWeights(i)
            let hasBase = rowCount > nb
            if hasBase {
                baseFunction.rows(T.self, x: rows.x + i * nv, nv: nv, value: w.value, derivative: nil)
            }
            let base = scalars(w.value)
            for s in 0..<samples {
                let zs = z + s * ov
                if hasBase {
                    let (b, row) = (T.Vector(repeating: base[s]), weight + nb * ov)
                    for o in 0..<ov { zs[o] = T.multiplyAdd(b, row[o], zs[o]) }
                }
                guard let c = table.cell(x[s]) else {
                    if x[s].isNaN { for o in 0..<ov { zs[o] += x[s] } }
                    continue
                }
                let value = table.values(x[s], c)
                if k == 3 && c >= 3 && c < nb {
                    let row = weight + (c - 3) * ov
                    let (v0, v1) = (T.Vector(repeating: value[0]), T.Vector(repeating: value[1]))
                    let (v2, v3) = (T.Vector(repeating: value[2]), T.Vector(repeating: value[3]))
                    for o in 0..<ov {
                        var a = T.multiplyAdd(v0, row[o], zs[o])
                        a = T.multiplyAdd(v1, row[ov + o], a)
                        a = T.multiplyAdd(v2, row[2 * ov + o], a)
                        zs[o] = T.multiplyAdd(v3, row[3 * ov + o], a)
                    }
                } else {
                    for j in max(0, k - c)...min(k, nb - 1 - c + k) {
                        let (v, row) = (T.Vector(repeating: value[j]), weight + (c - k + j) * ov)
                        for o in 0..<ov { zs[o] = T.multiplyAdd(v, row[o], zs[o]) }
                    }
                }
            }
        }
        // (samples, outputs) → rows of outputs; lanes beyond the samples repeat the last one.
        let (source, target) = (scalars(z), scalars(rows.z))
        let width = nv * T.lanes
        for s in 0..<width {
            let from = source + min(s, samples - 1) * ov * T.lanes
            for o in 0..<shape.outputs { target[o * width + s] = from[o] }
        }
    }

    /// dL/dw into `gradient` (as the weights stand) and, if asked for, dL/dx into w.dx, from the rows of dL/dz.
    @inline(__always)
    func wideBackward<V: SIMD>(
        _ w: Workspace<T>, _ rows: LayerRows<T>, _ memory: LocalBSplineMemory<T, V>, inputGradient: Bool,
        gradient: UnsafeMutablePointer<T>
    ) where V.Scalar == T {
        let (nv, ov, nb, k) = (w.nv, outputVectors, shape.basisCount, shape.k)
        let samples = w.samples
        let width = nv * T.lanes
        let (source, target) = (scalars(w.dz), scalars(w.wide))
        for s in 0..<samples {
            let to = target + s * ov * T.lanes
            for o in 0..<shape.outputs { to[o] = source[o * width + s] }
            for o in shape.outputs..<(ov * T.lanes) { to[o] = 0 }
        }
        let dz = w.wide
        let hasBase = rowCount > nb
        for i in 0..<shape.inputs {
            let dx = scalars(w.dx + i * nv)
            if inputGradient { RowKernels<T>.fill(w.dx + i * nv, .zero, nv) }
            if numericEdges[i].isEmpty { continue }
            let table = memory.table(i)
            let x = scalars(rows.x + i * nv)
            let weight = wideWeights(i)
            let dw = UnsafeMutableRawPointer(gradient + i * rowCount * ov * T.lanes).assumingMemoryBound(to: T.Vector.self)
            if hasBase {
                baseFunction.rows(
                    T.self, x: rows.x + i * nv, nv: nv, value: w.value, derivative: inputGradient ? w.slope : nil)
            }
            let (base, slope) = (scalars(w.value), scalars(w.slope))
            for s in 0..<samples {
                let d = dz + s * ov
                var pull = T.Vector.zero
                if hasBase {
                    let (b, row, drow) = (T.Vector(repeating: base[s]), weight + nb * ov, dw + nb * ov)
                    for o in 0..<ov { drow[o] = T.multiplyAdd(b, d[o], drow[o]) }
                    if inputGradient {
                        let b = T.Vector(repeating: slope[s])
                        for o in 0..<ov { pull = T.multiplyAdd(b * row[o], d[o], pull) }
                    }
                }
                if let c = table.cell(x[s]) {
                    let value = table.values(x[s], c)
                    let first = max(0, k - c)
                    let last = min(k, nb - 1 - c + k)
                    let drow = dw + (c - k) * ov
                    if k == 3 && first == 0 && last == 3 {
                        let (v0, v1) = (T.Vector(repeating: value[0]), T.Vector(repeating: value[1]))
                        let (v2, v3) = (T.Vector(repeating: value[2]), T.Vector(repeating: value[3]))
                        for o in 0..<ov {
                            drow[o] = T.multiplyAdd(v0, d[o], drow[o])
                            drow[ov + o] = T.multiplyAdd(v1, d[o], drow[ov + o])
                            drow[2 * ov + o] = T.multiplyAdd(v2, d[o], drow[2 * ov + o])
                            drow[3 * ov + o] = T.multiplyAdd(v3, d[o], drow[3 * ov + o])
                        }
                    } else {
                        for j in first...last {
                            let v = T.Vector(repeating: value[j])
                            for o in 0..<ov { drow[j * ov + o] = T.multiplyAdd(v, d[o], drow[j * ov + o]) }
                        }
                    }
                    if inputGradient {
                        let derivative = table.derivatives(x[s], c)
                        let row = weight + (c - k) * ov
                        for j in first...last {
                            let v = T.Vector(repeating: derivative[j])
                            for o in 0..<ov { pull = T.multiplyAdd(v * row[j * ov + o], d[o], pull) }
                        }
                    }
                }
                if inputGradient { dx[s] = pull.sum() }
            }
        }
    }

    /// weights = mask·scale_sp·coef and mask·scale_base, as (inputs, rows, outputs).
    @inline(__always)
    func foldWide(_ state: UnsafePointer<T>, input i: Int) {
        let (nb, padded) = (shape.basisCount, outputVectors * T.lanes)
        let target = scalars(wideWeights(i))
        for o in 0..<shape.outputs {
            let edge = i * shape.outputs + o
            let mask = state[shape.mask + edge]
            let scale = mask * state[shape.scaleSp + edge]
            let coef = state + shape.coef + edge * nb
            for b in 0..<nb { target[b * padded + o] = scale * coef[b] }
            if rowCount > nb { target[nb * padded + o] = mask * state[shape.scaleBase + edge] }
        }
    }

    /// Adds dL/dw of edge (i, o) to the parameter gradient; the mirror of `foldWide`.
    @inline(__always)
    func unfoldWide(
        _ dw: UnsafePointer<T>, _ i: Int, _ o: Int, state: UnsafePointer<T>, into gradient: UnsafeMutablePointer<T>
    ) {
        let (nb, padded) = (shape.basisCount, outputVectors * T.lanes)
        let d = dw + i * rowCount * padded + o
        let edge = i * shape.outputs + o
        let mask = state[shape.mask + edge]
        let scale = mask * state[shape.scaleSp + edge]
        let coef = state + shape.coef + edge * nb
        let dcoef = gradient + shape.coef + edge * nb
        var dscale: T = 0
        for b in 0..<nb {
            dcoef[b] += scale * d[b * padded]
            dscale += coef[b] * d[b * padded]
        }
        gradient[shape.scaleSp + edge] += mask * dscale
        if rowCount > nb { gradient[shape.scaleBase + edge] += mask * d[nb * padded] }
    }
}
