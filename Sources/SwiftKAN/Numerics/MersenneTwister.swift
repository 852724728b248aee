// MersenneTwister: the random numbers of the library.
//
// What it must get right, in this order:
//   1. The stream of MT19937 as torch's CPU generator and NumPy's RandomState draw it: the same seed gives the same
//      network, the same data set and the same batches as pykan.
//   2. A value, not a global: two generators never disturb one another, nor the user's.
//
// Source: M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998) 3–30; seeding is `init_genrand` of
// their 2002 version. Conversions: torch's `uniform_real_distribution`, NumPy's legacy `RandomState.shuffle`.

/// The generator MT19937 with the draws of torch and of NumPy's `RandomState`.
public struct MersenneTwister: Sendable {
    private static let size = 624
    private static let shift = 397

    /// The last block of `size` untempered words.
    private var state: [UInt32]
    /// The next word of the block; `size` means that the block is used up.
    private var index = MersenneTwister.size

    /// Starts the stream of this seed: torch's `manual_seed(seed)`, NumPy's `RandomState(seed)`.
    public init(seed: UInt32) {
        state = [UInt32](unsafeUninitializedCapacity: Self.size) { words, count in
            words[0] = seed
            for i in 1..<Self.size {
                let previous = words[i - 1]
                words[i] = 1_812_433_253 &* (previous ^ (previous &>> 30)) &+ UInt32(truncatingIfNeeded: i)
            }
            count = Self.size
        }
    }

    /// The next 32 random bits.
    public mutating func next() -> UInt32 {
        if index == Self.size { twist() }
        var y = state[index]
        index += 1
        y ^= y &>> 11
        y ^= (y &<< 7) & 0x9d2c_5680
        y ^= (y &<< 15) & 0xefc6_0000
        return y ^ (y &>> 18)
    }

    /// Leaves out the next `draws` words of the stream; nothing if `draws` ≤ 0.
    ///
    /// - Complexity: O(`draws`), a fraction of a nanosecond each: whole blocks are passed without tempering.
    public mutating func skip(_ draws: Int) {
        guard draws > 0 else { return }
        var rest = draws
        while rest > Self.size - index {
            rest -= Self.size - index
            twist()
        }
        index += rest
    }

    /// Replaces the used-up block by the next one.
    private mutating func twist() {
        state.withUnsafeMutableBufferPointer { words in
            func mix(_ upper: UInt32, _ lower: UInt32) -> UInt32 {
                let y = (upper & 0x8000_0000) | (lower & 0x7fff_ffff)
                return (y &>> 1) ^ (0 &- (y & 1)) & 0x9908_b0df
            }
            let turn = Self.size - Self.shift
            for i in 0..<turn { words[i] = words[i &+ Self.shift] ^ mix(words[i], words[i &+ 1]) }
            for i in turn..<(Self.size - 1) { words[i] = words[i &- turn] ^ mix(words[i], words[i &+ 1]) }
            words[Self.size - 1] = words[Self.shift - 1] ^ mix(words[Self.size - 1], words[0])
        }
        index = 0
    }

    // MARK: - torch's uniform numbers

    /// A uniform number in [0, 1) as `torch.rand(1, dtype=torch.float64)`: 53 bits of two words, the high one first.
    public mutating func uniformDouble() -> Double {
        let high = UInt64(next())
        let low = UInt64(next())
        return Double((high &<< 32 | low) & 0x1f_ffff_ffff_ffff) * 0x1p-53
    }

    /// A uniform number in [0, 1) as `torch.rand(1, dtype=torch.float32)`: 24 bits of one word.
    public mutating func uniformFloat() -> Float {
        Float(next() & 0xff_ffff) * 0x1p-24
    }

    /// A uniform number in [0, 1) as torch draws it in this precision: two words for `Double`, one for `Float`.
    public mutating func uniform<T: KANScalar>(_: T.Type) -> T {
        T.self == Float.self ? T(uniformFloat()) : T(uniformDouble())
    }

    // MARK: - NumPy's permutations

    /// The numbers 0 ..< `count` in random order, as `numpy.random.RandomState.permutation(count)`; empty if
    /// `count` ≤ 0.
    ///
    /// Fisher and Yates's shuffle from the end; an index in 0 ... i is drawn by masking 32 bits to the length of i
    /// and drawing again while the result exceeds i.
    /// - Precondition: `count` ≤ 2³², beyond which NumPy draws 64 bits an index.
    public mutating func permutation(_ count: Int) -> [Int] {
        var order: [Int] = []
        permute(&order, count: count)
        return order
    }

    /// As `permutation`, into an array that is there.
    mutating func permute(_ order: inout [Int], count: Int) {
        precondition(count <= 1 << 32)
        order.removeAll(keepingCapacity: true)
        order.append(contentsOf: 0..<Swift.max(count, 0))
        guard count > 1 else { return }
        for i in stride(from: count - 1, to: 0, by: -1) {
            let bound = UInt32(truncatingIfNeeded: i)
            let mask = UInt32.max &>> UInt32(truncatingIfNeeded: bound.leadingZeroBitCount)
            var j = next() & mask
            while j > bound { j = next() & mask }
            order.swapAt(i, Int(j))
        }
    }
}
