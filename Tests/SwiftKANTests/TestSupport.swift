// What many tests share: random numbers, rows of vectors, networks with every feature, central differences.
//
// What it must get right: nothing of the engine's own formulas; a helper that shares a fault with the engine hides it.

import Testing
@testable import SwiftKAN

/// Uniform numbers in [low, high), the same for the same seed.
func uniform(_ count: Int, _ low: Double = -1, _ high: Double = 1, seed: UInt32) -> [Double] {
    var random = MersenneTwister(seed: seed)
    return (0..<count).map { _ in low + (high - low) * random.uniformDouble() }
}

func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    #expect(a.count == b.count)
    return zip(a, b).reduce(0) { worst, pair in
        let d = abs(pair.0 - pair.1)
        return d.isNaN ? .nan : max(worst, d)
    }
}

/// Rows of vectors as the kernels read them: row r at r·nv vectors from the start.
final class Rows<T: KANScalar> {
    let buffer: AlignedBuffer<T>
    let nv: Int

    init(_ rows: Int, nv: Int) throws {
        buffer = try AlignedBuffer(count: rows * nv * T.lanes)
        self.nv = nv
    }

    convenience init(_ rows: [[T]], nv: Int) throws {
        try self.init(rows.count, nv: nv)
        for (r, row) in rows.enumerated() {
            for (s, value) in row.enumerated() { self[r, s] = value }
        }
    }

    var vectors: UnsafeMutablePointer<T.Vector> { buffer.vectors }
    subscript(r: Int, s: Int) -> T {
        get { buffer.base[r * nv * T.lanes + s] }
        set { buffer.base[r * nv * T.lanes + s] = newValue }
    }
}

// MARK: - Data

/// The array's numbers at an address that stays good to the end of the process.
func kept<E>(_ array: [E]) -> UnsafePointer<E> {
    let memory = UnsafeMutablePointer<E>.allocate(capacity: max(array.count, 1))
    memory.initialize(from: array, count: array.count)
    return UnsafePointer(memory)
}

/// Samples that may outlive the arrays they are made from.
func ownedSamples<T: KANScalar>(_ n: Int, x: [T], y: [T]?, weight: [T]? = nil) -> Samples<T> {
    Samples(n: n, x: kept(x), y: y.map { kept($0) }, weight: weight.map { kept($0) })
}

// MARK: - Networks

/// The layers of a new network in the narrow form, which keeps single edges, and a workspace for them.
func narrowLayers<T: KANScalar>(_: T.Type, _ settings: Settings) throws -> [FoldedLayer<T>] {
    let network = try KAN<T>(settings)
    return try network.layers.map { try FoldedLayer($0, network.baseFunction, state: network.state, singleEdges: true, use: .gradients) }
}

/// A network in which nothing is 0 or 1 by chance: random scales and biases, masks of 0, 1 and between, moved knots, and symbolic
/// edges, some beside numeric ones and one instead of one.
func richNetwork(
    sums: [Int] = [2, 2, 1], multiplications: [Int] = [0, 3, 0], arities: [Int] = [2, 3, 1], grid: Int = 3, k: Int = 3,
    base: BaseFunction = .silu, symbolic: Bool = true, seed: UInt32 = 5
) throws -> KAN<Double> {
    var settings = Settings(
        sums: sums, multiplications: multiplications, arities: arities,
        grid: Array(repeating: grid, count: sums.count - 1), k: Array(repeating: k, count: sums.count - 1))
    settings.baseFunction = base
    settings.noiseScale = 1
    settings.seed = seed
    settings.gridRange = (-1.25, 1.15)
    let network = try KAN<Double>(settings)
    let random = uniform(network.architecture.stateCount, seed: seed &+ 100)
    for block in network.architecture.blocks {
        for e in block.offset..<(block.offset + block.count) {
            switch block.kind {
            case .nodeAffine: network.state[e] += 0.3 * random[e]
            case .scaleSp, .scaleBase, .coef: network.state[e] += 0.4 * random[e]
            case .affine: network.state[e] = 0.8 + 0.4 * random[e]
            case .fixed: break
            }
        }
    }
    for (l, shape) in network.layers.enumerated() {
        for e in 0..<shape.edges where e % 4 == 2 { network.state[shape.mask + e] = e % 8 == 2 ? 0.7 : 0 }
        // Knots that are not evenly spaced.
        for i in 0..<shape.inputs {
            let knots = network.state + shape.knots + i * shape.knotCount
            for m in 1..<max(shape.grid, 1) { knots[shape.k + m] += 0.3 / Double(shape.grid) * random[m + 7 * i + l] }
        }
        guard symbolic else { continue }
        let functions: [SymbolicFunction] = [.sin, .xPow2, .gaussian, .exp]
        for e in 0..<shape.edges where e % 3 == 1 || e == 0 {
            network.functions[l][e] = .library(functions[(e + l) % functions.count])
            network.state[shape.symbolicMask + e] = e % 2 == 0 ? 1 : 0.6
        }
    }
    return network
}

extension KAN {
    /// (n, outputs) predictions.
    func predictions(_ x: [T], evaluation: Evaluation = Evaluation()) throws -> [T] {
        let n = x.count / architecture.inputs
        var y = [T](repeating: 0, count: n * architecture.outputs)
        try predict(x: x, n: n, evaluation: evaluation, into: &y)
        return y
    }

    var numbers: [T] { (0..<architecture.stateCount).map { state[$0] } }
}

// MARK: - Differences

/// f′ by five points, of order h⁴.
func centralDifference(
    _ p: UnsafeMutablePointer<Double>, h: Double = 2e-4, _ f: () throws -> Double
) rethrows -> Double {
    let x = p.pointee
    defer { p.pointee = x }
    func at(_ steps: Double) throws -> Double {
        p.pointee = x + steps * h
        return try f()
    }
    return try (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
}

/// For every block of parameters: the largest error of `gradient`, relative to the block's largest derivative, or to a hundredth of the
/// largest of all where the block's are smaller.
func gradientErrors(
    _ network: KAN<Double>, gradient: [Double], value: () throws -> Double
) rethrows -> [(block: String, error: Double)] {
    let differences = try (0..<network.architecture.parameterCount).map {
        try centralDifference(network.state + $0, value)
    }
    let largest = differences.map { abs($0) }.max() ?? 0
    return network.architecture.blocks.filter { $0.kind != .fixed }.map { block in
        let range = block.offset..<(block.offset + block.count)
        let size = max(range.map { abs(differences[$0]) }.max() ?? 0, largest / 100)
        return (block.name, largestDifference(Array(gradient[range]), Array(differences[range])) / size)
    }
}

/// Rows of nv vectors of random numbers.
func randomRows<T: KANScalar>(_: T.Type, _ rows: Int, _ nv: Int, _ seed: UInt32) throws -> Rows<T> {
    let samples = nv * T.lanes
    let numbers = uniform(rows * samples, seed: seed).map { T($0) }
    return try Rows((0..<rows).map { Array(numbers[($0 * samples)..<(($0 + 1) * samples)]) }, nv: nv)
}
