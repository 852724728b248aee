// KAN: a Kolmogorov-Arnold network (Liu et al., arXiv 2404.19756; multiplication nodes: arXiv 2408.10205).
//
// What it must get right, in this order:
//   1. All numbers of a network are one array that never moves: users hold views of it, optimisers see it as a vector.
//   2. A network is always valid: a call that fails has changed nothing.
//   3. One network is used by one thread at a time; the bridge's lock sees to that.
//
// The function of a layer, for a sample x (pykan's MultKAN.py, forward):
//   φ_io(x_i) = mask·(scale_base·base(x_i) + scale_sp·Σ_b coef_b B_b(x_i)) + symbolic mask·(c·f(a·x_i + b) + d)
//   z_o = Σ_i φ_io(x_i);  u = subnode_scale·z + subnode_bias;  h = addition nodes of u, products of the rest;
//   next x = node_scale·h + node_bias.

/// How symbolic edges are evaluated.
public struct Evaluation: Sendable {
    /// Use the bounded forms of functions with poles.
    public var avoidSingularities: Bool
    /// The bound of these forms.
    public var yTh: Double

    public init(avoidSingularities: Bool = false, yTh: Double = 10) {
        self.avoidSingularities = avoidSingularities
        self.yTh = yTh
    }
}

/// A Kolmogorov-Arnold network of `Double` or `Float` numbers.
public final class KAN<T: KANScalar>: @unchecked Sendable {
    public let architecture: Architecture
    public let baseFunction: BaseFunction
    /// All numbers; see `Architecture.blocks`.
    let storage: AlignedBuffer<T>
    /// The function on every symbolic edge, layer by layer as (outputs, inputs).
    var functions: [EdgeFunctions]

    public var affineTrainable: Bool
    public var scaleSpTrainable: Bool
    public var scaleBaseTrainable: Bool
    public var symbolicEnabled: Bool
    public var gridEps: Double

    /// Is this a copy for evaluating only: its evaluators take over its numbers once. See `compiled`.
    public private(set) var isCompiled = false

    /// Keeps long calls interruptible; see `Checkpoint`.
    var checkpoint: Checkpoint?
    /// Kept between calls so that a prediction allocates nothing; taken out while in use.
    var spareEvaluators: [Evaluator<T>] = []

    var layers: [LayerShape] { architecture.layers }
    /// The state: `architecture.stateCount` numbers.
    public var state: UnsafeMutablePointer<T> { storage.base }

    /// Makes a network and initialises it as pykan does: the same seed gives the same network.
    ///
    /// - Throws: `KANError.invalid` for settings that describe no network; `KANError.noMemory`.
    public convenience init(_ settings: Settings) throws(KANError) {
        try self.init(uninitialized: settings)
        try initialize(settings)
    }

    /// All numbers zero: for a network whose numbers come from elsewhere.
    init(uninitialized settings: Settings) throws(KANError) {
        architecture = try Architecture(settings)
        baseFunction = settings.baseFunction
        storage = try AlignedBuffer(count: architecture.stateCount)
        functions = architecture.layers.map { _ in EdgeFunctions() }
        affineTrainable = settings.affineTrainable
        scaleSpTrainable = settings.scaleSpTrainable
        scaleBaseTrainable = settings.scaleBaseTrainable
        symbolicEnabled = settings.symbolicEnabled
        gridEps = settings.gridEps
    }

    /// An independent network with the same numbers.
    public init(copying other: KAN) throws(KANError) {
        architecture = other.architecture
        baseFunction = other.baseFunction
        storage = try AlignedBuffer(count: other.architecture.stateCount)
        storage.base.update(from: other.storage.base, count: other.architecture.stateCount)
        functions = other.functions
        affineTrainable = other.affineTrainable
        scaleSpTrainable = other.scaleSpTrainable
        scaleBaseTrainable = other.scaleBaseTrainable
        symbolicEnabled = other.symbolicEnabled
        gridEps = other.gridEps
    }

    /// A copy for evaluating only, which is quicker for few samples: a network multiplies its masks, scales and coefficients anew in
    /// every call, because they may have been changed through views; the copy has done so once, and must not be changed.
    public func compiled() throws(KANError) -> KAN {
        let copy = try KAN(copying: self)
        copy.isCompiled = true
        return copy
    }

    /// Does training change this block, with the flags as they are now.
    public func isTrainable(_ block: StateBlock) -> Bool {
        switch block.kind {
        case .coef, .affine: true
        case .nodeAffine: affineTrainable
        case .scaleBase: scaleBaseTrainable
        case .scaleSp: scaleSpTrainable
        case .fixed: false
        }
    }

    /// Is any symbolic edge switched on.
    var hasSymbolicEdges: Bool {
        symbolicEnabled && layers.contains { !RowComparison.areAll(state + $0.symbolicMask, $0.edges, 0) }
    }

    /// Is any numeric edge switched on. Where none is, the grids are without effect.
    var hasNumericEdges: Bool {
        layers.contains { shape in (0..<shape.edges).contains { state[shape.mask + $0] != 0 } }
    }

    /// Do regularisers take the values of single edges: where symbolic edges are switched on they must, and where no layer has the wide
    /// form, their rows are kept from one sweep to the next.
    var regularizesSingleEdges: Bool { hasSymbolicEdges || !layers.contains { FoldedLayer<T>.wideUses($0, mask: state + $0.mask).contains(.regularizers) } }

    /// The function on the edge from node `i` to subnode `o` of layer `l`.
    public func function(layer l: Int, input i: Int, output o: Int) throws(KANError) -> EdgeFunction {
        functions[l][try edgeIndex(l, i, o)]
    }

    public func setFunction(_ function: EdgeFunction, layer l: Int, input i: Int, output o: Int) throws(KANError) {
        functions[l][try edgeIndex(l, i, o)] = function
    }

    public func setFunction(_ function: SymbolicFunction, layer l: Int, input i: Int, output o: Int) throws(KANError) {
        try setFunction(.library(function), layer: l, input: i, output: o)
    }

    private func edgeIndex(_ l: Int, _ i: Int, _ o: Int) throws(KANError) -> Int {
        guard l >= 0, l < layers.count else { throw .invalid("l is \(l); it must be 0 … \(layers.count - 1)") }
        guard i >= 0, i < layers[l].inputs else { throw .invalid("i is \(i); it must be 0 … \(layers[l].inputs - 1)") }
        guard o >= 0, o < layers[l].outputs else { throw .invalid("j is \(o); it must be 0 … \(layers[l].outputs - 1)") }
        return o * layers[l].inputs + i
    }
}
