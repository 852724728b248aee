// Questions about many numbers: every place is looked at, nothing behind the last one, and zeros and NaN as the file says.

import Testing
@testable import SwiftKAN

@Suite struct RowComparisonTests {
    private func ask<T: KANScalar>(_: T.Type) {
        for (count, usual) in [0, 1, 7, 8, 15, 16, 17, 40].flatMap({ [($0, T(0)), ($0, T(1))] }) {
            // One number more, which must not matter, and one before, so that the row is not at a cache line.
            var a = [T](repeating: usual, count: count + 2)
            a[count + 1] = 5
            a.withUnsafeMutableBufferPointer { memory in
                guard let start = memory.baseAddress else { return }
                let row = start + 1
                #expect(RowComparison.areAll(row, count, usual))
                let copy = (0..<count).map { row[$0] }
                #expect(RowComparison.areSame(row, copy, count))
                for e in 0..<count {
                    for value in [T.leastNonzeroMagnitude, -0.0, -1, .nan, .infinity] {
                        row[e] = value
                        #expect(!RowComparison.areAll(row, count, usual) && !RowComparison.areSame(row, copy, count), "\(e) of \(count)")
                        #expect(RowComparison.areSame(row, (0..<count).map { row[$0] }, count), "\(value)")
                    }
                    row[e] = usual
                }
            }
        }
    }

    @Test func everyPlace() {
        ask(Double.self)
        ask(Float.self)
    }
}
