// Operations on vectors that kernels need, for each concrete vector type: comparisons, fused products, sums over lanes, roots, conversions.
//
// What it must get right: NaN compares false, so it is neither clamped nor inside a cell, and reaches the result.
// They are written for the concrete types because the generic operators of `SIMD` compile to a loop over lanes.

import CVector

extension Double {
    /// 1 in the lanes where x ≥ t, else 0.
    @inline(__always)
    public static func atLeast(_ x: SIMD8<Double>, _ t: Double) -> SIMD8<Double> {
        SIMD8<Double>.zero.replacing(with: 1, where: x .>= t)
    }
    /// 1 in the lanes where x > t, else 0.
    @inline(__always)
    public static func above(_ x: SIMD8<Double>, _ t: Double) -> SIMD8<Double> {
        SIMD8<Double>.zero.replacing(with: 1, where: x .> t)
    }
    /// x, moved into [low, high]; NaN stays.
    @inline(__always)
    public static func clamp(_ x: SIMD8<Double>, _ low: Double, _ high: Double) -> SIMD8<Double> {
        x.replacing(with: low, where: x .< low).replacing(with: high, where: x .> high)
    }
    /// a·b + c: one instruction and one rounding where the build has it, else two.
    @inline(__always)
    public static func multiplyAdd(_ a: SIMD8<Double>, _ b: SIMD8<Double>, _ c: SIMD8<Double>) -> SIMD8<Double> {
        #if SWIFTKAN_FMA
        swiftkan_double8_multiply_add(a, b, c)
        #else
        c + a * b
        #endif
    }
    /// c - a·b: one instruction and one rounding where the build has it, else two. (`-a` is 0 - a, an instruction more.)
    @inline(__always)
    public static func multiplySubtract(_ a: SIMD8<Double>, _ b: SIMD8<Double>, _ c: SIMD8<Double>) -> SIMD8<Double> {
        #if SWIFTKAN_FMA
        let sign = SIMD8<UInt64>(repeating: 1 << (UInt64.bitWidth - 1))
        let negative = unsafeBitCast(unsafeBitCast(a, to: SIMD8<UInt64>.self) ^ sign, to: SIMD8<Double>.self)
        return swiftkan_double8_multiply_add(negative, b, c)
        #else
        return c - a * b
        #endif
    }
    /// The sum of all lanes, in halves: three additions one after another, not seven.
    @inline(__always)
    public static func total(_ x: SIMD8<Double>) -> Double {
        let four = x.lowHalf + x.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
    /// The sums of the lanes of `count` vectors that are in memory, in place: the first `count` numbers of it. For one that is in a
    /// register, `total`.
    @inline(never)
    public static func totals(_ vectors: UnsafeMutablePointer<SIMD8<Double>>, _ count: Int) {
        let raw = UnsafeMutableRawPointer(vectors)
        let four = raw.assumingMemoryBound(to: SIMD4<Double>.self)
        for e in 0..<count { four[e] = four[2 &* e] + four[2 &* e &+ 1] }
        let two = raw.assumingMemoryBound(to: SIMD2<Double>.self)
        for e in 0..<count { two[e] = two[2 &* e] + two[2 &* e &+ 1] }
        let one = raw.assumingMemoryBound(to: Double.self)
        for e in 0..<count { one[e] = one[2 &* e] + one[2 &* e &+ 1] }
    }
    /// The same numbers in double precision.
    @inline(__always)
    public static func doubles(_ x: SIMD8<Double>) -> SIMD8<Double> { x }
    /// The doubles, rounded to numbers of this type.
    @inline(__always)
    public static func numbers(_ x: SIMD8<Double>) -> SIMD8<Double> { x }
    @inline(__always)
    static func squareRoot(_ x: SIMD8<Double>) -> SIMD8<Double> { swiftkan_double8_square_root(x) }
    /// The whole number next to x, which is one of 0 … 2^22; a few instructions where `Int(x)` has tests.
    @inline(__always)
    public static func rounded(_ x: Double) -> Int { Int((x + 0x1p52).bitPattern & 0xf_ffff_ffff_ffff) }
    /// max(0, min(a, b)); NaN counts as 0.
    @inline(__always)
    public static func hat(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> SIMD8<Double> {
        let lower = a.replacing(with: b, where: b .< a)
        return SIMD8<Double>.zero.replacing(with: lower, where: lower .> 0)
    }
    /// x, but 0 in the lanes where g is 0: a product with g is then 0 even if x is infinite or NaN.
    @inline(__always)
    public static func zeroWhereZero(_ x: SIMD8<Double>, _ g: SIMD8<Double>) -> SIMD8<Double> {
        x.replacing(with: 0, where: g .== 0)
    }
}

extension Float {
    @inline(__always)
    public static func atLeast(_ x: SIMD16<Float>, _ t: Float) -> SIMD16<Float> {
        SIMD16<Float>.zero.replacing(with: 1, where: x .>= t)
    }
    @inline(__always)
    public static func above(_ x: SIMD16<Float>, _ t: Float) -> SIMD16<Float> {
        SIMD16<Float>.zero.replacing(with: 1, where: x .> t)
    }
    @inline(__always)
    public static func clamp(_ x: SIMD16<Float>, _ low: Float, _ high: Float) -> SIMD16<Float> {
        x.replacing(with: low, where: x .< low).replacing(with: high, where: x .> high)
    }
    /// a·b + c: one instruction and one rounding where the build has it, else two.
    @inline(__always)
    public static func multiplyAdd(_ a: SIMD16<Float>, _ b: SIMD16<Float>, _ c: SIMD16<Float>) -> SIMD16<Float> {
        #if SWIFTKAN_FMA
        swiftkan_float16_multiply_add(a, b, c)
        #else
        c + a * b
        #endif
    }
    /// c - a·b: one instruction and one rounding where the build has it, else two. (`-a` is 0 - a, an instruction more.)
    @inline(__always)
    public static func multiplySubtract(_ a: SIMD16<Float>, _ b: SIMD16<Float>, _ c: SIMD16<Float>) -> SIMD16<Float> {
        #if SWIFTKAN_FMA
        let sign = SIMD16<UInt32>(repeating: 1 << (UInt32.bitWidth - 1))
        let negative = unsafeBitCast(unsafeBitCast(a, to: SIMD16<UInt32>.self) ^ sign, to: SIMD16<Float>.self)
        return swiftkan_float16_multiply_add(negative, b, c)
        #else
        return c - a * b
        #endif
    }
    /// The sum of all lanes, in halves: four additions one after another, not fifteen.
    @inline(__always)
    public static func total(_ x: SIMD16<Float>) -> Float {
        let eight = x.lowHalf + x.highHalf
        let four = eight.lowHalf + eight.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
    @inline(__always)
    public static func doubles(_ x: SIMD8<Float>) -> SIMD8<Double> {
        swiftkan_double8_of_float8(x)
    }
    @inline(__always)
    public static func numbers(_ x: SIMD8<Double>) -> SIMD8<Float> {
        swiftkan_float8_of_double8(x)
    }
    @inline(__always)
    public static func multiplyAdd(_ a: SIMD8<Float>, _ b: SIMD8<Float>, _ c: SIMD8<Float>) -> SIMD8<Float> {
        #if SWIFTKAN_FMA
        swiftkan_float8_multiply_add(a, b, c)
        #else
        c + a * b
        #endif
    }
    /// The sums of the lanes of `count` vectors, in place: the first `count` numbers of the memory.
    @inline(never)
    public static func totals(_ vectors: UnsafeMutablePointer<SIMD16<Float>>, _ count: Int) {
        let raw = UnsafeMutableRawPointer(vectors)
        let eight = raw.assumingMemoryBound(to: SIMD8<Float>.self)
        for e in 0..<count { eight[e] = eight[2 &* e] + eight[2 &* e &+ 1] }
        let four = raw.assumingMemoryBound(to: SIMD4<Float>.self)
        for e in 0..<count { four[e] = four[2 &* e] + four[2 &* e &+ 1] }
        let two = raw.assumingMemoryBound(to: SIMD2<Float>.self)
        for e in 0..<count { two[e] = two[2 &* e] + two[2 &* e &+ 1] }
        let one = raw.assumingMemoryBound(to: Float.self)
        for e in 0..<count { one[e] = one[2 &* e] + one[2 &* e &+ 1] }
    }
    /// The whole number next to x, which is one of 0 … 2^22; a few instructions where `Int(x)` has tests.
    @inline(__always)
    public static func rounded(_ x: Float) -> Int { Int((x + 0x1p23).bitPattern & 0x7f_ffff) }
    /// max(0, min(a, b)); NaN counts as 0.
    @inline(__always)
    public static func hat(_ a: SIMD16<Float>, _ b: SIMD16<Float>) -> SIMD16<Float> {
        let lower = a.replacing(with: b, where: b .< a)
        return SIMD16<Float>.zero.replacing(with: lower, where: lower .> 0)
    }
    /// x, but 0 in the lanes where g is 0: a product with g is then 0 even if x is infinite or NaN.
    @inline(__always)
    public static func zeroWhereZero(_ x: SIMD16<Float>, _ g: SIMD16<Float>) -> SIMD16<Float> {
        x.replacing(with: 0, where: g .== 0)
    }
}
