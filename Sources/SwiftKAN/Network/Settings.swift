// Settings: what a network is made from, and the check that it can be made.
//
// What it must get right, in this order:
//   1. After `Architecture(settings)` succeeds, no size, offset or index derived from it can overflow or be out of range:
//      the rest of the engine relies on that and checks nothing again.
//   2. Every refusal names the setting, its value, and what is allowed.

/// The fixed function that every edge has beside its spline.
public enum BaseFunction: Int, Sendable, CaseIterable {
    /// x · sigmoid(x)
    case silu = 0
    /// x
    case identity = 1
    /// 0
    case zero = 2
}

/// What a network is made from; the defaults are pykan's (`KAN(...)` in pykan's MultKAN.py).
public struct Settings: Sendable {
    /// Addition nodes a level: inputs first, outputs last.
    public var sums: [Int]
    /// Multiplication nodes a level; none at level 0.
    public var multiplications: [Int]
    /// The number of factors of every multiplication node, level after level.
    public var arities: [Int]
    /// Grid intervals G of each layer.
    public var grid: [Int]
    /// Spline degree of each layer.
    public var k: [Int]
    public var baseFunction = BaseFunction.silu
    public var noiseScale = 0.3
    public var scaleBaseMu = 0.0
    public var scaleBaseSigma = 1.0
    /// 1: grids from samples are uniform; 0: quantiles; between: a mixture.
    public var gridEps = 0.02
    public var gridRange = (-1.0, 1.0)
    public var affineTrainable = false
    public var scaleSpTrainable = true
    public var scaleBaseTrainable = true
    public var sparseInit = false
    public var symbolicEnabled = true
    public var seed: UInt32 = 1

    /// A network of addition nodes only, with one grid size and degree for all layers.
    public init(width: [Int], grid: Int = 3, k: Int = 3) {
        self.init(
            sums: width, multiplications: Array(repeating: 0, count: width.count), arities: [],
            grid: Array(repeating: grid, count: max(0, width.count - 1)),
            k: Array(repeating: k, count: max(0, width.count - 1)))
    }

    public init(sums: [Int], multiplications: [Int], arities: [Int], grid: [Int], k: [Int]) {
        self.sums = sums
        self.multiplications = multiplications
        self.arities = arities
        self.grid = grid
        self.k = k
    }

    /// The highest spline degree; beyond it rounding errors outweigh the order gained.
    static let largestK = 20
    /// A bound on every single count, so that products of two of them fit an `Int`.
    static let largestCount = 1 << 24

    func checked() throws(KANError) {
        guard sums.count >= 2 else {
            throw .invalid("width has \(sums.count) entries; it needs at least 2, inputs and outputs")
        }
        guard multiplications.count == sums.count else {
            throw .invalid("width gives \(sums.count) addition and \(multiplications.count) multiplication counts")
        }
        for (level, (sum, mult)) in zip(sums, multiplications).enumerated() {
            guard sum >= 0, mult >= 0, sum <= Settings.largestCount, mult <= Settings.largestCount, sum + mult >= 1 else {
                throw .invalid(
                    "width[\(level)] is [\(sum), \(mult)]; counts must be 0 … \(Settings.largestCount) and not both 0")
            }
        }
        guard multiplications[0] == 0 else {
            throw .invalid("width[0] has \(multiplications[0]) multiplication nodes; inputs have none")
        }
        guard arities.count == multiplications.reduce(0, +) else {
            throw .invalid(
                "mult_arity has \(arities.count) entries for \(multiplications.reduce(0, +)) multiplication nodes")
        }
        if let bad = arities.first(where: { $0 < 1 || $0 > Settings.largestCount }) {
            throw .invalid("mult_arity contains \(bad); a multiplication node has at least 1 factor")
        }
        guard grid.count == sums.count - 1, k.count == sums.count - 1 else {
            throw .invalid(
                "grid has \(grid.count) and k has \(k.count) entries; a network of \(sums.count - 1) layers needs as many")
        }
        for (layer, intervals) in grid.enumerated() where intervals < 1 || intervals > Settings.largestCount {
            throw .invalid("grid[\(layer)] is \(intervals); it must be 1 … \(Settings.largestCount) intervals")
        }
        for (layer, degree) in k.enumerated() where degree < 0 || degree > Settings.largestK {
            throw .invalid("k[\(layer)] is \(degree); it must be 0 … \(Settings.largestK)")
        }
        for (name, value) in [
            ("noise_scale", noiseScale), ("scale_base_mu", scaleBaseMu), ("scale_base_sigma", scaleBaseSigma),
        ] where !value.isFinite {
            throw .invalid("\(name) is \(value); it must be finite")
        }
        guard gridEps >= 0, gridEps <= 1 else {
            throw .invalid("grid_eps is \(gridEps); it must be between 0 (quantiles) and 1 (uniform)")
        }
        guard gridRange.0.isFinite, gridRange.1.isFinite, gridRange.0 < gridRange.1,
            (gridRange.1 - gridRange.0).isFinite
        else {
            throw .invalid("grid_range is [\(gridRange.0), \(gridRange.1)]; it must be two finite numbers, lower < upper")
        }
    }
}
