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

/// A matrix (rows × columns) of sizes and, after `SizeMatrix.penalty`, dR/dv.
struct SizeMatrix {
    let rows: Int
    let columns: Int
    var v: [Double]
    var slope: [Double] = []

    /// R(v); fills `slope`.
    mutating func penalty(lambL1: Double, lambEntropy: Double) -> Double {
        slope = Array(repeating: lambL1, count: v.count)
        let l1 = v.reduce(0, +)
        var entropy = 0.0
        for r in 0..<rows {
            entropy += addEntropy(start: r * columns, step: 1, count: columns, weight: 1 / Double(rows), lambEntropy)
        }
        for c in 0..<columns {
            entropy += addEntropy(start: c, step: columns, count: rows, weight: 1 / Double(columns), lambEntropy)
        }
        return lambL1 * l1 + lambEntropy * entropy
    }

    /// -weight·Σ p·log2(p + 1e-4) for p = v/(Σv + 1) along a row or column; adds its gradient to `slope`.
    ///
    /// With g_j = d/dp_j and T = Σv + 1: d/dv_j = (g_j - Σ_m g_m p_m) / T.
    private mutating func addEntropy(start: Int, step: Int, count: Int, weight: Double, _ lamb: Double) -> Double {
        var total = 1.0
        for m in 0..<count { total += v[start + m * step] }
        var entropy = 0.0
        var mean = 0.0
        for m in 0..<count {
            let p = v[start + m * step] / total
            let logarithm = Double.log(p + 1e-4) / Double.log(2.0)
            entropy -= weight * p * logarithm
            mean += entropySlope(p, logarithm, weight) * p
        }
        for m in 0..<count {
            let p = v[start + m * step] / total
            let logarithm = Double.log(p + 1e-4) / Double.log(2.0)
            slope[start + m * step] += lamb * (entropySlope(p, logarithm, weight) - mean) / total
        }
        return entropy
    }

    private func entropySlope(_ p: Double, _ logarithm: Double, _ weight: Double) -> Double {
        -weight * (logarithm + p / ((p + 1e-4) * Double.log(2.0)))
    }
}

/// Standard deviations of a layer, and dR/dS of each once a metric has been evaluated. Edges as (outputs, inputs).
struct LayerDeviations {
    let inputs: Int
    let outputs: Int
    let sums: Int
    let arities: [Int]
    var node, subnode, edge, numerical: [Double]
    var dnode, dsubnode, dedge, dnumerical: [Double]

    init(_ shape: LayerShape, _ moments: LayerMoments) {
        (inputs, outputs, sums, arities) = (shape.inputs, shape.outputs, shape.sums, shape.arities)
        node = (0..<shape.inputs).map { moments.nodes.deviation($0) }
        subnode = (0..<shape.outputs).map { moments.subnodes.deviation($0) }
        func transposed(_ m: Moments) -> [Double] {
            (0..<shape.edges).map { m.deviation(($0 % shape.inputs) * shape.outputs + $0 / shape.inputs) }
        }
        edge = transposed(moments.edges)
        numerical = transposed(moments.numerical)
        dnode = Array(repeating: 0, count: node.count)
        dsubnode = Array(repeating: 0, count: subnode.count)
        dedge = Array(repeating: 0, count: edge.count)
        dnumerical = dedge
    }

    /// The node of the next level that each subnode belongs to.
    var nodeOfSubnode: [Int] {
        var owner = Array(0..<sums)
        for (m, arity) in arities.enumerated() { owner += Array(repeating: sums + m, count: arity) }
        return owner
    }
    var nodes: Int { sums + arities.count }
}

extension Regularization {
    /// The value over all layers; fills dR/dS of the deviations.
    func evaluate(_ layers: inout [LayerDeviations]) -> Double {
        switch metric {
        case .edgeForwardSplineN: normalized(&layers, \.numerical, \.dnumerical)
        case .edgeForwardSum: normalized(&layers, \.edge, \.dedge)
        case .edgeForwardSplineU: plain(&layers)
        case .edgeBackward: edgeBackward(&layers)
        case .nodeBackward: nodeBackward(&layers)
        }
    }

    private func normalized(
        _ layers: inout [LayerDeviations], _ size: WritableKeyPath<LayerDeviations, [Double]>,
        _ dsize: WritableKeyPath<LayerDeviations, [Double]>
    ) -> Double {
        var total = 0.0
        for l in layers.indices {
            let (inputs, outputs) = (layers[l].inputs, layers[l].outputs)
            var matrix = SizeMatrix(rows: outputs, columns: inputs, v: layers[l][keyPath: size])
            for e in matrix.v.indices { matrix.v[e] /= layers[l].node[e % inputs] + 0.1 }
            total += matrix.penalty(lambL1: lambL1, lambEntropy: lambEntropy)
            for e in matrix.v.indices {
                let denominator = layers[l].node[e % inputs] + 0.1
                layers[l][keyPath: dsize][e] += matrix.slope[e] / denominator
                layers[l].dnode[e % inputs] -= matrix.slope[e] * matrix.v[e] / denominator
            }
        }
        return total
    }

    private func plain(_ layers: inout [LayerDeviations]) -> Double {
        var total = 0.0
        for l in layers.indices {
            var matrix = SizeMatrix(rows: layers[l].outputs, columns: layers[l].inputs, v: layers[l].edge)
            total += matrix.penalty(lambL1: lambL1, lambEntropy: lambEntropy)
            layers[l].dedge = matrix.slope
        }
        return total
    }
}
