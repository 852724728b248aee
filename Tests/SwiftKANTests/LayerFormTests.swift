// The forms that layers have with the masks of the moment, for each of their uses: the same numbers in either, and no bit of them from before.

import Testing
@testable import SwiftKAN

@Suite(.serialized) struct LayerFormTests {
    /// Layers with few edges left take the narrow form, with the same numbers; so does a network whose masks change between two calls, and
    /// back, with the bits of one that never had other masks.
    @Test(arguments: [Float.self, Double.self] as [any KANScalar.Type])
    func fewEdges(type: any KANScalar.Type) throws { try fewEdges(type) }

    private func fewEdges<T: KANScalar>(_: T.Type) throws {
        var settings = Settings(sums: [20, 40, 3], multiplications: [0, 0, 0], arities: [], grid: [3, 3], k: [3, 3])
        settings.seed = 5
        func network(every step: Int) throws -> KAN<T> {
            let network = try KAN<T>(settings)
            mask(network, every: step)
            return network
        }
        func mask(_ network: KAN<T>, every step: Int) {
            let shape = network.layers[0]
            for e in 0..<shape.edges { network.state[shape.mask + e] = e % step == 0 ? 1 : 0 }
        }
        let n = 150
        let x = try AlignedBuffer<T>(count: n * 20)
        for (e, value) in uniform(n * 20, -1.2, 1.2, seed: 3).enumerated() { x.base[e] = T(value) }
        func gradient(_ network: KAN<T>) throws -> [T] {
            let v = try AlignedBuffer<T>(count: n * 3)
            v.base.update(repeating: 1, count: n * 3)
            let g = try AlignedBuffer<T>(count: network.architecture.parameterCount + n * 23)
            try network.vectorJacobianProduct(
                x: x.base, n: n, evaluation: Evaluation(), outputGradient: v.base, gradient: g.base,
                inputGradient: g.base + network.architecture.parameterCount)
            try network.predict(x: x.base, n: n, into: g.base + network.architecture.parameterCount + n * 20)
            return (0..<g.count).map { g.base[$0] }
        }
        // All edges; one of seven; one of 41: at most one an input, and half of the outputs have none.
        for (step, isWide) in [(1, true), (7, false), (41, false)] {
            let network = try network(every: step)
            #expect(try Evaluator(network, singleEdges: false).isWide == isWide)
            let fresh = try gradient(network)
            for other in [2, 1, 9] {
                mask(network, every: other)
                _ = try gradient(network)
                mask(network, every: step)
                #expect(try gradient(network) == fresh)
            }
            // The other form: that of the masks before, which an evaluator keeps to.
            mask(network, every: isWide ? 9 : 1)
            let evaluator = try Evaluator(network, singleEdges: false)
            mask(network, every: step)
            evaluator.fold(network)
            #expect(evaluator.isWide != isWide && !evaluator.suits(.gradients))
            let g = try AlignedBuffer<T>(count: fresh.count)
            _ = try evaluator.gradientSweep(
                x.base, n, evaluation: Evaluation(), pulls: nil, gradient: g.base, inputGradient: g.base + network.architecture.parameterCount
            ) { w, start, _ in
                for v in 0..<(3 * w.nv) { w.dx[v] = w.valid[v % w.nv] }
                return 0
            }
            try evaluator.predict(x.base, n, evaluation: Evaluation(), into: g.base + network.architecture.parameterCount + n * 20)
            let size = fresh.reduce(0) { max($0, abs(Double($1))) }
            for e in fresh.indices { #expect(abs(Double(g.base[e]) - Double(fresh[e])) <= 100 * Double(T.ulpOfOne) * size) }
        }
    }

    /// With G = 3 and k = 3 three quarters of the edges are still too many for the narrow form's gradients; predictions take it where lanes pick.
    @Test func predictionsOfMoreEdges() throws {
        let settings = Settings(sums: [20, 40, 3], multiplications: [0, 0, 0], arities: [], grid: [3, 3], k: [3, 3])
        let (network, never) = (try KAN<Double>(settings), try KAN<Double>(settings))
        let shape = network.layers[0]
        func mask(_ network: KAN<Double>, every step: Int) {
            for e in 0..<shape.edges { network.state[shape.mask + e] = (e + e / 40) % step == 0 ? 0 : 1 }
        }
        mask(network, every: 4)
        mask(never, every: 4)
        let uses = FoldedLayer<Double>.wideUses(shape, mask: network.state + shape.mask)
        #expect(uses == (Double.tableEntries > 0 ? [.gradients, .regularizers] : .all))
        let x = uniform(20 * 150, -1.2, 1.2, seed: 3)
        let predictions = try never.predictions(x)
        let naive = NaiveSample.all(never, Array(x.prefix(20 * 20))).flatMap { $0.acts[2] }
        #expect(largestDifference(Array(predictions.prefix(60)), naive) < 1e-12)
        // After gradients, regularisers and other masks, whose evaluators stay.
        for step in [1000, 2, 4] {
            mask(network, every: step)
            var g = [Double](repeating: .nan, count: network.architecture.parameterCount)
            _ = try network.regularization(Regularization(), x: x, n: 150, evaluation: Evaluation(), gradient: &g)
            try network.vectorJacobianProduct(
                x: x, n: 150, evaluation: Evaluation(), outputGradient: uniform(450, seed: 4), gradient: &g, inputGradient: nil)
            _ = try network.predictions(x)
        }
        #expect(try network.predictions(x) == predictions)
        #expect(try network.compiled().predictions(x) == predictions)
        let one = try network.compiled()
        for s in [0, 7] { #expect(try one.predictions(Array(x[(20 * s)..<(20 * s + 20)])) == Array(predictions[(3 * s)..<(3 * s + 3)])) }
    }

    /// Layers of few outputs: the narrow form's functions and edges against what the wide form costs whatever the grid, if its degree is one of 1 … 5.
    @Test func fineGrids() throws {
        func uses<T: KANScalar>(_: T.Type, _ outputs: Int, _ functions: Int, k: Int = 3, off: Int = 0) throws -> LayerUses {
            let network = try KAN<T>(Settings(sums: [4, outputs], multiplications: [0, 0], arities: [], grid: [functions - k], k: [k]))
            let shape = network.layers[0]
            for e in 0..<shape.edges where e % outputs < off { network.state[shape.mask + e] = 0 }
            return FoldedLayer<T>.wideUses(shape, mask: network.state + shape.mask)
        }
        let (doubles, floats) = Double.tableEntries > 0 ? ((6, 380), (3, 440)) : ((24, 520), (6, 280))
        for outputs in [1, 5, 12] {
            let (most, mostFloats) = (doubles.1 / (outputs + doubles.0), floats.1 / (outputs + floats.0))
            #expect(try !uses(Double.self, outputs, most).contains(.gradients))
            #expect(try uses(Double.self, outputs, most + 1).contains(.gradients))
            #expect(try !uses(Float.self, outputs, mostFloats).contains(.gradients))
            #expect(try uses(Float.self, outputs, mostFloats + 1).contains(.gradients))
            // A regulariser's form changes half as late again.
            #expect(try !uses(Double.self, outputs, most + 1).contains(.regularizers))
            #expect(try uses(Double.self, outputs, most * 3 / 2 + 2) == .all)
            #expect(try uses(Double.self, outputs, 100) == .all)
            #expect(try uses(Double.self, outputs, 100, k: 6) == [])
        }
        // Predictions change form at half of that, but not where lanes pick.
        #expect(try uses(Double.self, 5, doubles.1 / (5 + doubles.0) - 2) == .predictions)
        #expect(try uses(Double.self, 12, 10).contains(.predictions) == (Double.tableEntries == 0))
        // Edges that are off do not count.
        #expect(try uses(Float.self, 12, 32).contains(.gradients))
        #expect(try !uses(Float.self, 12, 32, off: 10).contains(.gradients))
        #expect(try uses(Float.self, 12, 32, off: 12) == [])
    }

    /// A regulariser evaluates edges again in the narrow form, which it takes with fewer of them than a gradient does.
    @Test func uses() throws {
        let network = try KAN<Double>(Settings(sums: [20, 40], multiplications: [0, 0], arities: [], grid: [5], k: [3]))
        let shape = network.layers[0]
        func uses(_ part: Int) -> LayerUses {
            for e in 0..<shape.edges { network.state[shape.mask + e] = (7 * e + e / 40) % 20 < part ? 1 : 0 }
            return FoldedLayer<Double>.wideUses(shape, mask: network.state + shape.mask)
        }
        let picking: LayerUses = Double.tableEntries > 0 ? [] : .predictions
        #expect(uses(20) == .all && uses(16) == .all)
        #expect(uses(0) == .all)
        #expect(uses(15) == picking.union([.gradients, .regularizers]))
        #expect(uses(10) == .regularizers)
        #expect(uses(6) == [])
    }
}
