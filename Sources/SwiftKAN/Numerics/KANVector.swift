// KANVector: vectors of numbers whose arithmetic is an instruction each, in generic code too.
//
// What it must get right, in this order:
//   1. The same bits as `SIMD`'s own operators, which are loops over lanes: nothing is fused but in `multiplyAdd`.
//   2. `a + b` in a kernel means the operator below, whatever is known of the vector's type: those of `SIMD` take the compiler
//      minutes to unroll and to put together again.

import CVector

/// The vectors that kernels work with: 4 or 8 numbers of either type, or 16 floats.
///
/// Swift's `SIMD` has the same operators, lane by lane. Use those: the functions here are what they are made of.
public protocol KANVector: SIMD where Scalar: KANScalar {
    static func repeated(_ x: Scalar) -> Self
    static func sum(_ a: Self, _ b: Self) -> Self
    static func difference(_ a: Self, _ b: Self) -> Self
    static func product(_ a: Self, _ b: Self) -> Self
    static func quotient(_ a: Self, _ b: Self) -> Self
}

extension KANVector {
    @inline(__always) init(repeating x: Scalar) { self = Self.repeated(x) }
    @inline(__always) static func + (a: Self, b: Self) -> Self { sum(a, b) }
    @inline(__always) static func - (a: Self, b: Self) -> Self { difference(a, b) }
    @inline(__always) static func * (a: Self, b: Self) -> Self { product(a, b) }
    @inline(__always) static func / (a: Self, b: Self) -> Self { quotient(a, b) }
    @inline(__always) static func + (a: Self, b: Scalar) -> Self { sum(a, repeated(b)) }
    @inline(__always) static func - (a: Self, b: Scalar) -> Self { difference(a, repeated(b)) }
    @inline(__always) static func * (a: Self, b: Scalar) -> Self { product(a, repeated(b)) }
    @inline(__always) static func / (a: Self, b: Scalar) -> Self { quotient(a, repeated(b)) }
    @inline(__always) static func + (a: Scalar, b: Self) -> Self { sum(repeated(a), b) }
    @inline(__always) static func - (a: Scalar, b: Self) -> Self { difference(repeated(a), b) }
    @inline(__always) static func * (a: Scalar, b: Self) -> Self { product(repeated(a), b) }
    @inline(__always) static func / (a: Scalar, b: Self) -> Self { quotient(repeated(a), b) }
    @inline(__always) static prefix func - (a: Self) -> Self { difference(Self(), a) }
    @inline(__always) static func += (a: inout Self, b: Self) { a = sum(a, b) }
    @inline(__always) static func -= (a: inout Self, b: Self) { a = difference(a, b) }
    @inline(__always) static func *= (a: inout Self, b: Self) { a = product(a, b) }
    @inline(__always) static func += (a: inout Self, b: Scalar) { a = sum(a, repeated(b)) }
    @inline(__always) static func -= (a: inout Self, b: Scalar) { a = difference(a, repeated(b)) }
    @inline(__always) static func *= (a: inout Self, b: Scalar) { a = product(a, repeated(b)) }
}

// MARK: - For each vector

extension SIMD4: KANVector where Scalar: KANScalar {
    @inline(__always) public static func repeated(_ x: Scalar) -> Self { Scalar.repeated(x) }
    @inline(__always) public static func sum(_ a: Self, _ b: Self) -> Self { Scalar.sum(a, b) }
    @inline(__always) public static func difference(_ a: Self, _ b: Self) -> Self { Scalar.difference(a, b) }
    @inline(__always) public static func product(_ a: Self, _ b: Self) -> Self { Scalar.product(a, b) }
    @inline(__always) public static func quotient(_ a: Self, _ b: Self) -> Self { Scalar.quotient(a, b) }
}

extension SIMD8: KANVector where Scalar: KANScalar {
    @inline(__always) public static func repeated(_ x: Scalar) -> Self { Scalar.repeated(x) }
    @inline(__always) public static func sum(_ a: Self, _ b: Self) -> Self { Scalar.sum(a, b) }
    @inline(__always) public static func difference(_ a: Self, _ b: Self) -> Self { Scalar.difference(a, b) }
    @inline(__always) public static func product(_ a: Self, _ b: Self) -> Self { Scalar.product(a, b) }
    @inline(__always) public static func quotient(_ a: Self, _ b: Self) -> Self { Scalar.quotient(a, b) }
}

extension SIMD16: KANVector where Scalar == Float {
    @inline(__always) public static func repeated(_ x: Float) -> Self { swiftkan_float16_repeating(x) }
    @inline(__always) public static func sum(_ a: Self, _ b: Self) -> Self { swiftkan_float16_add(a, b) }
    @inline(__always) public static func difference(_ a: Self, _ b: Self) -> Self { swiftkan_float16_subtract(a, b) }
    @inline(__always) public static func product(_ a: Self, _ b: Self) -> Self { swiftkan_float16_multiply(a, b) }
    @inline(__always) public static func quotient(_ a: Self, _ b: Self) -> Self { swiftkan_float16_divide(a, b) }
}

// MARK: - For each type of number

extension Double {
    @inline(__always) public static func repeated(_ x: Double) -> SIMD4<Double> { swiftkan_double4_repeating(x) }
    @inline(__always) public static func sum(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> SIMD4<Double> { swiftkan_double4_add(a, b) }
    @inline(__always) public static func difference(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> SIMD4<Double> { swiftkan_double4_subtract(a, b) }
    @inline(__always) public static func product(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> SIMD4<Double> { swiftkan_double4_multiply(a, b) }
    @inline(__always) public static func quotient(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> SIMD4<Double> { swiftkan_double4_divide(a, b) }
    @inline(__always) public static func repeated(_ x: Double) -> SIMD8<Double> { swiftkan_double8_repeating(x) }
    @inline(__always) public static func sum(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> SIMD8<Double> { swiftkan_double8_add(a, b) }
    @inline(__always) public static func difference(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> SIMD8<Double> { swiftkan_double8_subtract(a, b) }
    @inline(__always) public static func product(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> SIMD8<Double> { swiftkan_double8_multiply(a, b) }
    @inline(__always) public static func quotient(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> SIMD8<Double> { swiftkan_double8_divide(a, b) }
}

extension Float {
    @inline(__always) public static func repeated(_ x: Float) -> SIMD4<Float> { swiftkan_float4_repeating(x) }
    @inline(__always) public static func sum(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> SIMD4<Float> { swiftkan_float4_add(a, b) }
    @inline(__always) public static func difference(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> SIMD4<Float> { swiftkan_float4_subtract(a, b) }
    @inline(__always) public static func product(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> SIMD4<Float> { swiftkan_float4_multiply(a, b) }
    @inline(__always) public static func quotient(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> SIMD4<Float> { swiftkan_float4_divide(a, b) }
    @inline(__always) public static func repeated(_ x: Float) -> SIMD8<Float> { swiftkan_float8_repeating(x) }
    @inline(__always) public static func sum(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> { swiftkan_float8_add(a, b) }
    @inline(__always) public static func difference(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> { swiftkan_float8_subtract(a, b) }
    @inline(__always) public static func product(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> { swiftkan_float8_multiply(a, b) }
    @inline(__always) public static func quotient(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> { swiftkan_float8_divide(a, b) }
}
