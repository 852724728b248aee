// Questions about many numbers: every place is looked at, nothing behind the last one, and zeros and NaN as the file says.

import Testing
@testable import SwiftKAN

@Suite struct RowComparisonTests {
    private func ask<T: KANScalar>(_: T.Type) {
        for count in [0, 1, 7, 8, 15, 16, 17, 40] {
            // One number more, which must not matter, and one before, so that the row is not at a cache line.
            var a = [T](repeating: 0, count: count + 2)
            a[count + 1] = 5
            a.withUnsafeMutableBufferPointer { memory in
                guard let start = memory.baseAddress else { return }
                let row = start + 1
                #expect(RowComparison.areZero(row, count))
                let copy = (0..<count).map { row[$0] }
                #expect(RowComparison.areSame(row, copy, count))
                for e in 0..<count {
                    row[e] = -0.0
                    #expect(RowComparison.areZero(row, count))
                    for value in [T.leastNonzeroMagnitude, -1, .nan, .infinity] {
                        row[e] = value
                        #expect(!RowComparison.areZero(row, count) && !RowComparison.areSame(row, copy, count), "\(e) of \(count)")
                        #expect(RowComparison.areSame(row, (0..<count).map { row[$0] }, count), "\(value)")
                    }
                    row[e] = 0
                }
            }
        }
    }

    @Test func everyPlace() {
        ask(Double.self)
        ask(Float.self)
    }
}
