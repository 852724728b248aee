// The streams of MersenneTwister against numbers from numpy.random.RandomState and torch's conversions of them.

import Testing
@testable import SwiftKAN

@Suite struct MersenneTwisterTests {
    /// numpy.random.RandomState(seed).bytes(4 * 1300) as little-endian words: the first four, both sides of the first
    /// two block boundaries, and the last.
    @Test(arguments: [
        (0, [2357136044, 2546248239, 3071714933, 3626093760], [3791854820, 341544762, 1145454359, 4192857288, 387547707]),
        (42, [1608637542, 3421126067, 4083286876, 787846414], [1077437785, 108880612, 1014112781, 2655384025, 2059789457]),
        (UInt32.max, [419326371, 479346978, 3918654476, 2416749639],
         [1027084080, 3860652269, 3512076445, 2400582258, 319045431]),
    ] as [(UInt32, [UInt32], [UInt32])])
    func rawStream(seed: UInt32, first: [UInt32], later: [UInt32]) {
        var generator = MersenneTwister(seed: seed)
        let stream = (0..<1300).map { _ in generator.next() }
        #expect(Array(stream[0..<4]) == first)
        #expect([623, 624, 1247, 1248, 1299].map { stream[$0] } == later)
    }

    @Test func matsumotosTenThousandthWord() {
        // The value that the C++ standard requires of mt19937 with its default seed ([rand.predef]).
        var generator = MersenneTwister(seed: 5489)
        generator.skip(9999)
        #expect(generator.next() == 4123659995)
    }

    @Test(arguments: [0, 1, 2, 623, 624, 625, 1247, 1248, 1249, 5000])
    func skipLeavesOutThatManyDraws(draws: Int) {
        for before in [0, 1, 623, 624, 700] {
            var drawn = MersenneTwister(seed: 9), skipped = MersenneTwister(seed: 9)
            for _ in 0..<before { _ = drawn.next(); _ = skipped.next() }
            for _ in 0..<draws { _ = drawn.next() }
            skipped.skip(draws)
            skipped.skip(-3)
            #expect((0..<3).map { _ in drawn.next() } == (0..<3).map { _ in skipped.next() }, "after \(before)")
        }
    }

    /// torch.manual_seed(0); torch.rand(3) in both precisions.
    @Test func torchUniforms() {
        var generator = MersenneTwister(seed: 0)
        let single: [Float] = (0..<3).map { _ in generator.uniform(Float.self) }
        #expect(single == [0.49625658988952637, 0.7682217955589294, 0.08847743272781372])
        generator = MersenneTwister(seed: 0)
        let double: [Double] = (0..<3).map { _ in generator.uniform(Double.self) }
        #expect(double == [0.9700530018065531, 0.707819864399788, 0.45938294312745087])
    }

    @Test(arguments: [
        (0, [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]),
        (42, [0, 1, 5, 15, 11, 14, 8, 13, 2, 9, 16, 4, 7, 10, 12, 3, 6]),
        (7, [0]), (7, [0, 1]),
        (1, [14, 19, 3, 27, 31, 26, 20, 25, 24, 30, 17, 22, 4, 2, 21, 23, 10, 29, 28, 18, 6, 13, 7, 32, 1, 16, 0, 15, 5,
             11, 9, 8, 12]),
    ] as [(UInt32, [Int])])
    func numpyPermutations(seed: UInt32, expected: [Int]) {
        var generator = MersenneTwister(seed: seed)
        #expect(generator.permutation(expected.count) == expected)
    }

    @Test func permutationsFollowOneAnother() {
        var generator = MersenneTwister(seed: 3)
        #expect(generator.permutation(6) == [3, 5, 4, 1, 0, 2])
        #expect(generator.permutation(6) == [5, 4, 1, 2, 3, 0])
        #expect(generator.permutation(0) == [] && generator.permutation(-1) == [])
    }

    /// RandomState(5).permutation(100000): the ends and Σ (i + 1)·p[i].
    @Test func longPermutation() {
        var generator = MersenneTwister(seed: 5)
        let order = generator.permutation(100_000)
        #expect(Array(order.prefix(5)) == [60743, 33949, 52805, 11804, 9229])
        #expect(Array(order.suffix(5)) == [59465, 5520, 20463, 18638, 35683])
        #expect(order.enumerated().reduce(0) { $0 + ($1.offset + 1) * $1.element } == 250_038_847_605_411)
        #expect(order.sorted() == Array(0..<100_000))
    }

    // MARK: - Properties of the distribution

    /// Mean and variance of uniform numbers, within six standard errors: 1/√(12 n) and 1/√(180 n).
    @Test(arguments: [1, 2, 12345] as [UInt32])
    func uniformMoments(seed: UInt32) {
        let n = 100_000.0
        func check<T: KANScalar>(_: T.Type) {
            var generator = MersenneTwister(seed: seed)
            var sum = 0.0, squares = 0.0, low = 1.0, high = 0.0
            for _ in 0..<Int(n) {
                let x = Double(generator.uniform(T.self))
                sum += x
                squares += (x - 0.5) * (x - 0.5)
                low = min(low, x)
                high = max(high, x)
            }
            #expect(abs(sum / n - 0.5) < 6 / (12 * n).squareRoot(), "mean \(sum / n)")
            #expect(abs(squares / n - 1 / 12.0) < 6 / (180 * n).squareRoot(), "variance \(squares / n)")
            #expect(low >= 0 && low < 1e-3 && high < 1 && high > 1 - 1e-3)
        }
        check(Double.self)
        check(Float.self)
    }

    /// All 24 orders of four things are equally likely: χ² with 23 degrees of freedom exceeds 60 with p < 4e-5.
    @Test func permutationsAreUniform() {
        var generator = MersenneTwister(seed: 11)
        var counts: [[Int]: Int] = [:]
        for _ in 0..<24_000 { counts[generator.permutation(4), default: 0] += 1 }
        let chiSquare = counts.values.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
        #expect(counts.count == 24 && chiSquare < 60, "χ² \(chiSquare)")
    }

    @Test func copiesAreIndependent() {
        var one = MersenneTwister(seed: 4)
        _ = one.next()
        var two = one
        let expected = (0..<700).map { _ in one.next() }
        #expect((0..<700).map { _ in two.next() } == expected)
    }
}
