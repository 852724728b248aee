// The initial network: pykan's own numbers for [2, 5, 1], grid 3, k 3, seed 42 in float64, and the rest by their formulas.

import Testing
@testable import SwiftKAN

@Suite struct InitializationTests {
    private func network<T: KANScalar>(_: T.Type, _ change: (inout Settings) -> Void = { _ in }) throws -> KAN<T> {
        var settings = Settings(width: [2, 5, 1], grid: 3, k: 3)
        settings.seed = 42
        change(&settings)
        return try KAN<T>(settings)
    }

    private func block<T: KANScalar>(_ network: KAN<T>, _ name: String) throws -> [Double] {
        let block = try #require(network.architecture.blocks.first { $0.name == name })
        return (0..<block.count).map { Double(network.state[block.offset + $0]) }
    }

    private static let coef0 = [
        -0.014302671264087883, -0.056617618381370756, -0.024334163633571323, -0.05181362857791922, -0.023570394970503103,
        -0.002791658975274169,
    ]
    private static let coef1 = [
        -0.006721372788317033, 0.008602564592148608, 0.09790282421036414, -0.10115246963917962, 0.01335828820640197,
        0.012671578547346945,
    ]
    private static let scaleBase0 = [
        0.6141912618347817, -0.5341301582365925, -0.10225420672523812, -0.2995532358704078, 0.6808038988586966,
        0.48879538182225246, -0.1636555888893277, -0.5666659238775379, 0.23001900021280172, 0.11587283444055958,
    ]

    @Test func pykansNumbers() throws {
        let network = try network(Double.self)
        #expect(try largestDifference(Array(block(network, "act_fun.0.coef")[..<6]), Self.coef0) < 1e-14)
        #expect(try largestDifference(Array(block(network, "act_fun.1.coef")[..<6]), Self.coef1) < 1e-14)
        #expect(try largestDifference(block(network, "act_fun.0.scale_base"), Self.scaleBase0) < 1e-15)
        #expect(try block(network, "act_fun.1.scale_sp").allSatisfy { abs($0 - 0.4472135954999579) < 1e-16 })
        #expect(try block(network, "act_fun.0.scale_sp").allSatisfy { abs($0 - 0.5.squareRoot()) < 1e-15 })
        #expect(try block(network, "act_fun.1.mask") == Array(repeating: 1, count: 5))
        for l in 0..<2 {
            #expect(try block(network, "node_bias_\(l)").allSatisfy { $0 == 0 })
            #expect(try block(network, "subnode_bias_\(l)").allSatisfy { $0 == 0 })
            #expect(try block(network, "node_scale_\(l)").allSatisfy { $0 == 1 })
            #expect(try block(network, "subnode_scale_\(l)").allSatisfy { $0 == 1 })
            #expect(try block(network, "symbolic_fun.\(l).mask").allSatisfy { $0 == 0 })
            #expect(try block(network, "symbolic_fun.\(l).affine").allSatisfy { $0 == 0 })
        }
        let knots = (0..<10).map { -3 + 2.0 / 3 * Double($0) }
        #expect(try largestDifference(block(network, "act_fun.0.grid"), knots + knots) < 1e-14)
    }

    /// pykan's predictions at the first two rows of its data set for exp(sin(πx₁) + x₂²).
    @Test func pykansPredictions() throws {
        let x = [0.9401060036131061, 0.9796708649672705, 0.4156397287995759, -0.9600067769622893]
        let y = try network(Double.self).predictions(x)
        #expect(largestDifference(y, [0.002430007434040156, -0.002598011469288314]) < 1e-14)
    }

    @Test func sameSeedSameNetwork() throws {
        #expect(try network(Double.self).numbers == network(Double.self).numbers)
        #expect(try network(Double.self).numbers != network(Double.self) { $0.seed = 43 }.numbers)
        #expect(try network(Float.self).numbers == network(Float.self).numbers)
    }

    /// The splines take their random values at the knots of the grid: noise_scale / G times numbers in ±1/2.
    @Test(arguments: [0, 1, 3]) func noise(k: Int) throws {
        let grid = 4
        func largest(_ noise: Double) throws -> [Double] {
            let network = try network(Double.self) { s in
                (s.k, s.grid, s.noiseScale) = ([k, k], [grid, grid], noise)
            }
            let shape = network.layers[0]
            let knots = (0..<shape.knotCount).map { network.state[shape.knots + $0] }
            return (0..<shape.edges).flatMap { e in
                let coef = (0..<shape.basisCount).map { network.state[shape.coef + (e % shape.outputs) * shape.basisCount + $0] }
                return (0..<grid).map { naiveSpline(knots, k: k, coef: coef, knots[k + $0]) }
            }
        }
        let values = try largest(0.3)
        #expect(values.allSatisfy { abs($0) <= 0.3 / Double(grid) / 2 + 1e-12 } && values.contains { abs($0) > 0.01 })
        #expect(try largestDifference(largest(0.6), values.map { 2 * $0 }) < 1e-13)
        #expect(try largest(0).allSatisfy { $0 == 0 })
    }

    /// Splines are fitted a bundle of edges at a time: every one of a layer wider than a bundle takes its own numbers, drawn knot
    /// by knot for all edges.
    @Test func everyEdgeTakesItsOwnNoise() throws {
        let network = try network(Double.self) { $0 = Settings(width: [1, 1500], grid: 2, k: 2) }
        let shape = network.layers[0]
        let knots = (0..<shape.knotCount).map { network.state[shape.knots + $0] }
        var random = MersenneTwister(seed: 1)
        for m in 0...2 {
            for e in 0..<shape.edges {
                let value = (random.uniformDouble() - 0.5) * 0.3 / 2
                let coef = (0..<shape.basisCount).map { network.state[shape.coef + e * shape.basisCount + $0] }
                let x = min(knots[2 + m], knots[4].nextDown)  // the naive splines end before the last knot
                #expect(abs(naiveSpline(knots, k: 2, coef: coef, x) - value) < 1e-14)
            }
        }
    }

    @Test func numbersThatTheTypeCannotHold() throws {
        let changes: [@Sendable (inout Settings) -> Void] = [
            { $0.gridRange = (-1e300, 1e300) }, { $0.noiseScale = 1e300 }, { $0.scaleBaseMu = -1e300 }, { $0.scaleBaseSigma = 1e300 },
        ]
        for change in changes {
            #expect(throws: KANError.self) { try network(Float.self, change) }
            #expect(try network(Double.self, change).numbers.allSatisfy(\.isFinite))
        }
        #expect(throws: KANError.self) { try network(Double.self) { $0.gridRange = (-8e307, 8e307) } }  // the knots beyond it
    }

    @Test func memoryIsAskedForBeforehand() throws {
        try requireMemory(doubles: 1000)
        for much in [1e14, 1e30, .infinity] {
            #expect(throws: KANError.self) { try requireMemory(doubles: much) }
        }
    }

    @Test func scaleBaseHasItsMeanAndSpread() throws {
        let fixed = try block(network(Double.self) { s in (s.scaleBaseMu, s.scaleBaseSigma) = (3, 0) }, "act_fun.1.scale_base")
        #expect(fixed.allSatisfy { abs($0 - 3 / 5.0.squareRoot()) < 1e-15 })
        let both = try block(network(Double.self) { s in (s.scaleBaseMu, s.scaleBaseSigma) = (3, 2) }, "act_fun.0.scale_base")
        let expected = Self.scaleBase0.map { 3 / 2.0.squareRoot() + 2 * $0 }
        #expect(largestDifference(both, expected) < 1e-14)
    }

    /// Every node keeps its nearest neighbours, and scale_sp follows the mask.
    @Test func sparse() throws {
        let network = try network(Double.self) { $0.sparseInit = true }
        let mask = try block(network, "act_fun.0.mask")
        // Positions of inputs 0.25, 0.75; of outputs 0.1, 0.3, 0.5, 0.7, 0.9.
        #expect(mask == [1, 1, 1, 0, 0, 0, 0, 0, 1, 1])
        let scale = 1 / 2.0.squareRoot()
        #expect(try largestDifference(block(network, "act_fun.0.scale_sp"), mask.map { $0 * scale }) < 1e-15)
    }

    @Test func gridRange() throws {
        let network = try network(Double.self) { s in (s.gridRange, s.k) = ((0, 6), [1, 1]) }
        #expect(try block(network, "act_fun.0.grid") == [-2, 0, 2, 4, 6, 8, -2, 0, 2, 4, 6, 8])
    }
}
