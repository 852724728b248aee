// Samples: inputs, labels and weights of a data set, and the checks every one of them passes before it is used.
//
// What it must get right: after `check`, no index into labels or classes can be out of range, no number is NaN, and weights do not
// add up to 0. Every refusal says which array and which row.

/// A data set that the caller owns; the arrays must stay for the call.
public struct Samples<T: KANScalar>: @unchecked Sendable {
    public var n: Int
    /// (n, inputs)
    public var x: UnsafePointer<T>
    /// (n, outputs), or nil if `labels` is given
    public var y: UnsafePointer<T>?
    /// (n) classes 0 … outputs - 1, for cross-entropy
    public var labels: UnsafePointer<Int64>?
    /// (n) weights ≥ 0, or nil for equal ones
    public var weight: UnsafePointer<T>?

    public init(
        n: Int, x: UnsafePointer<T>, y: UnsafePointer<T>?, labels: UnsafePointer<Int64>? = nil,
        weight: UnsafePointer<T>? = nil
    ) {
        (self.n, self.x, self.y, self.labels, self.weight) = (n, x, y, labels, weight)
    }

    /// - Parameter name: what the inputs are called in messages.
    func check(_ name: String, for network: KAN<T>, _ objective: Objective) throws(KANError) {
        guard n >= 1 else { throw .invalid("\(name) has no samples; at least 1 is needed") }
        let (D, O) = (network.architecture.inputs, network.architecture.outputs)
        try Self.checkFinite(x, n, D, name)
        guard objective.huberDelta > 0, objective.huberDelta.isFinite else {
            throw .invalid("huber_delta is \(objective.huberDelta); it must be a finite number above 0")
        }
        if objective.lamb != 0 && n < 2 {
            throw .invalid("\(name) has 1 sample; regularisation (lamb = \(objective.lamb)) needs at least 2")
        }
        if let labels {
            guard objective.loss == .crossEntropy else {
                throw .invalid("labels are classes, which only the cross_entropy loss takes; give y with \(O) columns")
            }
            for s in 0..<n where labels[s] < 0 || labels[s] >= Int64(O) {
                throw .invalid("the label of row \(s) is \(labels[s]); classes must be 0 … \(O - 1), one for each output")
            }
        } else if let y {
            try Self.checkFinite(y, n, O, "the label array")
            if objective.loss == .bce {
                for e in 0..<(n * O) where y[e] < 0 || y[e] > 1 {
                    throw .invalid("the label of row \(e / O) is \(y[e]); binary cross-entropy needs labels in [0, 1]")
                }
            }
        } else if objective.loss != .custom {
            throw .invalid("the samples have neither y nor labels; give one of them")
        }
        if let weight {
            var total = 0.0
            for s in 0..<n {
                guard weight[s] >= 0, weight[s].isFinite else {
                    throw .invalid("the weight of row \(s) is \(weight[s]); weights must be finite and at least 0")
                }
                total += Double(weight[s])
            }
            guard total > 0, total.isFinite else { throw .invalid("the sample weights add up to \(total), not above 0") }
        }
    }

    private static func checkFinite(_ values: UnsafePointer<T>, _ rows: Int, _ columns: Int, _ name: String) throws(KANError) {
        // A sum of v - v is 0 exactly if every value is finite; one pass without branches.
        var sum = T.Vector.zero
        let count = rows * columns
        var e = 0
        while e + T.lanes <= count {
            let v = UnsafeRawPointer(values + e).loadUnaligned(as: T.Vector.self)
            sum += v - v
            e += T.lanes
        }
        var rest = sum.sum()
        while e < count {
            rest += values[e] - values[e]
            e += 1
        }
        guard !(rest == 0) else { return }
        let bad = (0..<count).first { !values[$0].isFinite } ?? 0
        throw .invalid(
            "\(name) is \(values[bad]) in row \(bad / columns), column \(bad % columns); all values must be finite: "
                + "remove or fill in such rows")
    }
}

extension Target {
    init(_ data: Samples<T>, _ objective: Objective, outputs: Int) {
        self.init(
            loss: objective.loss, huberDelta: objective.huberDelta, n: data.n, outputs: outputs, y: data.y,
            labels: data.labels, weight: data.weight)
    }
}
