// Derivatives of the outputs with respect to the trained parameters, against finite differences, and the normal matrix made of them.

import Testing
@testable import SwiftKAN

@Suite struct ParameterJacobianTests {
    @Test func columnsAreThoseOfFiniteDifferences() throws {
        for (number, fixture) in try Fixture.all().enumerated() {
            let (network, n) = (fixture.network, fixture.n)
            let columns = try network.parameterColumns()
            let O = network.architecture.outputs
            let P = columns.count
            var jacobian = [Double](repeating: .nan, count: n * O * P)
            try network.parameterJacobian(
                x: fixture.x.base, n: n, evaluation: Evaluation(), columns: P, into: &jacobian)
            var (worst, largest) = (0.0, 0.0)
            for (c, p) in columns.enumerated() {
                let (old, h) = (network.state[p], 1e-5)
                network.state[p] = old + h
                let above = try fixture.predictions()
                network.state[p] = old - h
                let below = try fixture.predictions()
                network.state[p] = old
                for r in 0..<(n * O) {
                    worst = max(worst, abs(jacobian[r * P + c] - (above[r] - below[r]) / (2 * h)))
                    largest = max(largest, abs(jacobian[r * P + c]))
                }
            }
            #expect(largest > 0.1 && worst < 1e-6 * largest, "network \(number): \(worst) of \(largest)")

            var matrix = [Double](repeating: .nan, count: P * P)
            try network.normalMatrix(fixture.samples, evaluation: Evaluation(), columns: P, into: &matrix)
            var (difference, size) = (0.0, 0.0)
            for a in stride(from: 0, to: P, by: 3) {
                for b in stride(from: 0, to: P, by: 5) {
                    var sum = 0.0
                    for r in 0..<(n * O) { sum += fixture.weight.base[r / O] * jacobian[r * P + a] * jacobian[r * P + b] }
                    difference = max(difference, abs(sum - matrix[a * P + b]))
                    size = max(size, abs(sum))
                }
            }
            #expect(difference <= 1e-11 * size, "network \(number): \(difference) of \(size)")
        }
    }

    @Test func anotherNumberOfColumnsIsRefused() throws {
        let fixture = try Fixture.all()[0]
        let P = try fixture.network.parameterColumns().count
        var numbers = [Double](repeating: 7, count: 4)
        #expect(throws: KANError.self) {
            try fixture.network.parameterJacobian(
                x: fixture.x.base, n: 1, evaluation: Evaluation(), columns: P + 1, into: &numbers)
        }
        #expect(throws: KANError.self) {
            try fixture.network.normalMatrix(fixture.samples, evaluation: Evaluation(), columns: P - 1, into: &numbers)
        }
        #expect(numbers == [7, 7, 7, 7])
    }
}
