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
    func nodeBackward(_ layers: inout [LayerDeviations], _ s: BackwardScores) -> Double {
        let depth = layers.count
        s.start()
        for l in layers.indices { layers[l].fillTransfer(s.transfer[l]) }
        for l in layers.indices.reversed() { s.scores[l].fillProduct(s.scores[l + 1], s.transfer[l]) }
        s.reach[0].copy(s.transfer[0])
        for l in 1..<depth { s.reach[l].fillProduct(s.transfer[l], s.reach[l - 1]) }
        var total = 0.0
        for l in layers.indices { total += s.splitPenalty(l, self) }
        // Back: scores flow down from the outputs, so their adjoints flow up; reaches flow up, so theirs flow down.
        for l in (1..<depth).reversed() {
            s.dtransfer[l].fill(0)
            s.dtransfer[l].addProduct(s.dreach[l], transposed: s.reach[l - 1])
            s.dreach[l - 1].addProduct(transposed: s.transfer[l], s.dreach[l])
        }
        s.dtransfer[0].copy(s.dreach[0])
        s.dscores[0].fill(0)
        for l in layers.indices {
            s.dtransfer[l].addProduct(transposed: s.scores[l + 1], s.dscores[l])
            s.dscores[l + 1].addProduct(s.dscores[l], transposed: s.transfer[l])
            layers[l].pullTransfer(s.dtransfer[l])
        }
        return total
    }
}

/// What the metrics compute on their way, in memory that is kept from step to step.
final class BackwardScores {
    /// (1, nodes) of every level, from the inputs to the outputs: scores, and dR/d(score)
    let scores, dscores: [Matrix]
    /// (nodes, inputs) of every layer: the share of an input in a node's score
    let transfer, dtransfer: [Matrix]
    /// (nodes, inputs of the network) of every layer: the product of the transfers up to there
    let reach, dreach: [Matrix]
    /// The rows of `reach`, each times its node's score.
    private var splits: [SizeMatrix]
    private let memory: AlignedBuffer<Double>

    init(_ layers: [LayerShape]) throws(KANError) {
        let (depth, inputs) = (layers.count, layers[0].inputs)
        let levels = layers.map { $0.inputs } + [layers[depth - 1].nodes]
        var count = 2 * levels.reduce(0, +)
        for layer in layers { count += 2 * layer.nodes * (layer.inputs + inputs) }
        memory = try AlignedBuffer(count: count)
        try requireMemory(doubles: layers.reduce(0) { $0 + 2 * Double($1.nodes) * Double(inputs) })
        var next = memory.base
        func matrices(_ shapes: [(rows: Int, columns: Int)]) -> [Matrix] {
            shapes.map { shape in
                defer { next += shape.rows * shape.columns }
                return Matrix(shape.rows, shape.columns, next)
            }
        }
        let (level, own, whole) = (
            levels.map { (1, $0) }, layers.map { ($0.nodes, $0.inputs) }, layers.map { ($0.nodes, inputs) }
        )
        (scores, dscores) = (matrices(level), matrices(level))
        (transfer, dtransfer) = (matrices(own), matrices(own))
        (reach, dreach) = (matrices(whole), matrices(whole))
        splits = layers.map {
            SizeMatrix(rows: $0.nodes, columns: inputs, v: Array(repeating: 0, count: $0.nodes * inputs))
        }
    }

    /// Sets the scores of the outputs, which are equal.
    fileprivate func start() {
        let outputs = scores[scores.count - 1]
        outputs.fill(1 / Double(outputs.columns))
    }

    /// R of level l + 1; leaves dR/d(reach) and dR/d(scores).
    fileprivate func splitPenalty(_ l: Int, _ r: Regularization) -> Double {
        let (reach, scores) = (reach[l], scores[l + 1].values)
        Matrix.scaleRows(reach.values, reach.rows, reach.columns, scores, into: &splits[l].v)
        let value = splits[l].penalty(lambL1: r.lambL1, lambEntropy: r.lambEntropy)
        Matrix.scaleRows(splits[l].slope, reach.rows, reach.columns, scores, into: dreach[l].values)
        for node in 0..<reach.rows {
            let start = node * reach.columns
            dscores[l + 1].values[node] = Matrix.dot(splits[l].slope, from: start, reach.values, at: start, reach.columns)
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
