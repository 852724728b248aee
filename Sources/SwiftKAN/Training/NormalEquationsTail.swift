// Rows of J for parameters that touch every sample: base functions, symbolic edges, nodes.
//
// What it must get right: the derivatives of LayerBackward.swift, sample by sample instead of summed.

extension TailColumn {
    var layer: Int {
        switch self {
        case .base(let layer, _, _), .symbolic(let layer, _, _), .nodes(let layer): layer
        }
    }
}

extension NormalEquations {
    /// Numbers of base functions and symbolic edges, from dL/dz in `dz`; sample s's begin at target + s·stride.
    @inline(never)
    func fillTail(
        _ part: TailColumn, _ w: Workspace<T>, _ evaluation: Evaluation, _ target: UnsafeMutablePointer<Double>, _ stride: Int
    ) {
        let nv = w.nv
        switch part {
        case .base(let l, let i, let o):
            evaluator.folded[l].baseFunction.rows(T.self, x: w.layers[l].x + i * nv, nv: nv, value: w.edge, derivative: nil)
            let (value, g) = (scalars(w.edge), scalars(w.dz + o * nv))
            for s in 0..<w.samples { target[s * stride] = Double(value[s]) * Double(g[s]) }
        case .symbolic(let l, let i, let index):
            let layer = evaluator.folded[l]
            let e = layer.symbolicEdges[i][index]
            let row = w.layers[l].x + i * nv
            layer.evaluate(e, x: row, w, evaluation, slope: true, post: w.symbolicEdge)
            let (x, g) = (scalars(row), scalars(w.dz + e.output * nv))
            let (value, slope) = (scalars(w.value), scalars(w.slope))
            for s in 0..<w.samples {
                // Where g is 0, an infinite slope must not make it NaN.
                let g = Double(e.mask * g[s])
                let db = Double.times(Double(e.c) * g, Double(slope[s]))
                target[s * stride] = Double.times(db, Double(x[s]))
                target[s * stride + 1] = db
                target[s * stride + 2] = Double.times(g, Double(value[s]))
                target[s * stride + 3] = g
            }
        case .nodes: break
        }
    }

    /// Numbers of a layer's nodes and subnodes, from dL/d(next x) in `dx`.
    @inline(never)
    func fillNodes(_ l: Int, _ w: Workspace<T>, _ target: UnsafeMutablePointer<Double>, _ stride: Int) {
        let width = w.nv * T.lanes
        let (shape, rows, state) = (evaluator.folded[l].shape, w.layers[l], evaluator.state)
        let (h, u, z, dx) = (scalars(rows.h), scalars(rows.u), scalars(rows.z), scalars(w.dx))
        let (nodes, outputs) = (shape.nodes, shape.outputs)
        var subnode = 0
        for node in 0..<nodes {
            let factors = node < shape.sums ? 1 : shape.arities[node - shape.sums]
            let scale = Double(state[shape.nodeScale + node])
            for s in 0..<w.samples {
                let d = Double(dx[node * width + s])
                let row = target + s * stride
                row[node] = d
                row[nodes + node] = Double.times(d, Double(h[node * width + s]))
                for factor in 0..<factors {
                    var du = scale * d
                    for other in 0..<factors where other != factor { du = Double.times(du, Double(u[(subnode + other) * width + s])) }
                    row[2 * nodes + subnode + factor] = du
                    row[2 * nodes + outputs + subnode + factor] = Double.times(du, Double(z[(subnode + factor) * width + s]))
                }
            }
            subnode += factors
        }
    }

    @inline(__always)
    private func scalars(_ row: UnsafeMutablePointer<T.Vector>) -> UnsafePointer<T> {
        UnsafePointer(UnsafeMutableRawPointer(row).assumingMemoryBound(to: T.self))
    }
}
