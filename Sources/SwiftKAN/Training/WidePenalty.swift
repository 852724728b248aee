// WidePenalty: a regulariser of a wide layer that is made of the sizes of its edges alone: its value, and the pulls on the edges.
//
// The same as `SizeMatrix.penalty` and what `Regularization` and `Pulls` make of it (Regularization.swift, Objective.swift), but eight
// edges at a time, the inputs shared out among threads. v = S/(S of the input + 0.1), or S; rows and columns of v are those of
// the matrix (outputs × inputs), which stands here as (inputs, outputs).
//
// What it must get right, in this order:
//   1. That value and those pulls, to rounding; the same bits for any number of threads: the inputs are cut into parts whatever
//      that number is, and what the parts add up for the outputs is merged in order.
//   2. A deviation of 0 has pull 0, and so has one whose pull is no number of type T.

final class WidePenalty<T: KANScalar> {
    let moments: WideMoments<T>
    private let parts: Int
    /// (inputs): 1 / (S of the input + 0.1), or 1
    private let reciprocals: AlignedBuffer<Double>
    /// (inputs): first Σ_o v, then the mean slope of the entropy of the input's column
    private let columns: AlignedBuffer<Double>
    /// (inputs): dR/dS of the inputs
    let nodeSlopes: AlignedBuffer<Double>
    /// (parts, outputs): Σ_i v, and the mean slope of the entropy of the output's row. The first part ends up with all: 1 / (Σ_i v + 1)
    /// and that mean.
    private let rows, rowMeans: AlignedBuffer<Double>
    /// (parts, 2): Σ v and entropies
    private let sums: AlignedBuffer<Double>

    init(_ moments: WideMoments<T>) throws(KANError) {
        self.moments = moments
        let inputs = moments.inputs
        parts = max(1, min(16, inputs))
        reciprocals = try AlignedBuffer(count: inputs)
        columns = try AlignedBuffer(count: inputs)
        nodeSlopes = try AlignedBuffer(count: inputs)
        rows = try AlignedBuffer(count: parts * moments.width)
        rowMeans = try AlignedBuffer(count: parts * moments.width)
        sums = try AlignedBuffer(count: parts * 2)
    }

    /// R of the layer; leaves lamb·dR/dS / ((n - 1)·S) of all edges in the moments' `slopes`, and dR/dS of its inputs in `nodeSlopes`.
    ///
    /// - Parameter node: S of input i of the layer.
    func evaluate(_ layer: FoldedLayer<T>, _ r: Regularization, lamb: Double, node: (Int) -> Double) -> Double {
        let threads = layer.edgeThreads
        let normalized = r.metric != .edgeForwardSplineU
        for (p, i) in layer.wide.inputs.enumerated() { reciprocals.base[p] = normalized ? 1 / (node(i) + 0.1) : 1 }
        ThreadPool.run(tasks: parts, threads: threads) { measure($0, layer) }
        merge(rows)
        forEachEight { moments.eight(rows, 0, $0).pointee = 1 / (moments.eight(rows, 0, $0).pointee + 1) }
        ThreadPool.run(tasks: parts, threads: threads) { addEntropies($0, layer.shape, r) }
        merge(rowMeans)
        ThreadPool.run(tasks: parts, threads: threads) { makePulls($0, lamb: lamb, normalized: normalized) }
        var (size, entropy) = (0.0, 0.0)
        for part in 0..<parts {
            size += sums.base[2 * part]
            entropy += sums.base[2 * part + 1]
        }
        return r.lambL1 * size + r.lambEntropy * entropy
    }

    private func range(_ part: Int) -> Range<Int> { (part * moments.inputs / parts)..<((part + 1) * moments.inputs / parts) }

    private func merge(_ array: AlignedBuffer<Double>) {
        for part in 1..<max(parts, 1) {
            for q in 0..<moments.width { array.base[q] += array.base[part * moments.width + q] }
        }
    }

    /// Calls `body(q)` for every eighth output.
    @inline(__always)
    private func forEachEight(_ body: (Int) -> Void) {
        var q = 0
        while q < moments.width {
            body(q)
            q &+= 8
        }
    }

    /// v, and its sums over rows and columns.
    private func measure(_ part: Int, _ layer: FoldedLayer<T>) {
        forEachEight { moments.eight(rows, part, $0).pointee = .zero }
        let share = 1 / Double(moments.samples - 1)
        var all = 0.0
        for p in range(part) {
            moments.evaluate(layer, p)
            var column = SIMD8<Double>.zero
            forEachEight { q in
                let squares = moments.eight(moments.squares, p, q).pointee
                let v = Double.squareRoot(squares * share) * reciprocals.base[p]
                moments.eight(moments.sizes, p, q).pointee = v
                moments.eight(rows, part, q).pointee += v
                column += v
            }
            columns.base[p] = Double.total(column)
            all += columns.base[p]
        }
        sums.base[2 * part] = all
    }

    /// The entropies, and dR/dv in `slopes` but for the mean slopes of rows and columns.
    private func addEntropies(_ part: Int, _ shape: LayerShape, _ r: Regularization) {
        let (rowWeight, columnWeight) = (1 / Double(shape.outputs), 1 / Double(shape.inputs))
        forEachEight { moments.eight(rowMeans, part, $0).pointee = .zero }
        var entropy = SIMD8<Double>.zero
        for p in range(part) {
            let columnShare = 1 / (columns.base[p] + 1)
            var mean = SIMD8<Double>.zero
            forEachEight { q in
                let v = moments.eight(moments.sizes, p, q).pointee
                let rowShare = moments.eight(rows, 0, q).pointee
                let (inRow, inColumn) = (v * rowShare, v * columnShare)
                let (row, rowSlope) = SizeMatrix.entropy(inRow, rowWeight)
                let (column, columnSlope) = SizeMatrix.entropy(inColumn, columnWeight)
                entropy += row + column
                mean += columnSlope * inColumn
                moments.eight(rowMeans, part, q).pointee += rowSlope * inRow * rowShare * r.lambEntropy
                moments.eight(moments.slopes, p, q).pointee =
                    (rowSlope * rowShare + columnSlope * columnShare) * r.lambEntropy + r.lambL1
            }
            columns.base[p] = r.lambEntropy * Double.total(mean) * columnShare
        }
        sums.base[2 * part + 1] = Double.total(entropy)
    }

    private func makePulls(_ part: Int, lamb: Double, normalized: Bool) {
        let limit = Double(T.greatestFiniteMagnitude)
        for p in range(part) {
            let reciprocal = reciprocals.base[p]
            let factor = lamb * reciprocal * reciprocal / Double(moments.samples - 1)
            var node = SIMD8<Double>.zero
            forEachEight { q in
                let v = moments.eight(moments.sizes, p, q).pointee
                let slope = moments.eight(moments.slopes, p, q).pointee - columns.base[p] - moments.eight(rowMeans, 0, q).pointee
                node += slope * v
                let pull = slope * factor / v
                let counts = (v .> 0) .& (pull .<= limit) .& (pull .>= -limit)
                moments.eight(moments.slopes, p, q).pointee = SIMD8.zero.replacing(with: pull, where: counts)
            }
            nodeSlopes.base[p] = normalized ? -Double.total(node) * reciprocal : 0
        }
    }
}
