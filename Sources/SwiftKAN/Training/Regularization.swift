// Regularisation: pykan's measure of how large and how spread out the edges of a network are, with exact gradients.
//
// What it must get right, in this order:
//   1. pykan's values (MultKAN.py, reg; PYKAN's five metrics), where pykan computes them.
//   2. Exact gradients for every metric, also where pykan has none: `edge_forward_sum` (detached there) and
//      `node_backward` (an error there), and through the denominators of `edge_backward` (detached there).
//   3. Standard deviations of 0 give gradient 0, not NaN.
//
// For a matrix v (out × in) of sizes ≥ 0:
//   l1 = Σ v;  p_oi = v_oi / (Σ_i v_oi + 1);  q_oi = v_oi / (Σ_o v_oi + 1)
//   H_r = -1/out Σ p·log2(p + 1e-4);  H_c = -1/in Σ q·log2(q + 1e-4)
//   R(v) = lamb_l1·l1 + lamb_entropy·(H_r + H_c)
// and for the coefficients of every layer lamb_coef·1/out Σ|coef| + lamb_coefdiff·1/out Σ|coef_{b+1} - coef_b|.

/// Which matrices v are made small and sparse; S is the standard deviation over the samples.
public enum RegMetric: Int, Sendable, CaseIterable {
    /// S(numeric part of the edge) / (S(its input) + 0.1)
    case edgeForwardSplineN = 0
    /// S(edge) / (S(its input) + 0.1)
    case edgeForwardSum = 1
    /// S(edge)
    case edgeForwardSplineU = 2
    /// edge scores of attribution
    case edgeBackward = 3
    /// scores of the nodes of each level, split by the network's inputs
    case nodeBackward = 4
}

/// The weights of a regularisation.
public struct Regularization: Sendable {
    public var metric = RegMetric.edgeForwardSplineN
    public var lambL1 = 1.0
    public var lambEntropy = 2.0
    public var lambCoef = 0.0
    public var lambCoefdiff = 0.0
    public init() {}
}

/// Standard deviations of a layer, and dR/dS of each once a metric has been evaluated. Edges as (outputs, inputs).
struct LayerDeviations {
    let inputs: Int
    let outputs: Int
    let nodes: Int
    /// The node of the next level that each subnode belongs to.
    let owner: [Int]
    var node, subnode, edge, numerical: [Double]
    var dnode, dsubnode, dedge, dnumerical: [Double]
    /// Memory for the edge matrix of a metric, and for numbers its rows are multiplied by.
    var matrix: SizeMatrix
    var factors: [Double]
    let hasEdges: Bool

    init(_ shape: LayerShape, hasEdges: Bool = true) {
        self.hasEdges = hasEdges
        (inputs, outputs, nodes) = (shape.inputs, shape.outputs, shape.nodes)
        owner = Array(0..<shape.sums) + shape.arities.enumerated().flatMap { Array(repeating: shape.sums + $0, count: $1) }
        node = Array(repeating: 0, count: shape.inputs)
        subnode = Array(repeating: 0, count: shape.outputs)
        edge = Array(repeating: 0, count: hasEdges ? shape.edges : 0)
        (numerical, dedge, dnumerical, dnode, dsubnode) = (edge, edge, edge, node, subnode)
        matrix = SizeMatrix(rows: shape.outputs, columns: shape.inputs, v: edge)
        factors = subnode
    }

    /// Takes over the deviations of `moments`; dR/dS are 0 then.
    mutating func update(_ moments: LayerMoments) {
        for i in 0..<inputs { (node[i], dnode[i]) = (moments.nodes.deviation(i), 0) }
        for o in 0..<outputs { (subnode[o], dsubnode[o]) = (moments.subnodes.deviation(o), 0) }
        for o in 0..<(hasEdges ? outputs : 0) {
            for i in 0..<inputs {
                let (e, m) = (o * inputs + i, i * outputs + o)
                (edge[e], dedge[e]) = (moments.edges.deviation(m), 0)
                (numerical[e], dnumerical[e]) = (moments.numerical.deviation(m), 0)
            }
        }
    }
}

extension Regularization {
    /// The moments that the metric is made of.
    var wanted: Quantities {
        switch metric {
        case .edgeForwardSplineN: [.numerical, .nodes]
        case .edgeForwardSum: [.edges, .nodes]
        case .edgeForwardSplineU: [.edges]
        case .edgeBackward, .nodeBackward: [.edges, .subnodes, .wideEdges]
        }
    }

    /// The value over all layers but those without edges, which are for `WidePenalty`; fills dR/dS of the deviations.
    ///
    /// - Parameter scores: memory of the metrics that follow attribution.
    func evaluate(_ layers: inout [LayerDeviations], _ scores: BackwardScores) throws(KANError) -> Double {
        switch metric {
        case .edgeBackward: return edgeBackward(&layers, scores)
        case .nodeBackward: return try nodeBackward(&layers, scores)
        default:
            var total = 0.0
            for l in layers.indices where layers[l].hasEdges { total += edgeForward(&layers[l]) }
            return total
        }
    }

    /// The metrics that are sizes of edges, over those of inputs or not.
    private func edgeForward(_ layer: inout LayerDeviations) -> Double {
        let numerical = metric == .edgeForwardSplineN
        let normalized = metric != .edgeForwardSplineU
        for o in 0..<layer.outputs {
            for i in 0..<layer.inputs {
                let e = o * layer.inputs + i
                let size = numerical ? layer.numerical[e] : layer.edge[e]
                layer.matrix.v[e] = normalized ? size / (layer.node[i] + 0.1) : size
            }
        }
        let value = layer.matrix.penalty(lambL1: lambL1, lambEntropy: lambEntropy)
        for o in 0..<layer.outputs {
            for i in 0..<layer.inputs {
                let e = o * layer.inputs + i
                var slope = layer.matrix.slope[e]
                if normalized {
                    slope /= layer.node[i] + 0.1
                    layer.dnode[i] -= slope * layer.matrix.v[e]
                }
                if numerical { layer.dnumerical[e] = slope } else { layer.dedge[e] = slope }
            }
        }
        return value
    }
}
