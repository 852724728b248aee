// Architecture: the shape of a network, and where each of its numbers stands in the one array that holds them all.
//
// What it must get right, in this order:
//   1. One layout for all: optimisers, saving, gradients and the views that users see share these offsets.
//   2. pykan's names and shapes, so that a state_dict of either library can be read by the other.
//   3. Parameters first, in pykan's order, then grids and masks: a gradient is an array of `parameterCount` numbers.
//
// Legend, used by every kernel: l layer, i its input node, o (pykan: j) its output subnode, b basis function, s sample;
// G = `grid` intervals, nb = G + k basis functions.

/// The shape of one layer and the offsets of its blocks in the state.
public struct LayerShape: Sendable {
    /// Nodes of level l.
    public let inputs: Int
    /// Subnodes of level l + 1: its addition nodes and the factors of its multiplication nodes.
    public let outputs: Int
    /// Addition nodes of level l + 1.
    public let sums: Int
    /// The number of factors of each multiplication node of level l + 1.
    public let arities: [Int]
    public let grid: Int
    public let k: Int

    /// Nodes of level l + 1.
    public var nodes: Int { sums + arities.count }
    /// Basis functions of a spline.
    public var basisCount: Int { grid + k }
    /// Knots of a spline: G + 1 and k more at either side.
    public var knotCount: Int { grid + 1 + 2 * k }
    /// Edges, also those that masks switch off.
    public var edges: Int { inputs * outputs }

    // Offsets in the state.
    var nodeBias = 0, nodeScale = 0, subnodeBias = 0, subnodeScale = 0  // (nodes), (nodes), (outputs), (outputs)
    var coef = 0  // (inputs, outputs, nb)
    var scaleBase = 0, scaleSp = 0  // (inputs, outputs)
    var affine = 0  // (outputs, inputs, 4)
    var knots = 0  // (inputs, G + 1 + 2k)
    var mask = 0  // (inputs, outputs)
    var symbolicMask = 0  // (outputs, inputs)
}

/// A named part of the state.
public struct StateBlock: Sendable {
    public enum Kind: Sendable {
        case nodeAffine, coef, scaleBase, scaleSp, affine, fixed
    }
    /// pykan's name, such as `act_fun.0.coef`.
    public let name: String
    public let shape: [Int]
    public let offset: Int
    public let kind: Kind
    public var count: Int { shape.reduce(1, *) }
}

/// The shape of a network.
public struct Architecture: Sendable {
    public let layers: [LayerShape]
    public let blocks: [StateBlock]
    public let parameterCount: Int
    public let stateCount: Int

    public var depth: Int { layers.count }
    public var inputs: Int { layers[0].inputs }
    public var outputs: Int { layers[layers.count - 1].nodes }

    /// - Throws: `KANError.invalid` if the settings do not describe a network, or one too large to address.
    public init(_ settings: Settings) throws(KANError) {
        try settings.checked()
        var layers: [LayerShape] = []
        var used = 0
        for l in 0..<(settings.sums.count - 1) {
            let mult = settings.multiplications[l + 1]
            let arities = Array(settings.arities[used..<(used + mult)])
            used += mult
            layers.append(
                LayerShape(
                    inputs: settings.sums[l] + settings.multiplications[l],
                    outputs: settings.sums[l + 1] + arities.reduce(0, +),
                    sums: settings.sums[l + 1], arities: arities, grid: settings.grid[l], k: settings.k[l]))
        }
        // Offsets are given out after this bound holds, so their sums cannot overflow.
        var total = 0.0
        for shape in layers {
            let (inputs, outputs) = (Double(shape.inputs), Double(shape.outputs))
            total += inputs * outputs * Double(shape.basisCount + 9) + inputs * Double(shape.knotCount)
            total += 2 * Double(shape.nodes) + 2 * outputs
        }
        guard total < Double(1 << 40) else {
            throw .invalid("width, grid and k ask for \(total) numbers, more than can be addressed; make them smaller")
        }

        var blocks: [StateBlock] = []
        var offset = 0
        func add(_ name: String, _ shape: [Int], _ kind: StateBlock.Kind) -> Int {
            let block = StateBlock(name: name, shape: shape, offset: offset, kind: kind)
            blocks.append(block)
            offset += block.count
            return block.offset
        }
        for l in layers.indices {
            let (nodes, outputs) = (layers[l].nodes, layers[l].outputs)
            layers[l].nodeBias = add("node_bias_\(l)", [nodes], .nodeAffine)
            layers[l].nodeScale = add("node_scale_\(l)", [nodes], .nodeAffine)
            layers[l].subnodeBias = add("subnode_bias_\(l)", [outputs], .nodeAffine)
            layers[l].subnodeScale = add("subnode_scale_\(l)", [outputs], .nodeAffine)
        }
        for l in layers.indices {
            let (inputs, outputs, nb) = (layers[l].inputs, layers[l].outputs, layers[l].basisCount)
            layers[l].coef = add("act_fun.\(l).coef", [inputs, outputs, nb], .coef)
            layers[l].scaleBase = add("act_fun.\(l).scale_base", [inputs, outputs], .scaleBase)
            layers[l].scaleSp = add("act_fun.\(l).scale_sp", [inputs, outputs], .scaleSp)
        }
        for l in layers.indices {
            layers[l].affine = add("symbolic_fun.\(l).affine", [layers[l].outputs, layers[l].inputs, 4], .affine)
        }
        parameterCount = offset
        for l in layers.indices {
            let (inputs, outputs) = (layers[l].inputs, layers[l].outputs)
            layers[l].knots = add("act_fun.\(l).grid", [inputs, layers[l].knotCount], .fixed)
            layers[l].mask = add("act_fun.\(l).mask", [inputs, outputs], .fixed)
            layers[l].symbolicMask = add("symbolic_fun.\(l).mask", [outputs, inputs], .fixed)
        }
        stateCount = offset
        self.layers = layers
        self.blocks = blocks
    }
}
