// CellTables: the k + 1 basis functions at a whole vector of numbers, by tables of a few cells that every lane looks up at once.
//
// A row of a table is one coefficient of one function's polynomial, over the cells; two more rows hold the cells' first knots and
// inverse lengths. With AVX-512 a vector of lanes looks up a row of 16 or 32 entries in one instruction, where sample by sample every
// one reads its cell's polynomials. Other builds have no tables.
//
// What it must get right, in this order:
//   1. The bits of `LocalBSpline.values` and `derivatives`: the same operations in the same order in every lane.
//   2. Outside the knots is one more cell; NaN comes through.

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
        let fits = k <= 3 && cells < most
        self.init(entries: fits ? (cells < 16 ? 16 : 32) : 0, k: k)  // one more than cells
    }

    @inline(__always)
    init(entries: Int, k: Int) { (self.entries, self.k) = (entries, k) }

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

extension KANScalar {
    /// Writes the k + 1 functions' values, or derivatives if `slopes`, at the numbers of a vector: a vector a function.
    ///
    /// - Parameters:
    ///   - tables: as `CellTables` of so many entries and degree K ≤ 3 lays them out.
    ///   - cells: (lanes): the numbers' cells.
    ///   - x: the numbers, moved to between the knots.
    ///   - step: vectors from a function to the next one.
    @inline(__always)
    static func lookUpFunctions<K: Constant, Entries: Constant>(
        _: K.Type, _: Entries.Type, _ tables: UnsafePointer<Self>, _ cells: UnsafePointer<Int32>, _ x: Vector, slopes: Bool,
        into functions: UnsafeMutablePointer<Vector>, step: Int
    ) {
        let (k, layout) = (K.value, CellTables(entries: Entries.value, k: K.value))
        @inline(__always)
        func row(_ start: Int) -> Vector { lookUp(Entries.self, tables + start, cells) }
        @inline(__always)
        func coefficient(_ power: Int, _ j: Int) -> Vector { row(layout.polynomial(power, j)) }
        let inverse = row(layout.inverse)
        let u = (x - row(layout.knots)) * inverse
        @inline(__always)
        func value(_ j: Int) -> Vector {
            var value = coefficient(k, j)
            if k > 2 { value = multiplyAdd(value, u, coefficient(2, j)) }
            if k > 1 { value = multiplyAdd(value, u, coefficient(1, j)) }
            return multiplyAdd(value, u, coefficient(0, j))
        }
        @inline(__always)
        func slope(_ j: Int) -> Vector {
            var value = multiplyAdd(coefficient(k, j), Vector(repeating: Self(k)), .zero)
            if k > 2 { value = multiplyAdd(value, u, multiplyAdd(coefficient(2, j), Vector(repeating: 2), .zero)) }
            if k > 1 { value = multiplyAdd(value, u, multiplyAdd(coefficient(1, j), Vector(repeating: 1), .zero)) }
            return multiplyAdd(value, inverse + u * Vector(repeating: 0), .zero)
        }
        functions[0] = slopes ? slope(0) : value(0)
        functions[step] = slopes ? slope(1) : value(1)
        if k > 1 { functions[2 &* step] = slopes ? slope(2) : value(2) }
        if k > 2 { functions[3 &* step] = slopes ? slope(3) : value(3) }
    }
}

extension Float {
    #if SWIFTKAN_AVX512
    public static var tableEntries: Int { 32 }

    @inline(__always)
    public static func lookUp<Entries: Constant>(
        _: Entries.Type, _ row: UnsafePointer<Float>, _ cells: UnsafePointer<Int32>
    ) -> SIMD16<Float> {
        let index = UnsafeRawPointer(cells).assumingMemoryBound(to: SIMD16<Int32>.self).pointee
        return Entries.value == 16 ? swiftkan_lookup_float_short(row, index) : swiftkan_lookup_float(row, index)
    }
    @inline(__always)
    public static func indexes(_ p: UnsafePointer<Int32>) -> SIMD16<Float> {
        unsafeBitCast(UnsafeRawPointer(p).assumingMemoryBound(to: SIMD16<Int32>.self).pointee, to: SIMD16<Float>.self)
    }
    @inline(__always)
    public static func next(_ index: SIMD16<Float>) -> SIMD16<Float> {
        unsafeBitCast(unsafeBitCast(index, to: SIMD16<Int32>.self) &+ 1, to: SIMD16<Float>.self)
    }
    @inline(__always)
    public static func pick(_ table: SIMD16<Float>, _ index: SIMD16<Float>) -> SIMD16<Float> {
        swiftkan_pick_float(table, unsafeBitCast(index, to: SIMD16<Int32>.self))
    }
    @inline(__always)
    public static func pick(_ low: SIMD16<Float>, _ high: SIMD16<Float>, _ index: SIMD16<Float>) -> SIMD16<Float> {
        swiftkan_pick_float_of_two(low, unsafeBitCast(index, to: SIMD16<Int32>.self), high)
    }
    #else
    public static var tableEntries: Int { 0 }
    #endif
}

extension Double {
    #if SWIFTKAN_AVX512
    public static var tableEntries: Int { 16 }

    @inline(__always)
    public static func lookUp<Entries: Constant>(
        _: Entries.Type, _ row: UnsafePointer<Double>, _ cells: UnsafePointer<Int32>
    ) -> SIMD8<Double> {
        let index = UnsafeRawPointer(cells).assumingMemoryBound(to: SIMD8<Int32>.self).pointee
        return swiftkan_lookup_double(row, swiftkan_long8_of_int8(index))
    }
    @inline(__always)
    public static func indexes(_ p: UnsafePointer<Int32>) -> SIMD8<Double> {
        let index = UnsafeRawPointer(p).assumingMemoryBound(to: SIMD8<Int32>.self).pointee
        return unsafeBitCast(swiftkan_long8_of_int8(index), to: SIMD8<Double>.self)
    }
    @inline(__always)
    public static func next(_ index: SIMD8<Double>) -> SIMD8<Double> {
        unsafeBitCast(unsafeBitCast(index, to: SIMD8<Int64>.self) &+ 1, to: SIMD8<Double>.self)
    }
    @inline(__always)
    public static func pick(_ table: SIMD8<Double>, _ index: SIMD8<Double>) -> SIMD8<Double> {
        swiftkan_pick_double(table, unsafeBitCast(index, to: SIMD8<Int64>.self))
    }
    @inline(__always)
    public static func pick(_ low: SIMD8<Double>, _ high: SIMD8<Double>, _ index: SIMD8<Double>) -> SIMD8<Double> {
        swiftkan_pick_double_of_two(low, unsafeBitCast(index, to: SIMD8<Int64>.self), high)
    }
    #else
    public static var tableEntries: Int { 0 }
    #endif
}

#if !SWIFTKAN_AVX512
extension KANScalar {
    // Where there are no tables nothing calls these.
    public static func lookUp<Entries: Constant>(
        _: Entries.Type, _ row: UnsafePointer<Self>, _ cells: UnsafePointer<Int32>
    ) -> Vector {
        var values = Vector.zero
        for lane in 0..<lanes { values[lane] = row[Int(cells[lane])] }
        return values
    }
    public static func indexes(_ p: UnsafePointer<Int32>) -> Vector { .zero }
    public static func next(_ index: Vector) -> Vector { index }
    public static func pick(_ table: Vector, _ index: Vector) -> Vector { table }
    public static func pick(_ low: Vector, _ high: Vector, _ index: Vector) -> Vector { low }
}
#endif
