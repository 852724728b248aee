// The layout of the state: pykan's names and shapes, offsets without gap or overlap, parameters first.

import Testing
@testable import SwiftKAN

@Suite struct ArchitectureTests {
    private func architecture() throws -> Architecture {
        try Architecture(
            Settings(sums: [3, 2, 1], multiplications: [0, 2, 1], arities: [2, 3, 2], grid: [4, 6], k: [3, 2]))
    }

    @Test func countsOfLevels() throws {
        let a = try architecture()
        #expect(a.depth == 2 && a.inputs == 3 && a.outputs == 2)
        let (first, second) = (a.layers[0], a.layers[1])
        #expect(first.inputs == 3 && first.outputs == 2 + 5 && first.nodes == 4 && first.arities == [2, 3])
        #expect(second.inputs == 4 && second.outputs == 1 + 2 && second.nodes == 2 && second.arities == [2])
        #expect(first.basisCount == 7 && first.knotCount == 11 && second.basisCount == 8 && second.knotCount == 11)
        #expect(first.edges == 21 && second.edges == 12)
    }

    @Test func blocksTileTheState() throws {
        for (mult, arities) in [([0, 2, 1], [2, 3, 2]), ([0, 0, 0], []), ([0, 1, 0], [1])] {
            let a = try Architecture(
                Settings(sums: [3, 2, 1], multiplications: mult, arities: arities, grid: [4, 1], k: [0, 2]))
            var next = 0
            for block in a.blocks {
                #expect(block.offset == next, "\(block.name)")
                #expect(block.count == block.shape.reduce(1, *))
                next += block.count
                // Parameters first: fixed blocks begin where they end.
                #expect((block.kind == .fixed) == (block.offset >= a.parameterCount), "\(block.name)")
            }
            #expect(next == a.stateCount)
            #expect(Set(a.blocks.map(\.name)).count == a.blocks.count)
        }
    }

    @Test func namesAndShapesArePykans() throws {
        let a = try architecture()
        let shapes = Dictionary(uniqueKeysWithValues: a.blocks.map { ($0.name, $0.shape) })
        #expect(shapes.count == 8 + 6 + 2 + 6)
        #expect(shapes["node_bias_0"] == [4] && shapes["node_scale_1"] == [2])
        #expect(shapes["subnode_bias_0"] == [7] && shapes["subnode_scale_1"] == [3])
        #expect(shapes["act_fun.0.coef"] == [3, 7, 7] && shapes["act_fun.1.coef"] == [4, 3, 8])
        #expect(shapes["act_fun.0.scale_base"] == [3, 7] && shapes["act_fun.1.scale_sp"] == [4, 3])
        #expect(shapes["symbolic_fun.0.affine"] == [7, 3, 4] && shapes["symbolic_fun.1.mask"] == [3, 4])
        #expect(shapes["act_fun.0.grid"] == [3, 11] && shapes["act_fun.1.mask"] == [4, 3])
    }

    @Test func offsetsOfLayersAreThoseOfBlocks() throws {
        let a = try architecture()
        let offsets = Dictionary(uniqueKeysWithValues: a.blocks.map { ($0.name, $0.offset) })
        for (l, shape) in a.layers.enumerated() {
            #expect(offsets["node_bias_\(l)"] == shape.nodeBias && offsets["node_scale_\(l)"] == shape.nodeScale)
            #expect(offsets["subnode_bias_\(l)"] == shape.subnodeBias && offsets["subnode_scale_\(l)"] == shape.subnodeScale)
            #expect(offsets["act_fun.\(l).coef"] == shape.coef && offsets["act_fun.\(l).grid"] == shape.knots)
            #expect(offsets["act_fun.\(l).scale_base"] == shape.scaleBase && offsets["act_fun.\(l).scale_sp"] == shape.scaleSp)
            #expect(offsets["act_fun.\(l).mask"] == shape.mask && offsets["symbolic_fun.\(l).mask"] == shape.symbolicMask)
            #expect(offsets["symbolic_fun.\(l).affine"] == shape.affine)
        }
    }

    @Test func flagsDecideWhatIsTrained() throws {
        let network = try KAN<Double>(Settings(width: [2, 1]))
        func trained() -> Set<String> { Set(network.architecture.blocks.filter { network.isTrainable($0) }.map(\.name)) }
        #expect(trained() == ["act_fun.0.coef", "act_fun.0.scale_base", "act_fun.0.scale_sp", "symbolic_fun.0.affine"])
        network.affineTrainable = true
        network.scaleSpTrainable = false
        network.scaleBaseTrainable = false
        #expect(
            trained() == [
                "act_fun.0.coef", "symbolic_fun.0.affine", "node_bias_0", "node_scale_0", "subnode_bias_0", "subnode_scale_0",
            ])
    }

    @Test func edgesAreCheckedAndFunctionsKept() throws {
        let network = try KAN<Double>(Settings(width: [2, 3, 1]))
        try network.setFunction(.library(.tanh), layer: 0, input: 1, output: 2)
        #expect(try network.function(layer: 0, input: 1, output: 2).name == "tanh")
        #expect(try network.function(layer: 0, input: 0, output: 2).name == "0")
        let before = network.functions
        try network.setFunction(.library(.sin), layer: 1, input: 0, output: 0)
        #expect(network.functions != before)
        try network.setFunction(.library(.zero), layer: 1, input: 0, output: 0)  // as if it had never been set
        #expect(network.functions == before)
        #expect(try KAN(copying: network).function(layer: 0, input: 1, output: 2).name == "tanh")
        for (l, i, o) in [(-1, 0, 0), (2, 0, 0), (0, 2, 0), (0, -1, 0), (0, 0, 3), (1, 0, 1), (0, 0, -1), (.max, 0, 0)] {
            #expect(throws: KANError.self) { try network.function(layer: l, input: i, output: o) }
            #expect(throws: KANError.self) { try network.setFunction(.library(.sin), layer: l, input: i, output: o) }
        }
    }

    @Test func copiesShareNothing() throws {
        let network = try KAN<Double>(Settings(width: [2, 1]))
        let copy = try KAN(copying: network)
        let before = network.numbers
        #expect(copy.numbers == before)
        copy.state[0] = 99
        #expect(network.numbers == before)
    }
}
