// The two regularisation metrics that follow attribution backward through the network, with exact gradients.
//
// What it must get right: pykan's attribution (MultKAN.py, attribute), averaged over outputs,
//   score at the outputs = 1/O;  subnode score = score of its node (every factor of a product gets the product's);
//   edge score_oi = S(edge_oi)·subnode score_o / (S(subnode_o) + 1e-4);  node score_i = Σ_o edge score_oi
// and the chain rule back through the same loops.

/// Keeps pykan's quotients finite where a subnode is constant.
private let attributionEpsilon = 1e-4

extension Regularization {
    /// v of layer l = its edge scores.
    func edgeBackward(_ layers: inout [LayerDeviations], _ s: BackwardScores) -> Double {
        s.start()
        var total = 0.0
        for l in layers.indices.reversed() {
            layers[l].fillEdgeScores(s.scores[l + 1])
            s.scores[l].fillColumnSums(layers[l].matrix.v, rows: layers[l].outputs)
            total += layers[l].matrix.penalty(lambL1: lambL1, lambEntropy: lambEntropy)
        }
        s.dscores[0].fill(0)
        for l in layers.indices { layers[l].pullEdgeScores(s.dscores[l], s.scores[l + 1], next: s.dscores[l + 1]) }
        return total
    }

    /// v of level l = 1 … L = (scores of its nodes) × (how each splits over the network's inputs).
    func nodeBackward(_ layers: inout [LayerDeviations], _ s: BackwardScores) throws(KANError) -> Double {
        let (depth, splits) = (layers.count, try s.splits())
        let (transfer, dtransfer, reach, dreach) = (splits.transfer, splits.dtransfer, splits.reach, splits.dreach)
        s.start()
        for l in layers.indices { layers[l].fillTransfer(transfer[l]) }
        for l in layers.indices.reversed() { s.scores[l].fillProduct(s.scores[l + 1], transfer[l]) }
        reach[0].copy(transfer[0])
        for l in 1..<depth { reach[l].fillProduct(transfer[l], reach[l - 1]) }
        var total = 0.0
        for l in layers.indices { total += splits.penalty(l, s.scores[l + 1], s.dscores[l + 1], self) }
        // Back: scores flow down from the outputs, so their adjoints flow up; reaches flow up, so theirs flow down.
        for l in (1..<depth).reversed() {
            dtransfer[l].fill(0)
            dtransfer[l].addProduct(dreach[l], transposed: reach[l - 1])
            dreach[l - 1].addProduct(transposed: transfer[l], dreach[l])
        }
        dtransfer[0].copy(dreach[0])
        s.dscores[0].fill(0)
        for l in layers.indices {
            dtransfer[l].addProduct(transposed: s.scores[l + 1], s.dscores[l])
            s.dscores[l + 1].addProduct(s.dscores[l], transposed: transfer[l])
            layers[l].pullTransfer(dtransfer[l])
        }
        return total
    }
}

/// What the metrics compute on their way, in memory that is kept from step to step.
final class BackwardScores {
    /// (1, nodes) of every level, from the inputs to the outputs: scores, and dR/d(score)
    let scores, dscores: [Matrix]
    private let memory: MatrixMemory
    private let layers: [LayerShape]
    private var kept: NodeSplits?

    init(_ layers: [LayerShape]) throws(KANError) {
        self.layers = layers
        let levels = layers.map { (1, $0.inputs) } + [(1, layers[layers.count - 1].nodes)]
        memory = try MatrixMemory([levels, levels])
        (scores, dscores) = (memory.lists[0], memory.lists[1])
    }

    /// What `nodeBackward` needs besides: with inputs × nodes numbers it may be far more than there are edges.
    fileprivate func splits() throws(KANError) -> NodeSplits {
        if let kept { return kept }
        let splits = try NodeSplits(layers)
        kept = splits
        return splits
    }

    /// Sets the scores of the outputs, which are equal.
    fileprivate func start() {
        let outputs = scores[scores.count - 1]
        outputs.fill(1 / Double(outputs.columns))
    }
}

/// How the scores of nodes split over the inputs of their layer, and of the network.
private final class NodeSplits {
    /// (nodes, inputs) of every layer: the share of an input in a node's score
    let transfer, dtransfer: [Matrix]
    /// (nodes, inputs of the network) of every layer: the product of the transfers up to there
    let reach, dreach: [Matrix]
    /// The rows of `reach`, each times its node's score.
    private var sizes: [SizeMatrix]
    private let memory: MatrixMemory

    init(_ layers: [LayerShape]) throws(KANError) {
        let inputs = layers[0].inputs
        let (own, whole) = (layers.map { ($0.nodes, $0.inputs) }, layers.map { ($0.nodes, inputs) })
        memory = try MatrixMemory([own, own, whole, whole])
        (transfer, dtransfer, reach, dreach) = (memory.lists[0], memory.lists[1], memory.lists[2], memory.lists[3])
        try requireMemory(doubles: layers.reduce(0) { $0 + 2 * Double($1.nodes) * Double(inputs) })
        sizes = layers.map { SizeMatrix(rows: $0.nodes, columns: inputs, v: Array(repeating: 0, count: $0.nodes * inputs)) }
    }

    /// R of level l + 1, whose nodes have these scores; leaves dR/d(reach) and dR/d(scores).
    func penalty(_ l: Int, _ scores: Matrix, _ dscores: Matrix, _ r: Regularization) -> Double {
        let reach = reach[l]
        Matrix.scaleRows(reach.values, reach.rows, reach.columns, scores.values, into: &sizes[l].v)
        let value = sizes[l].penalty(lambL1: r.lambL1, lambEntropy: r.lambEntropy)
        Matrix.scaleRows(sizes[l].slope, reach.rows, reach.columns, scores.values, into: dreach[l].values)
        for node in 0..<reach.rows {
            let start = node * reach.columns
            dscores.values[node] = Matrix.dot(sizes[l].slope, from: start, reach.values, at: start, reach.columns)
        }
        return value
    }
}

extension LayerDeviations {
    /// v of `matrix` = (outputs, inputs) edge scores, given the scores of the next level's nodes.
    fileprivate mutating func fillEdgeScores(_ next: Matrix) {
        for o in 0..<outputs { factors[o] = next.values[owner[o]] / (subnode[o] + attributionEpsilon) }
        Matrix.scaleRows(edge, outputs, inputs, factors, into: &matrix.v)
    }

    /// The mirror of `fillEdgeScores`: with dR/d(edge scores) = `matrix.slope` + dR/d(node scores), adds to dS and writes dR/d(next scores).
    fileprivate mutating func pullEdgeScores(_ dscores: Matrix, _ scores: Matrix, next dnext: Matrix) {
        dnext.fill(0)
        for o in 0..<outputs {
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            let factor = scores.values[owner[o]] * quotient
            let start = o * inputs
            Matrix.add(dscores.values, inputs, to: &matrix.slope, at: start)
            Matrix.add(matrix.slope, from: start, times: factor, inputs, to: &dedge, at: start)
            let scaled = Matrix.dot(matrix.slope, from: start, edge, at: start, inputs)
            dsubnode[o] -= scaled * factor * quotient
            dnext.values[owner[o]] += scaled * quotient
        }
    }

    /// (nodes, inputs): the share of an input in a node's score.
    fileprivate func fillTransfer(_ transfer: Matrix) {
        transfer.fill(0)
        for o in 0..<outputs {
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            Matrix.add(edge, from: o * inputs, times: quotient, inputs, to: transfer.values, at: owner[o] * inputs)
        }
    }

    /// The mirror of `fillTransfer`.
    fileprivate mutating func pullTransfer(_ d: Matrix) {
        for o in 0..<outputs {
            let quotient = 1 / (subnode[o] + attributionEpsilon)
            let (start, node) = (o * inputs, owner[o] * inputs)
            Matrix.add(d.values, from: node, times: quotient, inputs, to: &dedge, at: start)
            dsubnode[o] -= Matrix.dot(d.values, from: node, edge, at: start, inputs) * quotient * quotient
        }
    }
}
