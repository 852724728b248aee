// The engine on Swift arrays: the same numbers as through pointers, and no array that is too short gets through.

import Testing
@testable import SwiftKAN

@Suite struct ArraysTests {
    private let x = uniform(80, seed: 1)
    private var y: [Double] { (0..<40).map { Double.sin(3 * x[2 * $0]) + x[2 * $0 + 1] } }
    private func network() throws -> KAN<Double> { try KAN<Double>(Settings(width: [2, 2, 1])) }

    @Test func sameNumbersAsThroughPointers() throws {
        let (a, b) = (try network(), try network())
        var options = FitOptions()
        options.steps = 2
        let report = try a.fit(x: x, y: y, test: (x, y), options: options)
        let same = try b.fit(
            train: ownedSamples(40, x: x, y: y), test: ownedSamples(40, x: x, y: y), options: options)
        #expect(report.trainLoss == same.trainLoss && report.testLoss == same.testLoss && a.numbers == b.numbers)
        #expect(try a.predict(x) == b.predictions(x))
        let child = try a.refined(grid: 6, x: x)
        #expect(try child.numbers == b.refined(grid: [6, 6], x: x, n: 40, evaluation: Evaluation()).numbers)
        try a.updateGrid(x: x)
        try b.updateGrid(x: x, n: 40, evaluation: Evaluation())
        #expect(a.numbers == b.numbers)
        #expect(try a.predict([]) == [])
    }

    @Test func floats() throws {
        let network = try KAN<Float>(Settings(width: [2, 2]))
        var options = FitOptions()
        options.steps = 1
        let single = x.map { Float($0) }
        let report = try network.fit(x: single, y: single, options: options)
        #expect(report.steps == 1 && report.testLoss[0].isNaN)
        #expect(try network.predict(single).count == 80)
    }

    @Test func refusals() throws {
        let network = try network()
        let before = network.numbers
        func refused(_ text: String, _ body: () throws(KANError) -> Void) {
            do throws(KANError) {
                try body()
                Issue.record("accepted; expected: \(text)")
            } catch {
                #expect(error.description.contains(text), "\(error)")
            }
        }
        refused("x has 3 numbers") { () throws(KANError) in _ = try network.predict([1, 2, 3]) }
        refused("x has no samples") { () throws(KANError) in try network.fit(x: [], y: []) }
        refused("y has 39 numbers") { () throws(KANError) in try network.fit(x: x, y: Array(y[..<39])) }
        refused("y has 80 numbers") { () throws(KANError) in try network.fit(x: x, y: x) }
        refused("test.x has 1 numbers") { () throws(KANError) in try network.fit(x: x, y: y, test: ([1], [1])) }
        refused("test.x has no samples") { () throws(KANError) in try network.fit(x: x, y: y, test: ([], [])) }
        refused("test.y has 2 numbers") { () throws(KANError) in try network.fit(x: x, y: y, test: ([1, 2], [1, 2])) }
        refused("x has no samples") { () throws(KANError) in try network.updateGrid(x: []) }
        refused("x has 5 numbers") { () throws(KANError) in _ = try network.refined(grid: 6, x: Array(x[..<5])) }
        refused("grid[0] is 0") { () throws(KANError) in _ = try network.refined(grid: 0, x: x) }
        #expect(network.numbers == before)
    }
}
