// The exponential function of a whole vector, for the base function silu and for sigmoids.
//
// What it must get right, in this order:
//   1. Within 2 units in the last place over the whole range; exp(-∞) = 0, exp(∞) = ∞, NaN stays NaN.
//   2. Every lane on its own: no branch on the data.
//   3. No table and no call: about twenty multiplications and additions a vector.
//
// Method: x = n·ln 2 + r with |r| ≤ ln 2 / 2, n found by adding 1.5·2^(mantissa bits) (rounding to nearest), ln 2 in two
// parts (Cody and Waite, 1980) so that r keeps its low bits; exp(r) by its Taylor polynomial, whose degree makes the
// first term left out smaller than a quarter of a unit in the last place; 2ⁿ in two factors by writing n into exponent bits,
// so that results next to overflow and among the subnormal numbers come out right.

extension Double {
    @inline(__always)
    public static func exp(_ x: SIMD8<Double>) -> SIMD8<Double> {
        // Beyond these bounds the result is ∞ or 0 anyway; a comparison keeps NaN as it is.
        var y = x
        y.replace(with: SIMD8(repeating: 710), where: x .> 710)
        y.replace(with: SIMD8(repeating: -750), where: x .< -750)
        let magic = SIMD8<Double>(repeating: 0x1.8p52)
        let shifted = y * 0x1.71547652b82fep+0 + magic
        let n = shifted - magic
        let r = (y - n * 0x1.62e42fefa0000p-1) - n * 0x1.cf79abc9e3b39p-40
        var p = SIMD8<Double>(repeating: 1 / 6227020800.0)
        p = p * r + 1 / 479001600.0
        p = p * r + 1 / 39916800.0
        p = p * r + 1 / 3628800.0
        p = p * r + 1 / 362880.0
        p = p * r + 1 / 40320.0
        p = p * r + 1 / 5040.0
        p = p * r + 1 / 720.0
        p = p * r + 1 / 120.0
        p = p * r + 1 / 24.0
        p = p * r + 1 / 6.0
        p = p * r + 0.5
        p = (p * r) * r + r + 1
        let bits = unsafeBitCast(shifted, to: SIMD8<Int64>.self) &- unsafeBitCast(magic, to: SIMD8<Int64>.self)
        let half = bits &>> 1
        let low = unsafeBitCast((half &+ 1023) &<< 52, to: SIMD8<Double>.self)
        let high = unsafeBitCast((bits &- half &+ 1023) &<< 52, to: SIMD8<Double>.self)
        return p * low * high
    }

    /// 1 / (1 + e^-x), within 2 units in the last place above 1e-300; NaN stays NaN.
    ///
    /// With e^r = (Q + P) / (Q - P), P = r·p(r²) and Q = q(r²) (Cephes' coefficients, S. Moshier 1984), and e^-x = 2ⁿ·e^r,
    /// it is (Q - P) / ((Q - P) + 2ⁿ·(Q + P)): one division, not two.
    @inline(__always)
    public static func sigmoid(_ x: SIMD8<Double>) -> SIMD8<Double> {
        // From 710 on 2ⁿ is infinite and the result 0: 1e-304, say, would count beside the largest x.
        let y = clamp(-x, -700, 710)
        let magic = SIMD8<Double>(repeating: 0x1.8p52)
        let shifted = multiplyAdd(y, SIMD8(repeating: 0x1.71547652b82fep+0), magic)
        let n = shifted - magic
        let r = multiplyAdd(
            n, SIMD8(repeating: -0x1.cf79abc9e3b39p-40), multiplyAdd(n, SIMD8(repeating: -0x1.62e42fefa0000p-1), y))
        let z = r * r
        var p = SIMD8<Double>(repeating: 1.26177193074810590878e-4)
        p = multiplyAdd(p, z, SIMD8(repeating: 3.02994407707441961300e-2))
        p = multiplyAdd(p, z, SIMD8(repeating: 9.99999999999999999910e-1)) * r
        var q = SIMD8<Double>(repeating: 3.00198505138664455042e-6)
        q = multiplyAdd(q, z, SIMD8(repeating: 2.52448340349684104192e-3))
        q = multiplyAdd(q, z, SIMD8(repeating: 2.27265548208155028766e-1))
        q = multiplyAdd(q, z, SIMD8(repeating: 2.00000000000000000009e0))
        let bits = unsafeBitCast(shifted, to: SIMD8<Int64>.self) &- unsafeBitCast(magic, to: SIMD8<Int64>.self)
        let power = unsafeBitCast((bits &+ 1023) &<< 52, to: SIMD8<Double>.self)
        let low = q - p
        return low / multiplyAdd(power, q + p, low)
    }
}

extension Float {
    /// 1 / (1 + e^-x).
    @inline(__always)
    public static func sigmoid(_ x: SIMD16<Float>) -> SIMD16<Float> { 1 / (1 + exp(-x)) }

    @inline(__always)
    public static func exp(_ x: SIMD16<Float>) -> SIMD16<Float> {
        var y = x
        y.replace(with: SIMD16(repeating: 89), where: x .> 89)
        y.replace(with: SIMD16(repeating: -106), where: x .< -106)
        let magic = SIMD16<Float>(repeating: 0x1.8p23)
        let shifted = y * 0x1.715476p+0 + magic
        let n = shifted - magic
        let r = (y - n * 0x1.62e400p-1) - n * 0x1.7f7d1cp-20
        var p = SIMD16<Float>(repeating: 1 / 5040)
        p = multiplyAdd(p, r, SIMD16(repeating: 1 / 720))
        p = multiplyAdd(p, r, SIMD16(repeating: 1 / 120))
        p = multiplyAdd(p, r, SIMD16(repeating: 1 / 24))
        p = multiplyAdd(p, r, SIMD16(repeating: 1 / 6))
        p = multiplyAdd(p, r, SIMD16(repeating: 0.5))
        p = multiplyAdd(p * r, r, r) + 1
        let bits = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &- unsafeBitCast(magic, to: SIMD16<Int32>.self)
        let half = bits &>> 1
        let low = unsafeBitCast((half &+ 127) &<< 23, to: SIMD16<Float>.self)
        let high = unsafeBitCast((bits &- half &+ 127) &<< 23, to: SIMD16<Float>.self)
        return p * low * high
    }
}
