// Moving splines to other grids: the function stays, hopeless data give finite numbers of least norm, failures change nothing.

import Testing
@testable import SwiftKAN

@Suite struct GridTransferTests {
    private func update(_ network: KAN<Double>, _ x: [Double]) throws {
        try network.updateGrid(x: x, n: x.count / network.architecture.inputs, evaluation: Evaluation())
    }
    private func knots(_ network: KAN<Double>, _ l: Int, _ i: Int) -> [Double] {
        let shape = network.layers[l]
        return (0..<shape.knotCount).map { network.state[shape.knots + i * shape.knotCount + $0] }
    }
    private func coef(_ network: KAN<Double>, _ l: Int, _ i: Int, _ o: Int) -> [Double] {
        let shape = network.layers[l]
        return (0..<shape.basisCount).map { network.state[shape.coef + (i * shape.outputs + o) * shape.basisCount + $0] }
    }

    /// The nodes between made so small that they stay within the grid, where functions can be kept.
    private func tamed() throws -> KAN<Double> {
        let network = try richNetwork()
        let shape = network.layers[0]
        for node in 0..<shape.nodes {
            network.state[shape.nodeScale + node] *= 0.05
            network.state[shape.nodeBias + node] *= 0.05
        }
        return network
    }

    /// A cubic polynomial is a spline on every grid: an update keeps it exactly.
    @Test func updateKeepsPolynomials() throws {
        let network = try KAN<Double>(Settings(width: [1, 2], grid: 4))
        let shape = network.layers[0]
        let x = uniform(200, -0.9, 0.7, seed: 1)
        // Greville points' blossoms would do; x itself has the coefficients (t_{j+1} + t_{j+2} + t_{j+3})/3.
        let t = knots(network, 0, 0)
        for j in 0..<shape.basisCount {
            network.state[shape.coef + j] = (t[j + 1] + t[j + 2] + t[j + 3]) / 3
            network.state[shape.coef + shape.basisCount + j] = t[j + 1] * t[j + 2] * t[j + 3]
        }
        let before = try network.predictions(x)
        try update(network, x)
        #expect(knots(network, 0, 0) != t && abs(knots(network, 0, 0)[3] - (x.min() ?? 0)) < 1e-15)
        #expect(largestDifference(try network.predictions(x), before) < 1e-12)
    }

    @Test(arguments: 0...4) func updateKeepsTheFunctionRoughly(k: Int) throws {
        let network = try KAN<Double>(Settings(width: [2, 3, 1], grid: 5, k: k))
        let x = uniform(2 * 200, seed: 2)
        let before = try network.predictions(x)
        try update(network, x)
        #expect(largestDifference(try network.predictions(x), before) < (k == 0 ? 0.3 : 0.05))
        #expect(network.numbers.allSatisfy { $0.isFinite })
    }

    /// Splines that are 0 are left out of the fit: they stay exactly 0, the others are as if they were not there, and NaN is not lost.
    @Test func splinesOfZeros() throws {
        let network = try KAN<Double>(Settings(width: [2, 3], grid: 5))
        let shape = network.layers[0]
        let alone = try KAN<Double>(Settings(width: [2, 1], grid: 5))
        let x = uniform(2 * 200, seed: 4)
        for i in 0..<2 {
            for b in 0..<shape.basisCount {
                let value = Double((7 * b + 3 * i) % 5) - 2
                for o in 0..<3 { network.state[shape.coef + (i * 3 + o) * shape.basisCount + b] = o == 1 ? value : 0 }
                alone.state[alone.layers[0].coef + i * shape.basisCount + b] = value
            }
        }
        network.state[shape.coef + 5 * shape.basisCount + 2] = .nan
        try update(network, x)
        try update(alone, x)
        for i in 0..<2 {
            #expect(coef(network, 0, i, 0).allSatisfy { $0 == 0 })
            if i == 0 { #expect(zip(coef(network, 0, i, 1), coef(alone, 0, i, 0)).allSatisfy { abs($0 - $1) < 1e-12 }) }
        }
        #expect(coef(network, 0, 0, 2).allSatisfy { $0 == 0 } && coef(network, 0, 1, 2).contains { $0.isNaN })
    }

    /// Constant and binary features, one sample, fewer samples than coefficients.
    @Test(arguments: 0...3) func hopelessData(k: Int) throws {
        let data: [[Double]] = [
            [0.3, -0.2], [0.1, 0.2, 0.5, 0.6, -0.5, -0.1], Array(repeating: 0.25, count: 40),
            (0..<40).map { Double(($0 / 2) % 2) }, (0..<60).map { $0 % 2 == 0 ? 1e8 : Double($0) / 60 },
        ]
        for x in data {
            for eps in [0.0, 0.02, 1] {
                let network = try KAN<Double>(Settings(width: [2, 2, 1], grid: 6, k: k))
                network.gridEps = eps
                try update(network, x)
                #expect(network.numbers.allSatisfy { $0.isFinite }, "k \(k), eps \(eps)")
                for l in 0..<2 {
                    let t = knots(network, l, 0)
                    #expect(zip(t, t.dropFirst()).allSatisfy { $0 <= $1 } && t[0] < t[t.count - 1])
                }
                let child = try network.refined(grid: [12, 7], x: x, n: x.count / 2, evaluation: Evaluation())
                #expect(child.numbers.allSatisfy { $0.isFinite })
                #expect(try child.predictions(x).allSatisfy { $0.isFinite })
            }
        }
    }

    /// One sample: coefficients are a multiple of the basis there, B/‖B‖², and give the value the old spline had.
    @Test func oneSampleGivesTheLeastNorm() throws {
        let network = try KAN<Double>(Settings(width: [1, 1], grid: 4))
        let value = naiveSpline(knots(network, 0, 0), k: 3, coef: coef(network, 0, 0, 0), 0.3)
        try update(network, [0.3])
        let t = knots(network, 0, 0)
        let row = (0..<7).map { coxDeBoor(t, $0, 3, 0.3) }
        let norm = row.reduce(0) { $0 + $1 * $1 }
        #expect(largestDifference(coef(network, 0, 0, 0), row.map { value * $0 / norm }) < 1e-13)
    }

    @Test(arguments: 0...5, [2, 3, 5]) func nestedRefinementIsExact(k: Int, factor: Int) throws {
        let network = try richNetwork(sums: [2, 2], multiplications: [0, 0], arities: [], grid: 3, k: k)
        let x = uniform(60, -1.2, 1.1, seed: 3)
        let child = try network.refined(grid: [3 * factor], x: x, n: 30, evaluation: Evaluation())
        // Between the samples too, and all over the grid.
        let fresh = uniform(200, -1.24, 1.14, seed: 4)
        #expect(largestDifference(try child.predictions(fresh), try network.predictions(fresh)) < 1e-12)
        let (t, fine) = (knots(network, 0, 0), knots(child, 0, 0))
        for m in 0...3 { #expect(fine[k + factor * m] == t[k + m]) }
    }

    /// Samples that lie outside the grid, as hidden ones do after some steps: the finer grid's extended part is shorter, so the grid
    /// itself must reach them, or their function would be lost.
    @Test(arguments: [8, 11]) func refinementReachesOut(grid: Int) throws {
        let network = try KAN<Double>(Settings(width: [1, 2], grid: 4))
        let shape = network.layers[0]
        for b in 0..<(2 * shape.basisCount) { network.state[shape.coef + b] = Double.sin(Double(b * b)) }
        let x = uniform(300, -1.6, 1.3, seed: 8)
        let child = try network.refined(grid: [grid], x: x, n: 300, evaluation: Evaluation())
        let (before, after) = (try network.predictions(x), try child.predictions(x))
        let fine = knots(child, 0, 0)
        #expect(fine[3] == x.min() && fine[3 + grid] == x.max())
        #expect(largestDifference(after, before) < (grid == 8 ? 0.15 : 0.05))
        // With samples inside only, the old grid's ends stay.
        let inside = try network.refined(grid: [grid], x: x.map { $0 / 2 }, n: 300, evaluation: Evaluation())
        #expect(knots(inside, 0, 0)[3] == -1 && knots(inside, 0, 0)[3 + grid] == 1)
    }

    @Test func refinementSharesNothingAndKeepsTheRest() throws {
        let network = try tamed()
        network.scaleBaseTrainable = false
        let x = uniform(80, seed: 5)
        let before = network.numbers
        let child = try network.refined(grid: [6, 6], x: x, n: 40, evaluation: Evaluation())
        #expect(network.numbers == before && child.functions == network.functions && !child.scaleBaseTrainable)
        #expect(largestDifference(try child.predictions(x), try network.predictions(x)) < 1e-10)
        for e in 0..<child.architecture.stateCount { child.state[e] = 0 }
        #expect(network.numbers == before)
    }

    @Test func takingOverAnotherNetwork() throws {
        let parent = try tamed()
        let x = uniform(160, seed: 6)
        let child = try KAN<Double>(
            Settings(sums: [2, 2, 1], multiplications: [0, 3, 0], arities: [2, 3, 1], grid: [20, 20], k: [3, 4]))
        try child.initialize(from: parent, x: x, n: 80, evaluation: Evaluation())
        #expect(largestDifference(try child.predictions(x), try parent.predictions(x)) < 1e-2)
    }

    /// Samples whose range, or that of the knots beyond it, no number can hold; a layer without splines has no use for a grid.
    @Test(arguments: [1.0, 0.2]) func rangesBeyondNumbers(share: Double) throws {
        let network = try KAN<Double>(Settings(width: [1, 1], grid: 2, k: 3))
        let far = Double.greatestFiniteMagnitude * share
        let before = network.numbers
        if share == 1 {
            #expect(throws: KANError.self) { try update(network, [-far, far, 0, 1]) }
            #expect(network.numbers == before)
            network.state[network.layers[0].mask] = 0
            let masked = network.numbers
            try update(network, [-far, far, 0, 1])
            #expect(network.numbers == masked)
        } else {
            // 0.4 of the largest number, and three cells of half of that on either side.
            #expect(throws: KANError.self) { try update(network, [-far, far, 0, 1]) }
            #expect(network.numbers == before)
        }
        network.state[network.layers[0].mask] = 1
        try update(network, [-far / 16, far / 16, 0, 1])
        #expect(network.numbers.allSatisfy { $0.isFinite })
    }

    @Test func failuresChangeNothing() throws {
        let network = try richNetwork()
        let good = uniform(20, seed: 7)
        var bad = good
        bad[7] = .nan
        let before = network.numbers
        #expect(throws: KANError.self) { try network.updateGrid(x: good, n: 0, evaluation: Evaluation()) }
        #expect(throws: KANError.self) { try update(network, bad) }
        bad[7] = .infinity
        #expect(throws: KANError.self) { try update(network, bad) }
        #expect(network.numbers == before)
        // The second layer's inputs overflow: the first layer has been moved by then, and comes back.
        network.state[network.layers[0].nodeScale] = 1e308
        network.state[network.layers[0].subnodeScale] = 1e308
        let huge = network.numbers
        #expect(throws: KANError.self) { try update(network, good) }
        #expect(network.numbers == huge)
        let copy = try richNetwork(seed: 9)
        let untouched = copy.numbers
        #expect(throws: KANError.self) { try copy.initialize(from: network, x: good, n: 10, evaluation: Evaluation()) }
        #expect(throws: KANError.self) { try copy.initialize(from: copy, x: good, n: 10, evaluation: Evaluation()) }
        let narrow = try KAN<Double>(Settings(width: [2, 1]))
        #expect(throws: KANError.self) { try copy.initialize(from: narrow, x: good, n: 10, evaluation: Evaluation()) }
        let zero = try richNetwork(base: .zero)
        #expect(throws: KANError.self) { try copy.initialize(from: zero, x: good, n: 10, evaluation: Evaluation()) }
        #expect(copy.numbers == untouched)
        for grid in [[3], [0, 3], [-1, 3], [3, 3, 3], [.max, 3]] {
            #expect(throws: KANError.self) { try copy.refined(grid: grid, x: good, n: 10, evaluation: Evaluation()) }
        }
    }
}
