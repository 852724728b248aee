// CellTables: the k + 1 basis functions at a whole vector of numbers, by tables of a few cells that every lane looks up at once.
//
// A row of a table is one coefficient of one function's polynomial, over the cells; two more rows hold the cells' first knots and
// inverse lengths. With AVX-512 a vector of lanes looks up a row of 16 or 32 entries in one instruction, where sample by sample every
// one reads its cell's polynomials.
//
// What it must get right, in this order:
//   1. The bits of `LocalBSpline.values` and `derivatives`: the same operations in the same order in every lane.
//   2. Outside the knots is one more cell; NaN comes through.
//
// Written for the concrete types, as VectorOperations.swift is, and for the same reason.

#if SWIFTKAN_AVX512
import CVector
#endif

/// How tables of an input's cells are laid out.
struct CellTables {
    /// Entries of a row; 0 where there are no tables.
    let entries: Int
    let k: Int

    /// - Parameter most: entries of the longest row that can be looked up.
    init(cells: Int, k: Int, most: Int) {
        self.k = k
        let fits = k <= 3 && cells < most
        entries = fits ? (cells < 16 ? 16 : 32) : 0  // one more than cells
    }

    var rows: Int { (k + 1) * (k + 1) + 2 }
    /// Numbers of an input's tables.
    var count: Int { entries * rows }
    /// Where the coefficients of u^power of function j begin.
    @inline(__always)
    func polynomial(_ power: Int, _ j: Int) -> Int { (power &* (k &+ 1) &+ j) &* entries }
    @inline(__always)
    var knots: Int { (k &+ 1) &* (k &+ 1) &* entries }
    @inline(__always)
    var inverse: Int { knots &+ entries }
}

extension Float {
    #if SWIFTKAN_AVX512
    public static var tableEntries: Int { 32 }
    #else
    public static var tableEntries: Int { 0 }
    #endif

    /// Writes the functions' values, or derivatives if `slopes`, at the numbers of a vector to the first four of every slot.
    ///
    /// - Parameters:
    ///   - tables: as `CellTables` of so many entries and degree K ≤ 3 lays them out.
    ///   - cells: (lanes): the numbers' cells.
    ///   - x: the numbers, moved to between the knots.
    ///   - step: from a number's slot to the next one's.
    @inline(__always)
    public static func fillSlots<K: Constant, Entries: Constant>(
        _: K.Type, _: Entries.Type, _ tables: UnsafePointer<Float>, _ cells: UnsafePointer<Int32>, _ x: SIMD16<Float>, slopes: Bool,
        into slots: UnsafeMutablePointer<Float>, step: Int
    ) {
        #if SWIFTKAN_AVX512
        let index = UnsafeRawPointer(cells).assumingMemoryBound(to: SIMD16<Int32>.self).pointee
        let (k, functions) = (K.value, K.value &+ 1)
        @inline(__always)
        func row(_ number: Int) -> SIMD16<Float> {
            Entries.value == 16
                ? swiftkan_lookup_float_short(tables + number &* 16, index) : swiftkan_lookup_float(tables + number &* 32, index)
        }
        let inverse = row(functions &* functions &+ 1)
        let u = (x - row(functions &* functions)) * inverse
        @inline(__always)
        func value(_ j: Int) -> SIMD16<Float> {
            var value = row(k &* functions &+ j)
            if k > 2 { value = multiplyAdd(value, u, row(2 &* functions &+ j)) }
            if k > 1 { value = multiplyAdd(value, u, row(functions &+ j)) }
            return multiplyAdd(value, u, row(j))
        }
        @inline(__always)
        func slope(_ j: Int) -> SIMD16<Float> {
            var value = multiplyAdd(row(k &* functions &+ j), SIMD16(repeating: Float(k)), .zero)
            if k > 2 { value = multiplyAdd(value, u, multiplyAdd(row(2 &* functions &+ j), SIMD16(repeating: 2), .zero)) }
            if k > 1 { value = multiplyAdd(value, u, multiplyAdd(row(functions &+ j), SIMD16(repeating: 1), .zero)) }
            return multiplyAdd(value, inverse + u * 0, .zero)
        }
        if slopes {
            swiftkan_store_floats(slope(0), slope(1), k > 1 ? slope(2) : .zero, k > 2 ? slope(3) : .zero, slots, Int64(step))
        } else {
            swiftkan_store_floats(value(0), value(1), k > 1 ? value(2) : .zero, k > 2 ? value(3) : .zero, slots, Int64(step))
        }
        #endif
    }
}

extension Double {
    #if SWIFTKAN_AVX512
    public static var tableEntries: Int { 16 }
    #else
    public static var tableEntries: Int { 0 }
    #endif

    @inline(__always)
    public static func fillSlots<K: Constant, Entries: Constant>(
        _: K.Type, _: Entries.Type, _ tables: UnsafePointer<Double>, _ cells: UnsafePointer<Int32>, _ x: SIMD8<Double>, slopes: Bool,
        into slots: UnsafeMutablePointer<Double>, step: Int
    ) {
        #if SWIFTKAN_AVX512
        let index = SIMD8<Int64>(truncatingIfNeeded: UnsafeRawPointer(cells).assumingMemoryBound(to: SIMD8<Int32>.self).pointee)
        let (k, functions) = (K.value, K.value &+ 1)
        @inline(__always)
        func row(_ number: Int) -> SIMD8<Double> {
            swiftkan_lookup_double(tables + number &* 16, index)
        }
        let inverse = row(functions &* functions &+ 1)
        let u = (x - row(functions &* functions)) * inverse
        @inline(__always)
        func value(_ j: Int) -> SIMD8<Double> {
            var value = row(k &* functions &+ j)
            if k > 2 { value = multiplyAdd(value, u, row(2 &* functions &+ j)) }
            if k > 1 { value = multiplyAdd(value, u, row(functions &+ j)) }
            return multiplyAdd(value, u, row(j))
        }
        @inline(__always)
        func slope(_ j: Int) -> SIMD8<Double> {
            var value = multiplyAdd(row(k &* functions &+ j), SIMD8(repeating: Double(k)), .zero)
            if k > 2 { value = multiplyAdd(value, u, multiplyAdd(row(2 &* functions &+ j), SIMD8(repeating: 2), .zero)) }
            if k > 1 { value = multiplyAdd(value, u, multiplyAdd(row(functions &+ j), SIMD8(repeating: 1), .zero)) }
            return multiplyAdd(value, inverse + u * 0, .zero)
        }
        if slopes {
            swiftkan_store_doubles(slope(0), slope(1), k > 1 ? slope(2) : .zero, k > 2 ? slope(3) : .zero, slots, Int64(step))
        } else {
            swiftkan_store_doubles(value(0), value(1), k > 1 ? value(2) : .zero, k > 2 ? value(3) : .zero, slots, Int64(step))
        }
        #endif
    }
}
