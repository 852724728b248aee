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
        var scores = startingScores(layers)
        var total = 0.0
        var slopes: [Matrix] = layers.map { Matrix($0.outputs, $0.inputs, []) }
        for l in layers.indices.reversed() {
            let edgeScores = layers[l].edgeScores(scores[l + 1].values)
            scores[l] = Matrix(1, layers[l].inputs, edgeScores.columnSums)
            total += penalty(&layers[l].matrix, edgeScores.values)
            slopes[l].values = layers[l].matrix.slope
        }
        var dscore = Array(repeating: 0.0, count: layers[0].inputs)
        for l in layers.indices {
            slopes[l].addToRows(dscore)
            dscore = layers[l].pullEdgeScores(slopes[l].values, scores[l + 1].values)
        }
        return total
    }

    /// v of level l = 1 … L = (scores of its nodes) × (how each splits over the network's inputs).
    func nodeBackward(_ layers: inout [LayerDeviations]) -> Double {
        let depth = layers.count
        var scores = startingScores(layers)
        let transfer = layers.map { $0.transfer() }  // (nodes, inputs)
        for l in layers.indices.reversed() { scores[l] = scores[l + 1] * transfer[l] }
        // reach[l] (nodes of level l + 1, inputs of the network): the product of the transfers up to there.
        var reach = [transfer[0]]
        for l in 1..<depth { reach.append(transfer[l] * reach[l - 1]) }
        var total = 0.0
        var dreach: [Matrix] = []
        var dscores = scores.map { Matrix(zeros: 1, $0.columns) }
        for l in layers.indices {
            let (factors, split) = (scores[l + 1].values, reach[l])
            var matrix = SizeMatrix(rows: split.rows, columns: split.columns, v: [])
            total += penalty(&matrix, split.scalingRows(factors).values)
            let slope = Matrix(split.rows, split.columns, matrix.slope)
            dreach.append(slope.scalingRows(factors))
            dscores[l + 1].values = slope.rowDots(split)
        }
        // Back: scores flow down from the outputs, so their adjoints flow up; reaches flow up, so theirs flow down.
        var dtransfer = dreach
        for l in (1..<depth).reversed() {
            dtransfer[l] = dreach[l].timesTransposed(reach[l - 1])
            dreach[l - 1] += transfer[l].transposedTimes(dreach[l])
        }
        dtransfer[0] = dreach[0]
        for l in layers.indices {
            dtransfer[l] += scores[l + 1].transposedTimes(dscores[l])
            dscores[l + 1] += dscores[l].timesTransposed(transfer[l])
            layers[l].pullTransfer(dtransfer[l].values)
        }
        return total
    }

    /// The scores of every level's nodes, as rows: those of the outputs, which are equal, and nothing yet for the rest.
    private func startingScores(_ layers: [LayerDeviations]) -> [Matrix] {
        let outputs = layers[layers.count - 1].nodes
        return layers.map { Matrix(zeros: 1, $0.inputs) } + [Matrix(1, outputs, Array(repeating: 1 / Double(outputs), count: outputs))]
    }

    /// R(v); leaves dR/dv in `matrix.slope`.
    private func penalty(_ matrix: inout SizeMatrix, _ v: [Double]) -> Double {
        matrix.v = v
        return matrix.penalty(lambL1: lambL1, lambEntropy: lambEntropy)
    }
}

extension LayerDeviations {
    /// (outputs, inputs) edge scores, given the scores of the next level's nodes.
    func edgeScores(_ next: [Double]) -> Matrix {
        let owner = nodeOfSubnode
        return Matrix(outputs, inputs, edge).scalingRows((0..<outputs).map { next[owner[$0]] / (subnode[$0] + attributionEpsilon) })
    }

    /// Given d/d(edge scores): adds to dS and returns d/d(next scores).
    mutating func pullEdgeScores(_ d: [Double], _ next: [Double]) -> [Double] {
        let owner = nodeOfSubnode
        let scaled = Matrix(outputs, inputs, d).rowDots(Matrix(outputs, inputs, edge))
        var dnext = Array(repeating: 0.0, count: next.count)
        for o in 0..<outputs {
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            let factor = next[owner[o]] * quotient
            for e in o * inputs..<(o + 1) * inputs { dedge[e] += d[e] * factor }
            dsubnode[o] -= scaled[o] * factor * quotient
            dnext[owner[o]] += scaled[o] * quotient
        }
        return dnext
    }

    /// (nodes, inputs): the share of an input in a node's score.
    func transfer() -> Matrix {
        let owner = nodeOfSubnode
        var matrix = Matrix(zeros: nodes, inputs)
        for o in 0..<outputs {
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            for i in 0..<inputs { matrix.values[owner[o] * inputs + i] += edge[o * inputs + i] * quotient }
        }
        return matrix
    }

    /// The mirror of `transfer`.
    mutating func pullTransfer(_ d: [Double]) {
        let owner = nodeOfSubnode
        for o in 0..<outputs {
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            var total = 0.0
            for i in 0..<inputs {
                let (e, pull) = (o * inputs + i, d[owner[o] * inputs + i])
                dedge[e] += pull * quotient
                total += pull * edge[e]
            }
            dsubnode[o] -= total * quotient * quotient
        }
    }
}
