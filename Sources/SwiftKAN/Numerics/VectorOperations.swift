// Comparisons of vectors that kernels need, for each concrete vector type.
//
// What it must get right: NaN compares false, so it is neither clamped nor inside a cell, and reaches the result.
// They are written for the concrete types because the generic operators of `SIMD` compile to a loop over lanes.

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
        c.addingProduct(a, b)
        #else
        c + a * b
        #endif
    }
    /// The sum of all lanes, in halves: three additions one after another, not seven.
    @inline(__always)
    public static func total(_ x: SIMD8<Double>) -> Double {
        let four = x.lowHalf + x.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
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
        c.addingProduct(a, b)
        #else
        c + a * b
        #endif
    }
    @inline(__always)
    public static func multiplyAdd(_ a: SIMD8<Float>, _ b: SIMD8<Float>, _ c: SIMD8<Float>) -> SIMD8<Float> {
        #if SWIFTKAN_FMA
        c.addingProduct(a, b)
        #else
        c + a * b
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
