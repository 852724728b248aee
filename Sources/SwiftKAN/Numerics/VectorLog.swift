// The binary logarithm of a whole vector, for the entropies of regularisers.
//
// What it must get right, in this order:
//   1. Within 2 units in the last place, or of 1 where the logarithm is smaller, for normal positive numbers; ∞ and NaN give NaN.
//   2. Every lane on its own: no branch on the data, no table and no call.
//
// Method: x = 2ᵉ·m with √½ ≤ m < √2, both taken from the bits; log m = 2·atanh s with s = (m - 1)/(m + 1), |s| < 0.172, by the
// series s + s³/3 + …, whose first term left out is smaller than 1e-17 of the sum.

extension Double {
    /// log₂ e = 1/ln 2
    @inline(__always) static var log2e: Double { 0x1.71547652b82fep+0 }

    @inline(__always)
    static func log2(_ x: SIMD8<Double>) -> SIMD8<Double> {
        let bits = unsafeBitCast(x, to: SIMD8<Int64>.self)
        let exponent = (bits &- Int64(bitPattern: 0x3fe6_a09e_667f_3bcd)) &>> 52
        let m = unsafeBitCast(bits &- (exponent &<< 52), to: SIMD8<Double>.self)
        // The whole number as a double: added to the bits of 1.5·2⁵².
        let magic = SIMD8<Double>(repeating: 0x1.8p52)
        let e = unsafeBitCast(unsafeBitCast(magic, to: SIMD8<Int64>.self) &+ exponent, to: SIMD8<Double>.self) - magic
        let s = (m - 1) / (m + 1)
        let z = s * s
        var p = SIMD8<Double>(repeating: 1 / 21.0)
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 19.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 17.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 15.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 13.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 11.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 9.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 7.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 5.0))
        p = multiplyAdd(p, z, SIMD8(repeating: 1 / 3.0))
        let atanh = multiplyAdd(p * z, s, s)
        // x - x is 0, or NaN where x is no number.
        return multiplyAdd(atanh, SIMD8(repeating: 2 * log2e), e) + (x - x)
    }
}
