// CellSearch: the cells of a whole vector of numbers at once, for grids of few cells, and the samples that lie in the same.
//
// What it must get right, in this order:
//   1. The cells of `LocalBSpline.locate`: the last knot that x has reached; `cells` outside the knots and for NaN.
//   2. No branch on the data and no table: x is compared with every knot, which for up to `searchedCells` cells takes less than
//      finding the cells of single numbers.
//
// Written for the concrete types, as VectorOperations.swift is, and for the same reason.

import CVector

/// Grids of more cells than this are left to `LocalBSpline.locate`.
let searchedCells = 64

extension Float {
    /// - Parameters:
    ///   - t: the cells' `cells + 1` knots.
    ///   - first: receives the first of the k + 1 functions of the cell: the number of knots t[k + 1] … t[cells - k - 1] that x has reached.
    ///   - cell: receives the cells.
    @inline(__always)
    public static func findCells(
        _ x: SIMD16<Float>, _ t: UnsafePointer<Float>, cells: Int, k: Int, first: UnsafeMutablePointer<Int32>,
        cell: UnsafeMutablePointer<Int32>
    ) {
        let inner = reached(x, t, from: k &+ 1, to: cells &- k, .zero)
        let all = reached(x, t, from: cells &- k, to: cells, reached(x, t, from: 1, to: k &+ 1, inner))
        let outside = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: cells))
        UnsafeMutableRawPointer(first).assumingMemoryBound(to: SIMD16<Int32>.self).pointee = inner
        UnsafeMutableRawPointer(cell).assumingMemoryBound(to: SIMD16<Int32>.self).pointee =
            outside.replacing(with: all, where: (x .>= t[0]) .& (x .< t[cells]))
    }

    /// `counts` and the number of knots `from ..< to` that x has reached.
    @inline(__always)
    private static func reached(
        _ x: SIMD16<Float>, _ t: UnsafePointer<Float>, from: Int, to: Int, _ counts: SIMD16<Int32>
    ) -> SIMD16<Int32> {
        var (counts, j) = (counts, from)
        while j < to {
            counts = counts &+ SIMD16<Int32>.zero.replacing(with: 1, where: x .>= t[j])
            j = j &+ 1
        }
        return counts
    }
}

extension Double {
    @inline(__always)
    public static func findCells(
        _ x: SIMD8<Double>, _ t: UnsafePointer<Double>, cells: Int, k: Int, first: UnsafeMutablePointer<Int32>,
        cell: UnsafeMutablePointer<Int32>
    ) {
        let inner = reached(x, t, from: k &+ 1, to: cells &- k, .zero)
        let all = reached(x, t, from: cells &- k, to: cells, reached(x, t, from: 1, to: k &+ 1, inner))
        let outside = SIMD8<Int64>(repeating: Int64(cells))
        let found = outside.replacing(with: all, where: (x .>= t[0]) .& (x .< t[cells]))
        UnsafeMutableRawPointer(first).assumingMemoryBound(to: SIMD8<Int32>.self).pointee = swiftkan_int8_of_long8(inner)
        UnsafeMutableRawPointer(cell).assumingMemoryBound(to: SIMD8<Int32>.self).pointee = swiftkan_int8_of_long8(found)
    }

    @inline(__always)
    private static func reached(
        _ x: SIMD8<Double>, _ t: UnsafePointer<Double>, from: Int, to: Int, _ counts: SIMD8<Int64>
    ) -> SIMD8<Int64> {
        var (counts, j) = (counts, from)
        while j < to {
            counts = counts &+ SIMD8<Int64>.zero.replacing(with: 1, where: x .>= t[j])
            j = j &+ 1
        }
        return counts
    }
}

/// For f = 0 ..< functions the samples whose first function is f, as bits.
///
/// - Parameters:
///   - first: (samples), at most 64, with room for a multiple of 16.
///   - run: (functions)
@inline(__always)
func listRuns(_ first: UnsafePointer<Int32>, _ samples: Int, functions: Int, into run: UnsafeMutablePointer<UInt64>) {
    #if SWIFTKAN_AVX512
    let vectors = UnsafeRawPointer(first).assumingMemoryBound(to: SIMD16<Int32>.self)
    let all = UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- samples)
    for f in 0..<functions {
        var bits: UInt64 = 0
        var s = 0
        while s < samples {
            let equal = swiftkan_lanes_equal(vectors[s / 16], Int32(truncatingIfNeeded: f))
            bits |= UInt64(equal) &<< UInt64(truncatingIfNeeded: s)
            s = s &+ 16
        }
        run[f] = bits & all
    }
    #else
    for f in 0..<functions { run[f] = 0 }
    for s in 0..<samples { run[Int(first[s])] |= 1 &<< UInt64(truncatingIfNeeded: s) }
    #endif
}

/// The number of the lowest bit of a run, which is taken away.
@inline(__always)
func nextBit(_ run: inout UInt64) -> Int {
    defer { run &= run &- 1 }
    return run.trailingZeroBitCount
}
