// VectorGroup: one to four vectors of outputs that a wide kernel keeps in registers.
//
// What it must get right: `count` is a constant where these are used, so that every test of it goes at compile time.

struct VectorGroup<T: KANScalar> {
    var a, b, c, d: T.Vector

    @inline(__always)
    init() { (a, b, c, d) = (.zero, .zero, .zero, .zero) }

    @inline(__always)
    init(_ p: UnsafePointer<T.Vector>, _ count: Int) {
        a = p[0]
        b = count > 1 ? p[1] : .zero
        c = count > 2 ? p[2] : .zero
        d = count > 3 ? p[3] : .zero
    }

    @inline(__always)
    func store(_ p: UnsafeMutablePointer<T.Vector>, _ count: Int) {
        p[0] = a
        if count > 1 { p[1] = b }
        if count > 2 { p[2] = c }
        if count > 3 { p[3] = d }
    }

    /// self += v·row
    @inline(__always)
    mutating func add(_ v: T.Vector, _ row: UnsafePointer<T.Vector>, _ count: Int) {
        a = T.multiplyAdd(v, row[0], a)
        if count > 1 { b = T.multiplyAdd(v, row[1], b) }
        if count > 2 { c = T.multiplyAdd(v, row[2], c) }
        if count > 3 { d = T.multiplyAdd(v, row[3], d) }
    }

    /// self += v·other
    @inline(__always)
    mutating func add(_ v: T.Vector, _ other: VectorGroup, _ count: Int) {
        a = T.multiplyAdd(v, other.a, a)
        if count > 1 { b = T.multiplyAdd(v, other.b, b) }
        if count > 2 { c = T.multiplyAdd(v, other.c, c) }
        if count > 3 { d = T.multiplyAdd(v, other.d, d) }
    }

    /// sum + the products of all lanes, lane by lane over the vectors.
    @inline(__always)
    func dot(_ other: VectorGroup, _ count: Int, _ sum: T.Vector) -> T.Vector {
        var sum = T.multiplyAdd(a, other.a, sum)
        if count > 1 { sum = T.multiplyAdd(b, other.b, sum) }
        if count > 2 { sum = T.multiplyAdd(c, other.c, sum) }
        if count > 3 { sum = T.multiplyAdd(d, other.d, sum) }
        return sum
    }
}
