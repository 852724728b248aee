// Losses: values by their formulas, gradients by differences, weights, labels, and logits that overflow.

import Testing
@testable import SwiftKAN

/// The formulas themselves, sample by sample, as a weighted mean.
private func plainLoss(_ loss: Loss, delta: Double, _ p: [Double], _ y: [Double], outputs: Int, _ weight: [Double]) -> Double {
    var total = 0.0
    for (s, w) in weight.enumerated() {
        let (p, y) = (Array(p[(s * outputs)..<((s + 1) * outputs)]), Array(y[(s * outputs)..<((s + 1) * outputs)]))
        if loss == .crossEntropy {
            let logSum = Double.log(p.reduce(0) { $0 + Double.exp($1) })
            total -= w * zip(p, y).reduce(0) { $0 + $1.1 * ($1.0 - logSum) }
            continue
        }
        for (p, y) in zip(p, y) {
            let r = p - y
            switch loss {
            case .mse: total += w * r * r
            case .mae: total += w * abs(r)
            case .huber: total += w * (abs(r) <= delta ? r * r / 2 : delta * (abs(r) - delta / 2))
            case .bce:
                let sigmoid = 1 / (1 + Double.exp(-p))
                total -= w * (y * Double.log(sigmoid) + (1 - y) * Double.log(1 - sigmoid))
            default: break
            }
        }
    }
    let mass = weight.reduce(0, +)
    return total / (loss == .crossEntropy ? mass : mass * Double(outputs))
}

@Suite struct LossTests {
    private static let losses: [Loss] = [.mse, .mae, .huber, .crossEntropy, .bce]
    private let n = 11
    private let outputs = 3

    /// Loss and dL/dp of predictions that are simply given.
    private func evaluate<T: KANScalar>(
        _ loss: Loss, _ p: [T], y: [T]?, labels: [Int64]? = nil, weight: [T]? = nil, delta: Double = 0.4
    ) throws -> (value: Double, gradient: [T]) {
        let n = p.count / outputs
        let w = try Workspace(try narrowLayers(T.self, Settings(width: [1, outputs])), capacity: 2)
        w.begin(n)
        w.load(p, columns: outputs, into: w.output)
        let memory = (
            try AlignedBuffer<T>(count: n * outputs), UnsafeMutablePointer<Int64>.allocate(capacity: n), try AlignedBuffer<T>(count: n)
        )
        defer { memory.1.deallocate() }
        if let y { memory.0.base.update(from: y, count: n * outputs) }
        if let labels { memory.1.update(from: labels, count: n) }
        if let weight { memory.2.base.update(from: weight, count: n) }
        let target = Target<T>(
            loss: loss, huberDelta: delta, n: n, outputs: outputs, y: y == nil ? nil : UnsafePointer(memory.0.base),
            labels: labels == nil ? nil : UnsafePointer(memory.1), weight: weight == nil ? nil : UnsafePointer(memory.2.base))
        let value = target.evaluate(w, start: 0, count: n)
        var gradient = [T](repeating: .nan, count: n * outputs)
        w.store(w.dx, columns: outputs, into: &gradient)
        return (value, gradient)
    }

    @Test(arguments: losses, [false, true])
    func valueAndGradient(loss: Loss, weighted: Bool) throws {
        let p = uniform(n * outputs, -2, 2, seed: 1), y = uniform(n * outputs, 0, 1, seed: 2)
        let weight = weighted ? uniform(n, 0, 2, seed: 3) : Array(repeating: 1, count: n)
        let (value, gradient) = try evaluate(loss, p, y: y, weight: weighted ? weight : nil)
        #expect(abs(value - plainLoss(loss, delta: 0.4, p, y, outputs: outputs, weight)) < 1e-14)
        var moved = p
        for e in p.indices {
            let values = [-2.0, -1, 1, 2].map { step in
                moved[e] = p[e] + step * 1e-4
                return plainLoss(loss, delta: 0.4, moved, y, outputs: outputs, weight)
            }
            moved[e] = p[e]
            let difference = (8 * (values[2] - values[1]) - (values[3] - values[0])) / 12e-4
            #expect(abs(gradient[e] - difference) < 1e-10, "\(loss) at \(e)")
        }
    }

    @Test func labelsAreOneHotRows() throws {
        let p = uniform(n * outputs, -2, 2, seed: 4)
        let labels = (0..<n).map { Int64($0 % outputs) }
        let y = labels.flatMap { label in (0..<outputs).map { Int64($0) == label ? 1.0 : 0 } }
        let (a, b) = (try evaluate(.crossEntropy, p, y: nil, labels: labels), try evaluate(.crossEntropy, p, y: y))
        #expect(abs(a.value - b.value) < 1e-15 && largestDifference(a.gradient, b.gradient) < 1e-16)
    }

    @Test func weightZeroLeavesARowOut() throws {
        let p = uniform(2 * outputs, seed: 5), y = uniform(2 * outputs, 0, 1, seed: 6)
        for loss in Self.losses {
            let both = try evaluate(loss, p, y: y, weight: [0, 3])
            let alone = try evaluate(loss, Array(p[outputs...]), y: Array(y[outputs...]))
            #expect(abs(both.value - alone.value) < 1e-15)
            #expect(both.gradient[..<outputs].allSatisfy { $0 == 0 })
            #expect(largestDifference(Array(both.gradient[outputs...]), alone.gradient) < 1e-15)
        }
    }

    @Test func largeLogits() throws {
        let (value, gradient) = try evaluate(.crossEntropy, [1000.0, 0, -1000], y: nil, labels: [1])
        #expect(value == 1000 && largestDifference(gradient, [1, -1, 0]) == 0)
        let binary = try evaluate(.bce, [800.0, -800, 800], y: [1, 0, 0])
        #expect(abs(binary.value - 800.0 / 3) < 1e-12 && binary.gradient[0] == 0 && binary.gradient[1] == 0)
        #expect(abs(binary.gradient[2] - 1.0 / 3) < 1e-15)
        let single = try evaluate(.bce, [Float(200), -200, 0], y: [0, 1, 0.5])
        #expect(single.value.isFinite && single.gradient.allSatisfy { $0.isFinite })
    }

    /// At a kink the slope is 0.
    @Test func kinks() throws {
        let (value, gradient) = try evaluate(.mae, [1.0, 2, 3], y: [1, 2, 3])
        #expect(value == 0 && gradient == [0, 0, 0])
        let huber = try evaluate(.huber, [0.4, -0.4, 10], y: [0, 0, 0])
        #expect(largestDifference(huber.gradient, [0.4 / 3, -0.4 / 3, 0.4 / 3]) < 1e-16)
    }

    @Test(arguments: losses) func notANumberIsSeen(loss: Loss) throws {
        let (value, gradient) = try evaluate(loss, [0.1, .nan, 0.3], y: [0, 0.5, 1])
        #expect(value.isNaN)
        #expect(gradient[1].isNaN)
    }

    /// Through a network: the gradient of the mean over several blocks, and of the inputs.
    @Test func throughANetwork() throws {
        let network = try richNetwork(sums: [2, 2, 2], multiplications: [0, 1, 0], arities: [2], symbolic: false)
        let n = 9
        var x = uniform(2 * n, seed: 7)
        let y = uniform(2 * n, 0, 1, seed: 8), weight = uniform(n, 0.1, 1, seed: 9)
        for loss in [Loss.crossEntropy, .bce] {
            var objective = Objective()
            objective.loss = loss
            func value(_ g: UnsafeMutablePointer<Double>?, _ dx: UnsafeMutablePointer<Double>?) throws -> Double {
                try network.evaluate(
                    objective, on: ownedSamples(n, x: x, y: y, weight: weight), evaluation: Evaluation(), gradient: g,
                    inputGradient: dx
                ).loss
            }
            var gradient = [Double](repeating: .nan, count: network.architecture.parameterCount)
            var input = [Double](repeating: .nan, count: 2 * n)
            _ = try value(&gradient, &input)
            for (block, error) in try gradientErrors(network, gradient: gradient, value: { try value(nil, nil) }) {
                #expect(error <= 1e-7, "\(loss) \(block): \(error)")
            }
            for e in [0, 5, 17] {
                let original = x[e]
                let values = try [-2.0, -1, 1, 2].map { step in
                    x[e] = original + step * 2e-4
                    return try value(nil, nil)
                }
                x[e] = original
                let difference = (8 * (values[2] - values[1]) - (values[3] - values[0])) / 24e-4
                #expect(abs(input[e] - difference) < 1e-9)
            }
        }
    }
}
