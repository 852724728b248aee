// Batches: which samples a step sees, copied together so that a sweep reads them in order.
//
// What it must get right, in this order:
//   1. The same seed gives the same batches; without mini-batches nothing is copied.
//   2. No mini-batch consists of samples of weight 0, whose mean loss would be no number: such samples are not drawn.

/// Draws mini-batches from a data set.
final class Batches<T: KANScalar> {
    private let data: Samples<T>
    private let inputs: Int
    private let outputs: Int
    private let size: Int
    private var random: MersenneTwister
    private var order: [Int] = []
    /// The rows that are drawn from, where weights of 0 leave some out.
    private let weighted: [Int]?
    private var x, y, weight: AlignedBuffer<T>?
    private let labels: UnsafeMutablePointer<Int64>?
    /// Row numbers of the batch at hand, for the caller's own loss; empty: all rows in order.
    private(set) var index: [Int64] = []

    /// Samples of a pass over the data.
    var total: Int { weighted?.count ?? data.n }
    /// Is every batch the whole data set.
    var isWhole: Bool { x == nil }
    /// Batches of a pass over the data; the last one may be smaller.
    var perEpoch: Int { (total + size - 1) / size }

    init(_ data: Samples<T>, size: Int, seed: UInt32, inputs: Int, outputs: Int) throws(KANError) {
        self.data = data
        self.inputs = inputs
        self.outputs = outputs
        let isWhole = size <= 0 || size >= data.n
        if let weight = data.weight, !isWhole, (0..<data.n).contains(where: { !(weight[$0] > 0) }) {
            weighted = (0..<data.n).filter { weight[$0] > 0 }
        } else {
            weighted = nil
        }
        self.size = isWhole ? data.n : min(size, weighted?.count ?? data.n)
        random = MersenneTwister(seed: seed)
        labels = data.labels == nil ? nil : .allocate(capacity: self.size)
        if !isWhole {
            x = try AlignedBuffer(count: self.size * inputs)
            if data.y != nil { y = try AlignedBuffer(count: self.size * outputs) }
            if data.weight != nil { weight = try AlignedBuffer(count: self.size) }
        }
    }

    deinit { labels?.deallocate() }

    /// Draws a new order of all samples.
    func shuffle() {
        if isWhole { return }
        random.permute(&order, count: total)
        if let weighted { for place in order.indices { order[place] = weighted[order[place]] } }
    }

    /// Batch number `b` of the present order.
    func batch(_ b: Int) -> Samples<T> {
        guard !isWhole, let x else { return data }
        let rows = order[(b * size)..<min(total, (b + 1) * size)]
        index.removeAll(keepingCapacity: true)
        for row in rows { index.append(Int64(row)) }
        for (target, source) in rows.enumerated() {
            (x.base + target * inputs).update(from: data.x + source * inputs, count: inputs)
            if let y, let from = data.y { (y.base + target * outputs).update(from: from + source * outputs, count: outputs) }
            if let weight, let from = data.weight { weight.base[target] = from[source] }
        }
        var batch = Samples(
            n: rows.count, x: UnsafePointer(x.base), y: y.map { UnsafePointer($0.base) }, labels: nil,
            weight: weight.map { UnsafePointer($0.base) })
        if let labels, let from = data.labels {
            for (target, source) in rows.enumerated() { labels[target] = from[source] }
            batch.labels = UnsafePointer(labels)
        }
        return batch
    }
}
