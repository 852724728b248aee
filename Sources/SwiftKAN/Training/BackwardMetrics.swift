// The two regularisation metrics that follow attribution backward through the network, with exact gradients.
//
// What it must get right: pykan's attribution (MultKAN.py, attribute), averaged over outputs,
//   score at the outputs = 1/O;  subnode score = score of its node (every factor of a product gets the product's);
//   edge score_oi = S(edge_oi)·subnode score_o / (S(subnode_o) + 1e-4);  node score_i = Σ_o edge score_oi
// and the chain rule back through the same loops.

/// Keeps pykan's quotients finite where a subnode is constant.
let attributionEpsilon = 1e-4

extension Regularization {
    /// v of layer l = its edge scores.
    func edgeBackward(_ layers: inout [LayerDeviations]) -> Double {
        let outputs = layers[layers.count - 1].nodes
        var scores = Array(repeating: [Double](), count: layers.count + 1)
        scores[layers.count] = Array(repeating: 1 / Double(outputs), count: outputs)
        var total = 0.0
        var slopes: [[Double]] = Array(repeating: [], count: layers.count)
        for l in layers.indices.reversed() {
            var matrix = SizeMatrix(
                rows: layers[l].outputs, columns: layers[l].inputs, v: layers[l].edgeScores(scores[l + 1]))
            scores[l] = layers[l].columnSums(matrix.v)
            total += matrix.penalty(lambL1: lambL1, lambEntropy: lambEntropy)
            slopes[l] = matrix.slope
        }
        var dscore = Array(repeating: 0.0, count: layers[0].inputs)
        for l in layers.indices {
            let inputs = layers[l].inputs
            for e in slopes[l].indices { slopes[l][e] += dscore[e % inputs] }
            dscore = layers[l].pullEdgeScores(slopes[l], scores[l + 1])
        }
        return total
    }

    /// v of level l = 1 … L = (scores of its nodes) × (how each splits over the network's inputs).
    func nodeBackward(_ layers: inout [LayerDeviations]) -> Double {
        let depth = layers.count
        let D = layers[0].inputs
        let outputs = layers[depth - 1].nodes
        var scores = Array(repeating: [Double](), count: depth + 1)
        scores[depth] = Array(repeating: 1 / Double(outputs), count: outputs)
        let transfer = layers.map { $0.transfer() }  // (nodes, inputs)
        for l in layers.indices.reversed() {
            let (nodes, inputs) = (layers[l].nodes, layers[l].inputs)
            scores[l] = (0..<inputs).map { i in
                (0..<nodes).reduce(0) { $0 + scores[l + 1][$1] * transfer[l][$1 * inputs + i] }
            }
        }
        // reach[l] (nodes of level l, D): the product of the transfers below; at the inputs it would be the identity.
        var reach: [[Double]] = [[], transfer[0]]
        for l in layers.indices.dropFirst() {
            reach.append(multiply(transfer[l], reach[l], layers[l].nodes, layers[l].inputs, D))
        }
        var total = 0.0
        var dreach = reach.map { Array(repeating: 0.0, count: $0.count) }
        var dscores = scores.map { Array(repeating: 0.0, count: $0.count) }
        for level in 1...depth {
            let nodes = layers[level - 1].nodes
            var matrix = SizeMatrix(rows: nodes, columns: D, v: reach[level])
            for e in matrix.v.indices { matrix.v[e] *= scores[level][e / D] }
            total += matrix.penalty(lambL1: lambL1, lambEntropy: lambEntropy)
            for e in matrix.v.indices {
                dreach[level][e] += matrix.slope[e] * scores[level][e / D]
                dscores[level][e / D] += matrix.slope[e] * reach[level][e]
            }
        }
        // Back: scores flow down from the outputs, so their adjoints flow up; reaches flow up, so theirs flow down.
        var dtransfer = transfer.map { Array(repeating: 0.0, count: $0.count) }
        for l in layers.indices.dropFirst().reversed() {
            let (nodes, inputs) = (layers[l].nodes, layers[l].inputs)
            for node in 0..<nodes {
                for i in 0..<inputs {
                    for d in 0..<D {
                        let pull = dreach[l + 1][node * D + d]
                        dtransfer[l][node * inputs + i] += pull * reach[l][i * D + d]
                        dreach[l][i * D + d] += pull * transfer[l][node * inputs + i]
                    }
                }
            }
        }
        for e in dtransfer[0].indices { dtransfer[0][e] += dreach[1][e] }
        for l in layers.indices {
            let (nodes, inputs) = (layers[l].nodes, layers[l].inputs)
            for node in 0..<nodes {
                for i in 0..<inputs {
                    dtransfer[l][node * inputs + i] += dscores[l][i] * scores[l + 1][node]
                    dscores[l + 1][node] += dscores[l][i] * transfer[l][node * inputs + i]
                }
            }
            layers[l].pullTransfer(dtransfer[l])
        }
        return total
    }

    private func multiply(_ a: [Double], _ b: [Double], _ rows: Int, _ inner: Int, _ columns: Int) -> [Double] {
        var c = Array(repeating: 0.0, count: rows * columns)
        for r in 0..<rows {
            for m in 0..<inner {
                for j in 0..<columns { c[r * columns + j] += a[r * inner + m] * b[m * columns + j] }
            }
        }
        return c
    }
}

extension LayerDeviations {
    /// (outputs, inputs) edge scores, given the scores of the next level's nodes.
    func edgeScores(_ next: [Double]) -> [Double] {
        let owner = nodeOfSubnode
        return edge.indices.map { e in
            let o = e / inputs
            return edge[e] * next[owner[o]] / (subnode[o] + attributionEpsilon)
        }
    }

    func columnSums(_ matrix: [Double]) -> [Double] {
        var sums = Array(repeating: 0.0, count: inputs)
        for e in matrix.indices { sums[e % inputs] += matrix[e] }
        return sums
    }

    /// Given d/d(edge scores): adds to dS and returns d/d(next scores).
    mutating func pullEdgeScores(_ d: [Double], _ next: [Double]) -> [Double] {
        let owner = nodeOfSubnode
        var dnext = Array(repeating: 0.0, count: next.count)
        for e in d.indices {
            let o = e / inputs
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            dedge[e] += d[e] * next[owner[o]] * quotient
            dsubnode[o] -= d[e] * edge[e] * next[owner[o]] * quotient * quotient
            dnext[owner[o]] += d[e] * edge[e] * quotient
        }
        return dnext
    }

    /// (nodes, inputs): the share of an input in a node's score.
    func transfer() -> [Double] {
        let owner = nodeOfSubnode
        var matrix = Array(repeating: 0.0, count: nodes * inputs)
        for e in edge.indices {
            let o = e / inputs
            matrix[owner[o] * inputs + e % inputs] += edge[e] / (subnode[o] + attributionEpsilon)
        }
        return matrix
    }

    /// The mirror of `transfer`.
    mutating func pullTransfer(_ d: [Double]) {
        let owner = nodeOfSubnode
        for e in edge.indices {
            let o = e / inputs
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            let pull = d[owner[o] * inputs + e % inputs]
            dedge[e] += pull * quotient
            dsubnode[o] -= pull * edge[e] * quotient * quotient
        }
    }
}
