// The B-spline basis: partition of unity, the recursion itself, derivatives, repeated knots, and what lies outside.

import Testing
@testable import SwiftKAN

/// G + 1 + 2k knots; random spacing unless `even`.
func knotVector(grid: Int, k: Int, even: Bool = false, seed: UInt32 = 1) -> [Double] {
    var knots = [Double](repeating: 0, count: grid + 1 + 2 * k)
    let steps = even ? Array(repeating: 1, count: grid) : uniform(grid, 0.2, 1, seed: seed)
    knots[k] = -1
    for m in 0..<grid { knots[k + m + 1] = knots[k + m] + steps[m] }
    KnotVector.extend(&knots, grid: grid, k: k)
    return knots
}

/// All basis functions and their derivatives at x: [function][point].
private func basis<T: KANScalar>(_ knots: [T], grid: Int, k: Int, _ x: [T]) throws -> (value: [[T]], derivative: [[T]]) {
    let nv = (x.count + T.lanes - 1) / T.lanes
    let padded = x + Array(repeating: x[x.count - 1], count: nv * T.lanes - x.count)
    let points = try Rows([padded], nv: nv)
    let (value, derivative) = (try Rows<T>(grid + k, nv: nv), try Rows<T>(grid + k, nv: nv))
    let scratch = try Rows<T>(BSplineTable<T>.scratchCount(grid: grid, k: k), nv: 1)
    var reciprocals = [T](repeating: 0, count: BSplineTable<T>.reciprocalCount(grid: grid, k: k))
    let isSimple = BSplineTable.fillReciprocals(knots: knots, grid: grid, k: k, into: &reciprocals)
    knots.withUnsafeBufferPointer { knots in
        reciprocals.withUnsafeBufferPointer { reciprocals in
            // An empty array has no address; for k = 0 nothing is read.
            let table = BSplineTable(
                grid: grid, k: k, knots: knots.baseAddress!, reciprocals: reciprocals.baseAddress ?? knots.baseAddress!,
                isSimple: isSimple)
            table.rows(x: points.vectors, nv: nv, basis: value.vectors, derivative: derivative.vectors, scratch: scratch.vectors)
        }
    }
    let read = { (rows: Rows<T>) in (0..<(grid + k)).map { b in x.indices.map { rows[b, $0] } } }
    return (read(value), read(derivative))
}

@Suite struct BSplineTests {
    @Test(arguments: 0...10, [1, 2, 7])
    func partitionOfUnityWithBothEnds(k: Int, grid: Int) throws {
        for even in [true, false] {
            let knots = knotVector(grid: grid, k: k, even: even)
            let (low, high) = (knots[k], knots[k + grid])
            let x = [low, high] + Array(knots[k...(k + grid)]) + uniform(60, low, high, seed: 3)
            let (value, derivative) = try basis(knots, grid: grid, k: k, x)
            for s in x.indices {
                #expect(abs(value.reduce(0) { $0 + $1[s] } - 1) < 1e-13, "k \(k), G \(grid) at \(x[s])")
                // At the last knot a hat's slope is that of the cell beyond.
                if k == 1 && x[s] == high { continue }
                let slope = derivative.reduce(0) { $0 + $1[s] }
                #expect(abs(slope) < 1e-9, "k \(k), G \(grid): slope \(slope) at \(x[s])")
                #expect(value.allSatisfy { $0[s] >= -1e-15 })
            }
        }
    }

    @Test(arguments: 0...6)
    func recursion(k: Int) throws {
        let grid = 5
        let knots = knotVector(grid: grid, k: k)
        let span = knots[grid + 2 * k] - knots[0]
        let x = knots + uniform(80, knots[0] - 0.1 * span, knots[grid + 2 * k] + 0.1 * span, seed: 4)
        let (value, _) = try basis(knots, grid: grid, k: k, x)
        for b in 0..<(grid + k) {
            for s in x.indices {
                let expected = coxDeBoor(knots, b, k, x[s], closed: k == 0)
                #expect(abs(value[b][s] - expected) < 1e-14, "B_\(b) at \(x[s]): \(value[b][s]), not \(expected)")
            }
        }
    }

    @Test(arguments: 1...10)
    func derivatives(k: Int) throws {
        let grid = 4, h = 1e-4
        let knots = knotVector(grid: grid, k: k)
        // Away from knots by more than the stencil.
        let x = uniform(60, knots[0], knots[grid + 2 * k], seed: 6).filter { x in
            knots.allSatisfy { abs($0 - x) > 3 * h }
        }
        let derivative = try basis(knots, grid: grid, k: k, x).derivative
        let around = try [-2.0, -1, 1, 2].map { step in try basis(knots, grid: grid, k: k, x.map { $0 + step * h }).value }
        #expect(x.count > 40)
        for b in 0..<(grid + k) {
            for s in x.indices {
                let difference = (8 * (around[2][b][s] - around[1][b][s]) - (around[3][b][s] - around[0][b][s])) / (12 * h)
                #expect(abs(derivative[b][s] - difference) < 1e-9, "B_\(b)′ at \(x[s])")
            }
        }
    }

    @Test(arguments: 0...4)
    func repeatedKnots(k: Int) throws {
        let grid = 6
        var knots = knotVector(grid: grid, k: k)
        knots[k + 2] = knots[k + 1]
        knots[k + 3] = knots[k + 1]
        knots[k + 5] = knots[k + 4]
        let x = Array(knots[k...(k + grid)]) + uniform(40, knots[k], knots[k + grid], seed: 8)
        let (value, derivative) = try basis(knots, grid: grid, k: k, x)
        for s in x.indices {
            #expect(abs(value.reduce(0) { $0 + $1[s] } - 1) < 1e-13)
            for b in 0..<(grid + k) {
                #expect(abs(value[b][s] - coxDeBoor(knots, b, k, x[s], closed: k == 0)) < 1e-14)
                #expect(derivative[b][s].isFinite)
            }
        }
    }

    @Test(arguments: 0...5)
    func zeroOutsideTheKnots(k: Int) throws {
        let grid = 3
        let knots = knotVector(grid: grid, k: k)
        let (low, high) = (knots[0], knots[grid + 2 * k])
        let (value, derivative) = try basis(knots, grid: grid, k: k, [low - 1e-9, low - 5, -1e300, high + 1e-9, high + 5, 1e300])
        // To rounding: arguments are moved to the last knot, where a product of differences may leave a unit in the last place.
        #expect(value.allSatisfy { $0.allSatisfy { abs($0) < 1e-15 } }, "\(value)")
        #expect(derivative.allSatisfy { $0.allSatisfy { abs($0) < 1e-14 } }, "\(derivative)")
    }

    /// NaN must reach the result, and only its own lane's.
    @Test(arguments: 0...5)
    func notANumber(k: Int) throws {
        let grid = 4
        let knots = knotVector(grid: grid, k: k)
        let (value, _) = try basis(knots, grid: grid, k: k, [0.1, .nan, 0.1, .infinity, -.infinity, 0.1])
        // One function is enough: every edge adds them all.
        #expect((0..<(grid + k)).contains { value[$0][1].isNaN })
        for b in 0..<(grid + k) {
            #expect(value[b][0].isFinite && value[b][0] == value[b][2] && value[b][0] == value[b][5])
            // Infinity is outside every knot; where k = 0 gives it no other way to show, it becomes NaN.
            for s in [3, 4] { #expect(k == 0 ? value[b][s].isNaN : abs(value[b][s]) < 1e-15) }
        }
    }

    @Test(arguments: 0...5)
    func floatAgreesWithDouble(k: Int) throws {
        let grid = 5
        let knots = knotVector(grid: grid, k: k, even: true).map { Float($0) }
        let x = uniform(50, -1, 3.9, seed: 9).map { Float($0) }
        let single = try basis(knots, grid: grid, k: k, x)
        let double = try basis(knots.map { Double($0) }, grid: grid, k: k, x.map { Double($0) })
        for b in 0..<(grid + k) {
            for s in x.indices {
                #expect(abs(Double(single.value[b][s]) - double.value[b][s]) < 2e-6)
                #expect(abs(Double(single.derivative[b][s]) - double.derivative[b][s]) < 2e-5)
            }
        }
    }

    /// k = 3 has a way of its own, which takes two vectors at a time: a point's bits do not depend on its neighbours.
    @Test(arguments: [1, 2, 5, 40])
    func cubicsDoNotDependOnTheirNeighbours(grid: Int) throws {
        let knots = knotVector(grid: grid, k: 3)
        let x = uniform(5 * Double.lanes, knots[0], knots[grid + 6], seed: 10)
        let all = try basis(knots, grid: grid, k: 3, x)
        for vectors in [0..<1, 2..<4, 1..<5, 4..<5] {
            let points = (vectors.lowerBound * Double.lanes)..<(vectors.upperBound * Double.lanes)
            let part = try basis(knots, grid: grid, k: 3, Array(x[points]))
            for b in 0..<(grid + 3) {
                #expect(part.value[b] == Array(all.value[b][points]) && part.derivative[b] == Array(all.derivative[b][points]))
            }
        }
    }
}
