// Blocks of samples: loading, storing, the lanes beyond the samples, and memory that does not overlap.

import Testing
@testable import SwiftKAN

@Suite struct WorkspaceTests {
    @Test(arguments: [1, 5, 8, 9, 16])
    func loadAndStore(count: Int) throws {
        let w = try Workspace(try narrowLayers(Double.self, Settings(width: [3, 2])), capacity: 2)
        w.begin(count)
        #expect(w.samples == count && w.nv == (count + 7) / 8)
        let source = uniform(count * 3, seed: 1)
        w.load(source, columns: 3, into: w.level(0))
        let row = UnsafeMutableRawPointer(w.level(0)).assumingMemoryBound(to: Double.self)
        let valid = UnsafeMutableRawPointer(w.valid).assumingMemoryBound(to: Double.self)
        for s in 0..<(w.nv * 8) {
            #expect(valid[s] == (s < count ? 1 : 0))
            // Lanes beyond the samples repeat the last one: finite numbers of the data's own size.
            for c in 0..<3 { #expect(row[c * w.nv * 8 + s] == source[min(s, count - 1) * 3 + c]) }
        }
        var target = [Double](repeating: .nan, count: count * 3 + 1)
        w.store(w.level(0), columns: 3, into: &target)
        #expect(Array(target[..<(count * 3)]) == source && target[count * 3].isNaN)
        w.clearPadding(w.level(0), rows: 3)
        for s in 0..<(w.nv * 8) {
            for c in 0..<3 { #expect(row[c * w.nv * 8 + s] == (s < count ? source[s * 3 + c] : 0)) }
        }
    }

    /// Every array of rows is written in full with a number of its own; none has changed another.
    @Test func rowsDoNotOverlap() throws {
        let layers = try narrowLayers(
            Float.self, Settings(sums: [2, 1, 1], multiplications: [0, 2, 0], arities: [2, 3], grid: [3, 5], k: [3, 2]))
        let capacity = 4
        let w = try Workspace(layers, capacity: capacity)
        var arrays: [(UnsafeMutablePointer<Float.Vector>, Int)] = []
        for (rows, shape) in zip(w.layers, layers.map(\.shape)) {
            let basis = shape.inputs * (shape.basisCount + 1)
            arrays += [(rows.x, shape.inputs), (rows.basis, basis), (rows.derivative, basis)]
            arrays += [(rows.z, shape.outputs), (rows.u, shape.outputs), (rows.h, shape.nodes)]
        }
        arrays += [(w.output, 1), (w.dx, 3), (w.dz, 6), (w.valid, 1), (w.edge, 1), (w.symbolicEdge, 1), (w.argument, 1)]
        arrays += [(w.value, 1), (w.slope, 1), (w.pull, RowGroup<Float>.count)]
        for (number, (pointer, rows)) in arrays.enumerated() {
            for v in 0..<(rows * capacity) { pointer[v] = Float.Vector(repeating: Float(number)) }
        }
        let scratch = BSplineTable<Float>.scratchCount(grid: 5, k: 2)
        for v in 0..<scratch { w.scratch[v] = Float.Vector(repeating: -1) }
        for (number, (pointer, rows)) in arrays.enumerated() {
            for v in 0..<(rows * capacity) { #expect(pointer[v] == Float.Vector(repeating: Float(number))) }
            #expect(UInt(bitPattern: pointer) % 64 == 0)
        }
    }

    /// The block's size is a power of two that depends on the network alone, and shrinks for wide ones.
    @Test func rowCapacity() throws {
        #expect(Workspace<Double>.rowCapacity(try narrowLayers(Double.self, Settings(width: [2, 5, 1]))) == 16)
        for (inputs, capacity) in [(500, 16), (4000, 16), (10_000, 8), (80_000, 1)] {
            #expect(Workspace<Double>.rowCapacity(try narrowLayers(Double.self, Settings(width: [inputs, 3]))) == capacity)
        }
    }

    @Test func memoryIsZeroAndAligned() throws {
        let buffer = try AlignedBuffer<Double>(count: 13)
        #expect(UInt(bitPattern: buffer.base) % 64 == 0 && (0..<16).allSatisfy { buffer.base[$0] == 0 })
        buffer.base[3] = 5
        buffer.fillWithZero()
        #expect(buffer.base[3] == 0)
        do throws(KANError) {
            _ = try AlignedBuffer<Double>(count: Int.max / 16)
            Issue.record("an impossible allocation succeeded")
        } catch {
            guard case .noMemory = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(throws: KANError.self) { try AlignedBuffer<Double>(count: Int.max - 20) }
    }
}
