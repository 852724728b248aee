// KaczmarzNodes: what stands between two layers in Newton-Kaczmarz: symbolic edges, subnodes, products and nodes, for one sample.
//
// What it must get right, in this order:
//   1. The formula at the head of KAN.swift, and its derivatives; the mirror of each step in reverse order.
//   2. A layer without any of this (no symbolic edges, no products, affine numbers 1 and 0 that do not train) costs a copy.

final class KaczmarzNodes<T: KANScalar> {
    /// A symbolic edge: mask·(c·f(a·x + b) + d), its four numbers at `affine` in the state.
    private struct Edge {
        let input, output, affine: Int
        let function: EdgeFunction
        let mask: T
        var value: T = 0
        var slope: T = 0
    }

    let shape: LayerShape
    private let layer: Int
    private let evaluation: Evaluation
    private var edges: [Edge] = []
    /// Nodes that no edge of the next layer uses.
    private var idle: [Int] = []
    /// Nothing stands here: x of the next level is z.
    private(set) var isPlain = true
    private var affineTrains = false
    /// The unit of each subnode, and squared.
    private var units: [T] = []
    private var unit: [T] = []
    private let u, h, du: AlignedBuffer<T>
    /// x of the next level, and dy/dx of it.
    let output, pull: AlignedBuffer<T>

    init(_ shape: LayerShape, layer: Int, _ evaluation: Evaluation) throws(KANError) {
        self.shape = shape
        self.layer = layer
        self.evaluation = evaluation
        u = try AlignedBuffer(count: shape.outputs)
        du = try AlignedBuffer(count: shape.outputs)
        h = try AlignedBuffer(count: shape.nodes)
        output = try AlignedBuffer(count: shape.nodes)
        pull = try AlignedBuffer(count: shape.nodes)
    }

    /// Takes over the masks and flags of `network`.
    ///
    /// - Parameter next: the shape of the next layer, whose grids give the units, or nil: `outputs` do.
    /// - Returns: the unit of each subnode, the change of z that is one unit of the node it leads to, as it was at the first call: units of
    ///   grids that stretch would grow with them, allow larger steps, and so stretch the grids again, without end.
    func load(_ network: KAN<T>, next: LayerShape?, outputs: [T]) -> [T] {
        let state = network.state
        affineTrains = network.affineTrainable
        edges.removeAll()
        if network.symbolicEnabled {
            for o in 0..<shape.outputs {
                for i in 0..<shape.inputs {
                    let edge = o * shape.inputs + i
                    let mask = state[shape.symbolicMask + edge]
                    guard mask != 0 else { continue }
                    edges.append(
                        Edge(
                            input: i, output: o, affine: shape.affine + 4 * edge, function: network.functions[layer][edge],
                            mask: mask))
                }
            }
        }
        idle = next.map { next in
            (0..<shape.nodes).filter { node in
                !network.hasSplines(next, input: node)
                    && !(network.symbolicEnabled && (0..<next.outputs).contains { state[next.symbolicMask + $0 * next.inputs + node] != 0 })
            }
        } ?? []
        isPlain = shape.arities.isEmpty && !affineTrains && edges.isEmpty
        var (units, subnode) = ([T](), 0)
        for node in 0..<shape.nodes {
            var width = outputs.indices.contains(node) ? outputs[node] : 1
            if let next {
                let knots = state + next.knots + node * next.knotCount
                width = knots[next.k + next.grid] - knots[next.k]
            }
            let (nodeScale, factors) = (state[shape.nodeScale + node], factors(node))
            if nodeScale != 1 || state[shape.nodeBias + node] != 0 { isPlain = false }
            for o in subnode..<(subnode + factors) {
                let scale = abs(nodeScale * state[shape.subnodeScale + o])
                if state[shape.subnodeScale + o] != 1 || state[shape.subnodeBias + o] != 0 { isPlain = false }
                // Each of m factors takes the m-th root.
                let unit = T.exp(T.log(width / scale) / T(max(factors, 1)))
                units.append(unit > 0 && unit.isFinite ? unit : 1)
            }
            subnode += factors
        }
        if self.units.isEmpty {
            self.units = units
            unit = units.map { $0 * $0 }
        }
        return self.units
    }

    @inline(__always)
    private func factors(_ node: Int) -> Int { node < shape.sums ? 1 : shape.arities[node - shape.sums] }

    @inline(__always)
    func forward<V: KANVector>(_ state: UnsafePointer<T>, _ layer: KaczmarzLayer<T, V>) where V.Scalar == T {
        let (z, x) = (layer.z, output.base)
        for e in edges.indices { evaluate(e, state, layer) }
        for o in 0..<shape.outputs { u.base[o] = state[shape.subnodeScale + o] * z[o] + state[shape.subnodeBias + o] }
        var subnode = 0
        for node in 0..<shape.nodes {
            let factors = factors(node)
            var product = u.base[subnode]
            for factor in 1..<max(factors, 1) { product *= u.base[subnode + factor] }
            h.base[node] = product
            x[node] = state[shape.nodeScale + node] * product + state[shape.nodeBias + node]
            subnode += factors
        }
        // They may be infinite or NaN, which no weight 0 would keep from the sums.
        for node in idle { x[node] = 0 }
    }

    private func evaluate<V: KANVector>(_ e: Int, _ state: UnsafePointer<T>, _ layer: KaczmarzLayer<T, V>) where V.Scalar == T {
        let p = state + edges[e].affine
        var argument = p[0] * layer.x[edges[e].input] + p[1]
        var (value, slope) = (T(0), T(0))
        edges[e].function.evaluate(
            &argument, count: 1, value: &value, derivative: &slope, avoidSingularities: evaluation.avoidSingularities,
            yTh: T(evaluation.yTh))
        (edges[e].value, edges[e].slope) = (value, slope)
        layer.z[edges[e].output] += edges[e].mask * (p[2] * value + p[3])
    }

    /// dy/dz from dy/dx of the next level.
    ///
    /// - Returns: the square of the length of the gradient by the numbers that stand here.
    @inline(__always)
    func backward<V: KANVector>(_ state: UnsafePointer<T>, _ layer: KaczmarzLayer<T, V>) -> T where V.Scalar == T {
        let (d, dz) = (pull.base, layer.dz)
        var length: T = 0
        var subnode = 0
        for node in 0..<shape.nodes {
            let (factors, dh) = (factors(node), d[node] * state[shape.nodeScale + node])
            for one in subnode..<(subnode + factors) {
                var product = dh
                for other in subnode..<(subnode + factors) where other != one { product = T.times(product, u.base[other]) }
                du.base[one] = product
                dz[one] = product * state[shape.subnodeScale + one]
            }
            subnode += factors
        }
        if affineTrains {
            for node in 0..<shape.nodes { length += T.times(d[node] * d[node], 1 + h.base[node] * h.base[node]) }
            for o in 0..<shape.outputs {
                length += T.times(du.base[o] * du.base[o], unit[o] + layer.z[o] * layer.z[o])
            }
        }
        for e in edges.indices {
            let g = slopes(e, state, layer)
            let units = unit[edges[e].output]
            length += g.a * g.a + g.b * g.b + units * (g.c * g.c + g.d * g.d)
        }
        return length
    }

    /// dy/d(a, b, c, d) of a symbolic edge.
    private func slopes<V: KANVector>(
        _ e: Int, _ state: UnsafePointer<T>, _ layer: KaczmarzLayer<T, V>
    ) -> (a: T, b: T, c: T, d: T) where V.Scalar == T {
        let edge = edges[e]
        let d = edge.mask * layer.dz[edge.output]
        let b = T.times(d * state[edge.affine + 2], edge.slope)
        return (T.times(b, layer.x[edge.input]), b, T.times(d, edge.value), d)
    }

    /// Adds the pull of symbolic edges to the layer's dy/dx.
    @inline(__always)
    func addPull<V: KANVector>(_ state: UnsafePointer<T>, _ layer: KaczmarzLayer<T, V>) where V.Scalar == T {
        for e in edges.indices {
            layer.dx[edges[e].input] += slopes(e, state, layer).b * state[edges[e].affine]
        }
    }

    /// Changes the numbers that stand here along the gradient.
    @inline(__always)
    func move<V: KANVector>(_ state: UnsafeMutablePointer<T>, _ layer: KaczmarzLayer<T, V>, _ step: T) where V.Scalar == T {
        for e in edges.indices {
            let (g, p) = (slopes(e, state, layer), state + edges[e].affine)
            let units = unit[edges[e].output]
            p[0] += step * g.a
            p[1] += step * g.b
            p[2] += step * units * g.c
            p[3] += step * units * g.d
        }
        guard affineTrains else { return }
        let d = pull.base
        for node in 0..<shape.nodes {
            state[shape.nodeBias + node] += step * d[node]
            state[shape.nodeScale + node] += step * T.times(d[node], h.base[node])
        }
        for o in 0..<shape.outputs {
            state[shape.subnodeBias + o] += step * unit[o] * du.base[o]
            state[shape.subnodeScale + o] += step * T.times(du.base[o], layer.z[o])
        }
    }
}
