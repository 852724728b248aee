// Data: every array that cannot be used is refused with the row and the remedy; nothing is changed.

import Testing
@testable import SwiftKAN

@Suite struct SamplesTests {
    private struct Data {
        var n = 20
        var x = uniform(40, seed: 1)
        var y: [Double]? = uniform(40, 0, 1, seed: 2)
        var labels: [Int64]?
        var weight: [Double]?
        var objective = Objective()
    }

    private func message(_ change: (inout Data) -> Void) throws -> String? {
        var data = Data()
        change(&data)
        let network = try KAN<Double>(Settings(width: [2, 2]))
        let before = network.numbers
        func run(_ y: UnsafePointer<Double>?, _ labels: UnsafePointer<Int64>?, _ weight: UnsafePointer<Double>?) -> String? {
            do throws(KANError) {
                _ = try network.evaluate(
                    data.objective, on: Samples(n: data.n, x: kept(data.x), y: y, labels: labels, weight: weight),
                    evaluation: Evaluation(), gradient: nil, inputGradient: nil)
                return nil
            } catch {
                return error.description
            }
        }
        let result = (data.y ?? []).withUnsafeBufferPointer { y in
            (data.labels ?? []).withUnsafeBufferPointer { labels in
                (data.weight ?? []).withUnsafeBufferPointer { weight in
                    run(
                        data.y == nil ? nil : y.baseAddress, data.labels == nil ? nil : labels.baseAddress,
                        data.weight == nil ? nil : weight.baseAddress)
                }
            }
        }
        #expect(network.numbers == before)
        return result
    }

    @Test func goodData() throws {
        #expect(try message { _ in } == nil)
        #expect(try message { $0.n = 1 } == nil)
        #expect(try message { $0.weight = Array(repeating: 0, count: 19) + [1e-300] } == nil)
        #expect(
            try message { d in
                (d.y, d.labels, d.objective.loss) = (nil, (0..<20).map { Int64($0 % 2) }, .crossEntropy)
            } == nil)
    }

    @Test func refusals() throws {
        func expect(_ text: String, _ change: (inout Data) -> Void) throws {
            let found = try message(change)
            #expect(found?.contains(text) == true, "\(found ?? "accepted"); expected: \(text)")
        }
        try expect("no samples") { $0.n = 0 }
        try expect("no samples") { $0.n = -3 }
        // Every place: within whole vectors and in the rest.
        for (row, column) in [(0, 0), (3, 1), (19, 1)] {
            try expect("nan in row \(row), column \(column)") { $0.x[2 * row + column] = .nan }
            try expect("-inf in row \(row), column \(column)") { $0.y?[2 * row + column] = -.infinity }
        }
        try expect("huber_delta is 0") { $0.objective.huberDelta = 0 }
        try expect("huber_delta is nan") { $0.objective.huberDelta = .nan }
        try expect("at least 2") { d in (d.n, d.objective.lamb) = (1, 0.1) }
        try expect("only the cross_entropy loss takes") { $0.labels = Array(repeating: 0, count: 20) }
        try expect("label of row 7 is 2") { d in
            (d.labels, d.objective.loss) = (Array(repeating: 0, count: 20), .crossEntropy)
            d.labels?[7] = 2
        }
        try expect("label of row 2 is -1") { d in
            (d.labels, d.objective.loss) = (Array(repeating: 0, count: 20), .crossEntropy)
            d.labels?[2] = -1
        }
        try expect("label of row 3 is 1.5") { d in
            d.objective.loss = .bce
            d.y?[6] = 1.5
        }
        try expect("neither y nor labels") { $0.y = nil }
        for bad in [-1, .nan, Double.infinity] {
            try expect("the weight of row 4") { d in
                d.weight = Array(repeating: 1, count: 20)
                d.weight?[4] = bad
            }
        }
        try expect("not above 0") { $0.weight = Array(repeating: 0, count: 20) }
    }
}
