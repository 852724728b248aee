// KANScalar: the two number types of the engine, Double and Float, and their SIMD vectors.
//
// What it must get right, in this order:
//   1. A lane's result never depends on its neighbours: a sample's prediction must not depend on its batch.
//   2. One name for one thing in generic kernels: `T` is the scalar, `T.Vector` holds `T.lanes` samples.
//   3. Elementary functions of a single number come from the C library, correct to about one unit in the last place.

/// A floating-point type that networks can be made of: `Double` or `Float`.
///
/// `Vector` holds one 64-byte cache line of samples (8 doubles or 16 floats), the unit in which kernels work.
public protocol KANScalar: BinaryFloatingPoint, SIMDScalar, Sendable, Codable, CustomStringConvertible {
    associatedtype Vector: KANVector where Vector.Scalar == Self

    static func exp(_ x: Self) -> Self
    static func log(_ x: Self) -> Self
    static func log1p(_ x: Self) -> Self
    static func sin(_ x: Self) -> Self
    static func cos(_ x: Self) -> Self
    static func tan(_ x: Self) -> Self
    static func tanh(_ x: Self) -> Self
    static func atanh(_ x: Self) -> Self
    static func asin(_ x: Self) -> Self
    static func acos(_ x: Self) -> Self
    static func atan(_ x: Self) -> Self

    /// The number cut to an integer; it must be one that fits. (`Int(x)` of a generic x is a slow call.)
    var truncated: Int { get }

    /// eˣ in every lane, within 2 units in the last place; see `VectorExp.swift`.
    static func exp(_ x: Vector) -> Vector

    // Arithmetic of shorter vectors; see `KANVector.swift`.
    static func repeated(_ x: Self) -> SIMD4<Self>
    static func sum(_ a: SIMD4<Self>, _ b: SIMD4<Self>) -> SIMD4<Self>
    static func difference(_ a: SIMD4<Self>, _ b: SIMD4<Self>) -> SIMD4<Self>
    static func product(_ a: SIMD4<Self>, _ b: SIMD4<Self>) -> SIMD4<Self>
    static func quotient(_ a: SIMD4<Self>, _ b: SIMD4<Self>) -> SIMD4<Self>
    static func repeated(_ x: Self) -> SIMD8<Self>
    static func sum(_ a: SIMD8<Self>, _ b: SIMD8<Self>) -> SIMD8<Self>
    static func difference(_ a: SIMD8<Self>, _ b: SIMD8<Self>) -> SIMD8<Self>
    static func product(_ a: SIMD8<Self>, _ b: SIMD8<Self>) -> SIMD8<Self>
    static func quotient(_ a: SIMD8<Self>, _ b: SIMD8<Self>) -> SIMD8<Self>

    // Comparisons; see `VectorOperations.swift`.
    static func atLeast(_ x: Vector, _ t: Self) -> Vector
    static func above(_ x: Vector, _ t: Self) -> Vector
    static func clamp(_ x: Vector, _ low: Self, _ high: Self) -> Vector
    static func zeroWhereZero(_ x: Vector, _ g: Vector) -> Vector
    static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector
    static func multiplySubtract(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector
    static func multiplyAdd(_ a: SIMD8<Self>, _ b: SIMD8<Self>, _ c: SIMD8<Self>) -> SIMD8<Self>
    static func doubles(_ x: SIMD8<Self>) -> SIMD8<Double>
    static func numbers(_ x: SIMD8<Double>) -> SIMD8<Self>
    static func hat(_ a: Vector, _ b: Vector) -> Vector
    static func total(_ x: Vector) -> Self
    static func totals(_ vectors: UnsafeMutablePointer<Vector>, _ count: Int)
    static func rounded(_ x: Self) -> Int
    // Rows into columns and back; see `Transposition.swift`.
    static func columns(of p: UnsafePointer<Self>, stride: Int, into columns: UnsafeMutablePointer<Vector>)
    static func rows(of columns: UnsafeMutablePointer<Vector>, into p: UnsafeMutablePointer<Self>, stride: Int)
    /// The cells of a vector of numbers; see `CellSearch.swift`.
    static func findCells(
        _ x: Vector, _ t: UnsafePointer<Self>, cells: Int, k: Int, first: UnsafeMutablePointer<Int32>,
        cell: UnsafeMutablePointer<Int32>)
    /// Entries of the longest table that every lane can look up at once, or 0, and the looking up; see `CellTables.swift`.
    static var tableEntries: Int { get }
    static func lookUp<Entries: Constant>(_: Entries.Type, _ row: UnsafePointer<Self>, _ cells: UnsafePointer<Int32>) -> Vector
    /// What every lane picks from one vector, or of two, by numbers that `indexes` makes of integers and `next` adds 1 to; see `CellKernels.swift`.
    static func indexes(_ p: UnsafePointer<Int32>) -> Vector
    static func next(_ index: Vector) -> Vector
    static func pick(_ table: Vector, _ index: Vector) -> Vector
    static func pick(_ low: Vector, _ high: Vector, _ index: Vector) -> Vector
    /// 1 / (1 + e^-x) in every lane; see `VectorExp.swift`.
    static func sigmoid(_ x: Vector) -> Vector
}

extension KANScalar {
    /// Samples a vector holds.
    @inline(__always) static var lanes: Int { Vector.scalarCount }

    /// g·value, 0 where g is: the value of a node that nothing uses may be infinite or NaN.
    @inline(__always)
    static func times(_ g: Self, _ value: Self) -> Self { g == 0 ? 0 : g * value }

    /// Eight numbers that stand beside one another, in double precision.
    @inline(__always)
    static func eight(_ p: UnsafePointer<Self>) -> SIMD8<Double> {
        doubles(UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Self>.self))
    }
}

extension Double: KANScalar {
    public typealias Vector = SIMD8<Double>

    public var truncated: Int { Int(self) }

    public static func exp(_ x: Double) -> Double { cExp(x) }
    public static func log(_ x: Double) -> Double { cLog(x) }
    public static func log1p(_ x: Double) -> Double { cLog1p(x) }
    public static func sin(_ x: Double) -> Double { cSin(x) }
    public static func cos(_ x: Double) -> Double { cCos(x) }
    public static func tan(_ x: Double) -> Double { cTan(x) }
    public static func tanh(_ x: Double) -> Double { cTanh(x) }
    public static func atanh(_ x: Double) -> Double { cAtanh(x) }
    public static func asin(_ x: Double) -> Double { cAsin(x) }
    public static func acos(_ x: Double) -> Double { cAcos(x) }
    public static func atan(_ x: Double) -> Double { cAtan(x) }
}

extension Float: KANScalar {
    public typealias Vector = SIMD16<Float>

    public var truncated: Int { Int(self) }

    public static func exp(_ x: Float) -> Float { cExp(x) }
    public static func log(_ x: Float) -> Float { cLog(x) }
    public static func log1p(_ x: Float) -> Float { cLog1p(x) }
    public static func sin(_ x: Float) -> Float { cSin(x) }
    public static func cos(_ x: Float) -> Float { cCos(x) }
    public static func tan(_ x: Float) -> Float { cTan(x) }
    public static func tanh(_ x: Float) -> Float { cTanh(x) }
    public static func atanh(_ x: Float) -> Float { cAtanh(x) }
    public static func asin(_ x: Float) -> Float { cAsin(x) }
    public static func acos(_ x: Float) -> Float { cAcos(x) }
    public static func atan(_ x: Float) -> Float { cAtan(x) }
}
