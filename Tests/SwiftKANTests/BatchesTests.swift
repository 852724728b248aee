// Mini-batches: rows stay together, every pass sees every sample of a weight once, the same seed draws the same.

import Testing
@testable import SwiftKAN

@Suite struct BatchesTests {
    private let n = 10

    /// Calls `body` with a data set whose row s is (s, s + 0.5) → s + 100, label s, weight s + 1 or, without a weight, 0.
    private func withBatches(
        size: Int, seed: UInt32 = 1, without: Set<Int> = [], _ body: (Batches<Double>) throws -> Void
    ) throws {
        let x = (0..<n).flatMap { [Double($0), Double($0) + 0.5] }, y = (0..<n).map { Double($0) + 100 }
        let labels = (0..<n).map { Int64($0) }, weight = (0..<n).map { without.contains($0) ? 0 : Double($0) + 1 }
        try x.withUnsafeBufferPointer { x in
            try y.withUnsafeBufferPointer { y in
                try labels.withUnsafeBufferPointer { labels in
                    try weight.withUnsafeBufferPointer { weight in
                        let data = Samples(
                            n: n, x: x.baseAddress!, y: y.baseAddress, labels: labels.baseAddress, weight: weight.baseAddress)
                        try body(try Batches(data, size: size, seed: seed, inputs: 2, outputs: 1))
                    }
                }
            }
        }
    }

    private func rows(_ b: Samples<Double>) -> [Int] {
        (0..<b.n).map { s in
            let row = Int(b.x[2 * s])
            #expect(b.x[2 * s + 1] == Double(row) + 0.5 && b.y?[s] == Double(row) + 100)
            #expect(b.labels?[s] == Int64(row) && b.weight?[s] == Double(row) + 1)
            return row
        }
    }

    @Test(arguments: [-1, 0, 10, 11, 1000]) func wholeDataSet(size: Int) throws {
        try withBatches(size: size) { batches in
            #expect(batches.isWhole && batches.perEpoch == 1 && batches.total == 10)
            batches.shuffle()
            #expect(rows(batches.batch(0)) == Array(0..<10) && batches.index.isEmpty)
        }
    }

    @Test(arguments: [1, 3, 5, 9]) func aPassSeesEverySampleOnce(size: Int) throws {
        try withBatches(size: size) { batches in
            #expect(batches.perEpoch == (10 + size - 1) / size)
            for _ in 0..<3 {
                batches.shuffle()
                var seen: [Int] = []
                for b in 0..<batches.perEpoch {
                    let found = rows(batches.batch(b))
                    #expect(found.count == min(size, 10 - b * size) && batches.index == found.map { Int64($0) })
                    seen += found
                }
                #expect(seen.sorted() == Array(0..<10))
            }
        }
    }

    /// A mini-batch of weights 0 would have no mean.
    @Test(arguments: [1, 3, 4, 7, 9]) func weightsOfZero(size: Int) throws {
        let without: Set<Int> = [0, 2, 3, 7, 8, 9]
        try withBatches(size: size, without: without) { batches in
            #expect(batches.total == 4 && batches.perEpoch == (4 + min(size, 4) - 1) / min(size, 4) && !batches.isWhole)
            for _ in 0..<3 {
                batches.shuffle()
                #expect((0..<batches.perEpoch).flatMap { rows(batches.batch($0)) }.sorted() == [1, 4, 5, 6])
            }
        }
        try withBatches(size: 10, without: without) { #expect($0.isWhole && $0.total == 10 && $0.batch(0).n == 10) }
    }

    @Test func seeds() throws {
        func order(_ seed: UInt32) throws -> [Int] {
            var found: [Int] = []
            try withBatches(size: 4, seed: seed) { batches in
                for _ in 0..<3 {
                    batches.shuffle()
                    found += rows(batches.batch(0))
                }
            }
            return found
        }
        #expect(try order(1) == order(1))
        #expect(try order(1) != order(2))
        // NumPy's RandomState(1).permutation(10) begins 2, 9, 6, 4.
        #expect(try Array(order(1)[..<4]) == [2, 9, 6, 4])
    }
}
