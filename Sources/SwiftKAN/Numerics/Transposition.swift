// Transposition: eight numbers each of as many rows as a vector has lanes, into eight vectors with a lane for each row, and back.
//
// What it must get right: no number passes memory alone. Parting the numbers of a sequence into those at even places and those at
// odd ones moves the lowest bit of a number's place to the top; three times that turns (rows, 8) into (8, rows).

/// Eight vectors: (T.lanes rows, 8 columns) or, transposed, (8 columns, T.lanes rows).
struct VectorBlock<T: KANScalar> {
    private var a, b, c, d, e, f, g, h: T.Vector

    /// (8 columns, T.lanes rows) of the rows at p, p + stride, …
    @inline(__always)
    init(columnsAt p: UnsafePointer<T>, stride: Int) {
        a = T.loadEights(p, stride: stride, number: 0)
        b = T.loadEights(p, stride: stride, number: 1)
        c = T.loadEights(p, stride: stride, number: 2)
        d = T.loadEights(p, stride: stride, number: 3)
        e = T.loadEights(p, stride: stride, number: 4)
        f = T.loadEights(p, stride: stride, number: 5)
        g = T.loadEights(p, stride: stride, number: 6)
        h = T.loadEights(p, stride: stride, number: 7)
        unshuffle()
        unshuffle()
        unshuffle()
    }

    @inline(__always)
    init(_ column: (Int) -> T.Vector) {
        (a, b, c, d) = (column(0), column(1), column(2), column(3))
        (e, f, g, h) = (column(4), column(5), column(6), column(7))
    }

    /// Calls `body` with each column and its number.
    @inline(__always)
    func forEach(_ body: (Int, T.Vector) -> Void) {
        body(0, a)
        body(1, b)
        body(2, c)
        body(3, d)
        body(4, e)
        body(5, f)
        body(6, g)
        body(7, h)
    }

    /// Writes the rows to p, p + stride, …, 8 numbers each, in this order.
    @inline(__always)
    func storeRows(_ p: UnsafeMutablePointer<T>, stride: Int) {
        var rows = self
        rows.shuffle()
        rows.shuffle()
        rows.shuffle()
        rows.forEach { number, v in T.storeEights(v, p, stride: stride, number: number) }
    }

    @inline(__always)
    private mutating func unshuffle() {
        let (ab, cd, ef, gh) = (T.unshuffled(a, b), T.unshuffled(c, d), T.unshuffled(e, f), T.unshuffled(g, h))
        (a, b, c, d, e, f, g, h) = (ab.0, cd.0, ef.0, gh.0, ab.1, cd.1, ef.1, gh.1)
    }

    @inline(__always)
    private mutating func shuffle() {
        let (ab, cd, ef, gh) = (T.shuffled(a, e), T.shuffled(b, f), T.shuffled(c, g), T.shuffled(d, h))
        (a, b, c, d, e, f, g, h) = (ab.0, ab.1, cd.0, cd.1, ef.0, ef.1, gh.0, gh.1)
    }
}

extension Double {
    /// Of the lanes of a and then b, those of even number and those of odd number.
    @inline(__always)
    public static func unshuffled(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> (SIMD8<Double>, SIMD8<Double>) {
        (SIMD8(lowHalf: a.evenHalf, highHalf: b.evenHalf), SIMD8(lowHalf: a.oddHalf, highHalf: b.oddHalf))
    }
    /// The inverse of `unshuffled`: lanes of a and b in turn.
    @inline(__always)
    public static func shuffled(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> (SIMD8<Double>, SIMD8<Double>) {
        var (low, high) = (a, b)
        (low.evenHalf, low.oddHalf) = (a.lowHalf, b.lowHalf)
        (high.evenHalf, high.oddHalf) = (a.highHalf, b.highHalf)
        return (low, high)
    }
    /// The vector number `number` of the rows' first 8 numbers: one row.
    @inline(__always)
    public static func loadEights(_ p: UnsafePointer<Double>, stride: Int, number: Int) -> SIMD8<Double> {
        UnsafeRawPointer(p + number &* stride).loadUnaligned(as: SIMD8<Double>.self)
    }
    @inline(__always)
    public static func storeEights(_ v: SIMD8<Double>, _ p: UnsafeMutablePointer<Double>, stride: Int, number: Int) {
        UnsafeMutableRawPointer(p + number &* stride).storeBytes(of: v, as: SIMD8<Double>.self)
    }
}

extension Float {
    @inline(__always)
    public static func unshuffled(_ a: SIMD16<Float>, _ b: SIMD16<Float>) -> (SIMD16<Float>, SIMD16<Float>) {
        (SIMD16(lowHalf: a.evenHalf, highHalf: b.evenHalf), SIMD16(lowHalf: a.oddHalf, highHalf: b.oddHalf))
    }
    @inline(__always)
    public static func shuffled(_ a: SIMD16<Float>, _ b: SIMD16<Float>) -> (SIMD16<Float>, SIMD16<Float>) {
        var (low, high) = (a, b)
        (low.evenHalf, low.oddHalf) = (a.lowHalf, b.lowHalf)
        (high.evenHalf, high.oddHalf) = (a.highHalf, b.highHalf)
        return (low, high)
    }
    /// The vector number `number` of the rows' first 8 numbers: two rows.
    @inline(__always)
    public static func loadEights(_ p: UnsafePointer<Float>, stride: Int, number: Int) -> SIMD16<Float> {
        let q = p + 2 &* number &* stride
        return SIMD16(
            lowHalf: UnsafeRawPointer(q).loadUnaligned(as: SIMD8<Float>.self),
            highHalf: UnsafeRawPointer(q + stride).loadUnaligned(as: SIMD8<Float>.self))
    }
    @inline(__always)
    public static func storeEights(_ v: SIMD16<Float>, _ p: UnsafeMutablePointer<Float>, stride: Int, number: Int) {
        let q = p + 2 &* number &* stride
        UnsafeMutableRawPointer(q).storeBytes(of: v.lowHalf, as: SIMD8<Float>.self)
        UnsafeMutableRawPointer(q + stride).storeBytes(of: v.highHalf, as: SIMD8<Float>.self)
    }
}
